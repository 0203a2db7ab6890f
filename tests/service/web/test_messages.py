"""The message catalogue: complete in both languages, used by the templates, with names for all values."""

from __future__ import annotations

import re
import string
from importlib import resources

import pytest

from service.web import messages
from service.web.caution_effects import CHINESE, effect_of
from service.web.messages import problems
from valuation import errors
from valuation.answer.evidence import ACTIONS
from valuation.condition.readings import SOURCES
from valuation.provenance.catalogue import CHECKS
from valuation.provenance.hierarchy_checks import REPEATED_PACK
from valuation.record.fields import CHEMISTRIES
from valuation.routes.closures import closure_caution
from valuation.routes.structural_value import ROUTES

CJK = re.compile(r"[\u4e00-\u9fff]")
TEMPLATES = {
    one.name: one.read_text("utf-8")
    for one in resources.files("service.web").joinpath("templates").iterdir()
    if one.name.endswith(".html")
}


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_each_sentence_is_said_in_both_languages_with_the_same_places():
    wrong = [
        key
        for key, wording in messages.MESSAGES.items()
        if not (wording.en.strip() and wording.zh.strip())
        or places(wording.en) != places(wording.zh)
        or CJK.search(wording.en)
    ]
    assert len(messages.MESSAGES) > 200
    assert wrong == []


def test_no_key_stands_in_two_subjects():
    assert sum(len(subject) for subject in messages.SUBJECTS) == len(messages.MESSAGES)


def test_the_templates_ask_only_for_sentences_that_exist():
    asked = {key for text in TEMPLATES.values() for key in re.findall(r"\bt\('([a-z_0-9.]+)'", text)}
    assert len(asked) > 80
    assert {key for key in asked if not key.endswith(".")} <= messages.MESSAGES.keys()


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
    assert {kind.code for kind in classes(errors.CanzhiError)} <= problems.TITLES.keys()


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
    assert all(f"{kind}.{value}" in messages.MESSAGES for value in values)


def test_effects_of_cautions_exist_in_chinese():
    silent = [
        check.id
        for check in CHECKS
        if effect_of(check.caution(1.0), "en") is not None and effect_of(check.caution(1.0), "zh") is None
    ]
    assert silent == []
    others = [*(closure_caution(f"K0{number}") for number in range(1, 7)), REPEATED_PACK]
    assert [one.id for one in others if not CJK.search(effect_of(one, "zh") or "")] == []
    assert all(CJK.search(sentence) for sentence in CHINESE.values())
    assert all(CJK.search(action.label_zh) for action in ACTIONS.values())
