"""The page: its templates ask for sentences of the catalogue, which names everything the core can say."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from valuation import errors, messages
from valuation.answer.evidence import ACTIONS
from valuation.condition.readings import SOURCES
from valuation.messages import sentences
from valuation.provenance.catalogue import CHECKS
from valuation.record.fields import CHEMISTRIES
from valuation.routes.closures import CLOSURES, closure_caution
from valuation.routes.structural_value import ROUTES

CJK = re.compile(r"[\u4e00-\u9fff]")
TEMPLATES = {
    one.name: one.read_text("utf-8")
    for one in resources.files("service.web").joinpath("templates").iterdir()
    if one.name.endswith(".html")
}


def test_templates_use_only_existing_messages():
    asked = {key for text in TEMPLATES.values() for key in re.findall(r"\bt\('([a-z_0-9.]+)'", text)}
    assert len(asked) > 80
    assert {key for key in asked if not key.endswith(".")} <= sentences("page").keys()


def test_templates_hold_no_sentence_of_their_own_and_nothing_inline():
    for name, template in TEMPLATES.items():
        text = re.sub(r"\{% block kind %\}.*?\{% endblock %\}", "", template)  # a class, not a sentence
        spoken = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", text, flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>| aria-[a-z]+=\"[^\"]*\"", " ", spoken)
        assert not re.search(r"[A-Za-z]{4,}", bare.replace("canzhi reproduce", "").replace("canzhi", "")), name
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)|javascript:|\|\s*safe", text), name
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), name


def classes(kind):
    yield kind
    for below in kind.__subclasses__():
        yield from classes(below)


def test_every_error_of_the_core_has_a_title():
    assert {f"problem.{kind.code}" for kind in classes(errors.CanzhiError)} <= sentences("page").keys()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("route", ROUTES),
        ("chemistry", CHEMISTRIES),
        ("source", SOURCES),
        ("tier", ("T0", "T1", "T2", "T3", "T4")),
        ("grade", tuple("ABCD")),
        ("severity", ("info", "warn", "block")),
        ("element", ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "graphite")),
    ],
)
def test_every_value_of_an_answer_has_a_name(kind, values):
    assert all(f"{kind}.{value}" in sentences("names") for value in values)


def test_the_effect_of_a_caution_is_in_chinese_too():
    cautions = [*(check.caution(1.0) for check in CHECKS), *map(closure_caution, CLOSURES)]
    assert [one.id for one in cautions if not CJK.search(one.effect_zh) or CJK.search(one.effect)] == []
    assert all(CJK.search(messages.name("zh", "action", action)) for action in ACTIONS)
