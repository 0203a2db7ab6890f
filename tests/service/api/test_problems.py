from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest

import valuation
from service.api.problems import MAX_DETAIL_LENGTH, STATUS, Problem, problem_of, status_of
from valuation import errors


def _classes(root: type) -> list[type]:
    return [root, *(found for child in root.__subclasses__() for found in _classes(child))]


def _all_errors() -> list[type[errors.CanzhiError]]:
    for module in pkgutil.walk_packages(valuation.__path__, "valuation."):
        importlib.import_module(module.name)
    return [kind for kind in _classes(errors.CanzhiError) if kind is not errors.CanzhiError]


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_a_code_and_a_title(kind):
    problem = problem_of(kind("record.not_a_text", hint="record.give_true_value", field="soh", value=[1]))
    assert 400 <= problem.status <= 599
    assert problem.code == kind.code
    assert problem.type.endswith(f":{kind.code}")
    assert problem.title == kind.__doc__.splitlines()[0]
    assert (problem.detail, problem.field) == ("soh is a list, not a text", "soh")
    assert problem.hint == "give the true value, or leave the field out if it is not known"


def test_an_error_is_answered_in_the_language_that_the_caller_prefers(shared_client):
    record = {"battery_code": "001PB0A0000001A680000123", "chemistry": "LFP", "rated_energy_kwh": 1e9}
    refused = {
        language: shared_client.post("/v1/checks", json={"trace": record}, headers={"accept-language": language}).json()
        for language in ("en", "zh-CN,zh;q=0.9")
    }
    english, chinese = refused.values()
    assert english["code"] == chinese["code"]
    assert english["detail"].isascii()
    assert "额定能量" in chinese["detail"]
    unknown = shared_client.get("/v1/nowhere", headers={"accept-language": "zh"}).json()
    assert not unknown["detail"].isascii()


def test_an_error_outside_every_branch_is_found():
    class Stray(errors.CanzhiError):
        pass

    try:
        with pytest.raises(StopIteration):
            status_of(Stray)
    finally:
        del Stray


def test_the_root_has_no_status_so_that_a_new_branch_must_be_given_one():
    assert errors.CanzhiError not in STATUS


def test_a_long_message_is_cut():
    assert len(problem_of(errors.FieldError("record.not_a_text", field="x" * 10_000)).detail) == MAX_DETAIL_LENGTH


def test_a_problem_omits_unknown_fields():
    made = Problem(type="t", title="t", status=400, code="c", detail="d")
    assert set(msgspec.json.decode(msgspec.json.encode(made))) == {"type", "title", "status", "code", "detail"}
