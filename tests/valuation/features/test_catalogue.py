"""The table of features, and properties of every feature."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation import features
from valuation.dossier import build_dossier
from valuation.features.documentation import CODES, catalogue_as_markdown, meaning
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

AS_OF = date(2025, 6, 1)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "features.md"
PLATE = PackHistory(
    battery_code="001PB0A0000001A680000123", chemistry="LFP", rated_energy_kwh=52.5, duty="taxi", missing_modules=1.0
)


def dossier_of(market_history, *histories, as_of=AS_OF):
    table = tabulate(histories)
    return build_dossier(cut(table, np.full(table.rows, day_number(as_of))), market_history)


def matrix_of(market_history, *histories, as_of=AS_OF):
    return features.compute(dossier_of(market_history, *histories, as_of=as_of))


def value(matrix, name, row=0):
    return matrix[row, features.NAMES.index(name)]


def test_features_are_many_and_have_distinct_names():
    assert len(features.FEATURES) >= 45
    assert max(Counter(features.NAMES).values()) == 1
    assert len({label for labels in features.LABELS.values() for label in labels}) == 2 * len(features.NAMES)


@pytest.mark.parametrize("feature", features.FEATURES, ids=features.NAMES)
def test_table_and_docstrings_agree(feature):
    first_line = feature.function.__doc__.strip().splitlines()[0]
    assert first_line.startswith("Return ")
    assert first_line.endswith(f"[{feature.unit}]")
    assert feature.label.en
    assert feature.source
    assert any("一" <= character <= "鿿" for character in feature.label.zh)
    assert meaning(feature)
    assert feature.categorical == ("code" in feature.unit)
    assert not (feature.categorical and feature.monotone)


def test_codes_of_categorical_features_are_documented():
    units = {feature.unit for feature in features.FEATURES if feature.categorical} - {"text code"}
    assert units == {f"code of {name}" for name in CODES}


def test_the_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == catalogue_as_markdown(), (
        'write it again: python -c "from valuation.features.documentation import catalogue_as_markdown; '
        "print(catalogue_as_markdown(), end='')\" > docs/reference/features.md"
    )


def test_features_that_can_be_checked_by_hand(market_history):
    events = (
        TraceEvent(type="installed", on=date(2021, 6, 1), facts={"vin": "A"}),
        TraceEvent(
            type="usage", on=date(2025, 5, 1), facts={"odometer_km": 240_000.0, "full_cycles": 800.0, "soh": 0.8}
        ),
        TraceEvent(type="negative", on=date(2024, 5, 1), facts={"kind": "accident", "severity": 0.4}),
        TraceEvent(type="maintained", on=date(2024, 6, 1), facts={"work": "cooling", "cost_cny": 525.0}),
        TraceEvent(type="retired", on=date(2025, 6, 1), reporter_kind="dismantler", facts={"condition": "intact"}),
    )
    matrix = matrix_of(market_history, replace(PLATE, events=events))
    expected = {
        "chemistry": 0.0,
        "duty": 1.0,
        "rated_energy_kwh": 52.5,
        "service_years": 4.0,
        "cycles_per_a": 200.0,
        "km_per_a": 60_000.0,
        "worst_severity": 0.4,
        "maintenance_cny_per_kwh": 10.0,
        "maintenance_age_a": 1.0,
        "missing_modules": 1.0,
        "event_count": 5.0,
        "completeness": 0.5,
        "last_reporter": 4.0,
        "evidence_tier": 2.0,
        "routes_closed": 1.0,
        "storage_months": 0.0,
    }
    assert {name: value(matrix, name) for name in expected} == pytest.approx(expected, rel=2e-3)


def test_market_features_see_both_days(market_history):
    matrix = matrix_of(market_history, PLATE, as_of=date(2026, 5, 25))
    assert value(matrix, "lithium_carbonate_cny_per_t") == pytest.approx(120_000.0 / 1.13)
    taxed = np.log(1.17 / 1.13)  # the earlier quotes are of 2015, when VAT was 17 %
    assert value(matrix, "lithium_trend_90d") == pytest.approx(np.log(3.0) + taxed)
    assert np.log(100.0 / 45.0) > value(matrix, "basket_trend_90d") - 0.3 > 0.0  # between copper's and lithium's rise
    assert value(matrix, "new_pack_trend_90d") == pytest.approx(np.log(450.0 / 1600.0) + taxed)


def later(event, days):
    return replace(event, on=AS_OF + timedelta(days=1 + days), reported_on=None)


def reported_later(event, days):
    return replace(event, reported_on=AS_OF + timedelta(days=1 + days))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.from_type(PackHistory), min_size=1, max_size=2),
    st.lists(st.tuples(st.from_type(TraceEvent), st.sampled_from((later, reported_later)), st.integers(0, 300))),
)
def test_nothing_after_the_day_changes_anything(market_history, histories, additions):
    future = tuple(move(event, days) for event, move, days in additions)
    extended = [replace(history, events=(*future, *history.events)) for history in histories]
    assert matrix_of(market_history, *extended).tobytes() == matrix_of(market_history, *histories).tobytes()


@settings(max_examples=25, deadline=None)
@given(st.from_type(PackHistory), st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_have_no_effect(market_history, history, chance):
    events = [*history.events, *history.events[:2]]
    chance.shuffle(events)
    shuffled = matrix_of(market_history, replace(history, events=tuple(events)))
    assert shuffled.tobytes() == matrix_of(market_history, history).tobytes()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=2, max_size=5))
def test_a_row_is_the_same_in_any_batch(market_history, histories):
    batch = matrix_of(market_history, *histories)
    for row, history in enumerate(histories):
        assert matrix_of(market_history, history).tobytes() == batch[row : row + 1].tobytes()


@settings(max_examples=25, deadline=None)
@given(st.from_type(PackHistory), st.floats(0.3, 1.0), st.floats(0.0, 0.2))
def test_a_better_test_never_lowers_the_feature(market_history, history, soh, better):
    def with_test(reading):
        test = TraceEvent(type="tested", on=AS_OF, facts={"method": "lab", "soh": reading})
        return replace(history, events=(*history.events, test))

    matrix = matrix_of(market_history, with_test(soh), with_test(soh + better))
    assert value(matrix, "soh", 1) >= value(matrix, "soh", 0) - 1e-12


@settings(max_examples=25, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=3))
def test_features_are_finite_or_not_known(market_history, histories):
    matrix = matrix_of(market_history, *histories)
    assert matrix.shape == (len(histories), len(features.NAMES))
    assert not np.isinf(matrix).any()
