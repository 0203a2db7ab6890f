"""The command `canzhi code`: JSON as in the contract, tables in two languages, exit codes, standard input."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from service.commands.code import code

GOOD = "04QCB52091380JG120006435"
BAD = "T01PH010000001B150000123"


def _run(*arguments, text=None):
    return CliRunner().invoke(code, [*arguments, "--as-of", "2026-11-23"], input=text, catch_exceptions=False)


def test_json_has_the_fields_of_the_contract():
    result = _run(GOOD, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    named = "code valid kind level battery_type vendor spec trace made_on serial warnings reason"
    assert list(answer)[:12] == named.split()
    assert (answer["code"], answer["valid"], answer["level"], answer["made_on"]) == (GOOD, True, "cell", "2026-01-02")
    assert (answer["warnings"], answer["reason"]) == ([], None)


def test_one_refused_code_makes_the_exit_code_one():
    result = _run(GOOD, BAD, "--json")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [answer["reason"] for answer in answers] == [None, "type_letter"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("EVE Energy", "position 5 is not")), ("zh", ("亿纬锂能", "第5位不是"))]
)
@pytest.mark.parametrize("copies", [1, 4])
def test_the_language_can_be_chosen(language, words, copies):
    result = _run(*[GOOD, BAD] * copies, "--language", language)
    assert result.exit_code == 1
    for word in words:
        assert result.stdout.count(word) == copies


def test_codes_come_from_standard_input_too():
    result = _run("-", "--json", text=f"{GOOD}\r\n\n[>16{'X' * 36}{GOOD}\n")
    assert result.exit_code == 0
    assert [json.loads(line)["code"] for line in result.stdout.splitlines()] == [GOOD, GOOD]


def test_square_brackets_are_no_markup():
    result = _run("[red]" + BAD)
    assert "[RED]" in result.stdout


def test_wrong_usage_is_exit_code_two():
    assert CliRunner().invoke(code, []).exit_code == 2
    assert _run("-", text="\n").exit_code == 2


def test_bytes_that_are_no_text_are_refused_not_raised():
    result = _run("-", "--json", text=b"\xff\xfe\x00")
    assert (result.exit_code, json.loads(result.stdout)["valid"]) == (1, False)
    assert _run("T01\udcff", "--json").exit_code == 1
