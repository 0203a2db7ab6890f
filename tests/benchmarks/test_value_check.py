"""Published figures beside ours: the page is fresh, distances have reasons, retired LFP packs lie where they should."""

import numpy as np
import pytest

from benchmarks.value_check import CURVE, PAGE, bounds, dossier_of, facts, new_lfp, ours_of, outside, tables

FACTS = {fact["fact"]: fact for fact in facts()}
SET_BY = {"yes", "band", "orientation", "form only", "no"}


def test_the_page_is_not_stale():
    page = PAGE.read_text(encoding="utf-8")
    for text in tables().values():
        assert text in page


@pytest.mark.parametrize("name", FACTS)
def test_every_figure_has_a_source_and_every_distance_a_reason(name):
    fact = FACTS[name]
    assert fact["source"]
    assert fact["reliability"]
    assert fact["used"] in SET_BY
    low, high = bounds(fact)
    ours = ours_of(fact)
    far = ours < low - 0.1 * abs(low) or ours > high + 0.1 * abs(high)
    assert fact["reason"] or not far


@pytest.mark.parametrize("name", [name for name, fact in FACTS.items() if fact["used"] == "yes"])
def test_a_figure_that_set_a_constant_is_met(name):
    low, high = bounds(FACTS[name])
    assert low - 0.01 * abs(low) <= ours_of(FACTS[name]) <= high + 0.01 * abs(high)


@pytest.mark.parametrize("name", [name for name, fact in FACTS.items() if fact["leg"] == "payable"])
def test_payables_are_within_a_tenth_of_the_published_range(name):
    low, high = bounds(FACTS[name])
    assert 0.9 * low <= ours_of(FACTS[name]) <= 1.11 * high


@pytest.mark.parametrize("lithium", [61_000.0, 100_000.0, 150_000.0])
def test_retired_iron_phosphate_is_worth_15_to_35_per_cent_of_new(lithium):
    dossier = dossier_of("LFP", CURVE, "CN", lithium)
    share = dossier.routes.structural_per_kwh / new_lfp(dossier)
    retired = np.isin(CURVE, (0.75, 0.80, 0.85))
    assert ((share >= 0.15) & (share <= 0.35))[retired].all()


def test_a_distance_is_that_to_the_nearer_end():
    assert outside(0.5, 0.4, 0.6) == "-"
    assert outside(0.3, 0.4, 0.6) == "-25%"
    assert outside(0.9, 0.4, 0.6) == "+50%"
    assert outside(1.5, 0.0, 0.0) == "+1.50"
