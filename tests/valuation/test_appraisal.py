"""Properties of every answer, for any pack and day."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from valuation.appraisal import appraise, appraise_many
from valuation.errors import CanzhiError, FieldError, MarketError, MissingQuote, RefusedPack
from valuation.ingest import read_market, read_trace
from valuation.ingest.read_traces import Traces
from valuation.record.history import PackHistory, TraceEvent
from valuation.result import Valuation

SAMPLES = Path(__file__).parents[2] / "data_samples"
AS_OF = date(2026, 6, 1)
PLATE = PackHistory(
    battery_code="T01PB0A0000001A680000123", chemistry="LFP", rated_energy_kwh=52.5, made_on=date(2020, 6, 8)
)
ANY_PACK = st.from_type(PackHistory)
quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def traces_of(*histories):
    return Traces(histories=histories, notes=((),) * len(histories))


def spelled(answer):
    """Return all fields of an answer as text, with all digits."""
    return f"{type(answer).__name__}: {answer}" if isinstance(answer, CanzhiError) else repr(answer)


def answer_of(market_history, *histories, **options):
    answers = appraise_many(traces_of(*histories), market_history, **{"as_of": AS_OF, **options})
    return answers[0] if len(answers) == 1 else answers


def valued(market_history, *histories, **options):
    """Return the answers that are valuations."""
    answers = appraise_many(traces_of(*histories), market_history, **{"as_of": AS_OF, **options})
    return [answer for answer in answers if isinstance(answer, Valuation)]


def fen(amount_cny):
    return round(amount_cny * 100)


def shifted(event, days):
    return replace(event, on=event.on + timedelta(days=days), reported_on=None)


@quick
@given(st.lists(ANY_PACK, min_size=1, max_size=3), st.sampled_from((0.5, 0.8, 0.9, 0.99)))
def test_drivers_add_up_to_the_fen_and_the_band_is_in_order(market_history, histories, level):
    for answer in valued(market_history, *histories, level=level):
        band = answer.residual_value
        assert fen(answer.base_cny) + sum(fen(driver.effect_cny) for driver in answer.drivers) == fen(band.point)
        assert abs(answer.base_cny) < 0.2  # all that the terms of a sum lack of it is rounding
        assert band.lower <= band.point <= band.upper
        quantiles = [band.quantiles[share] for share in ("0.05", "0.25", "0.5", "0.75", "0.95")]
        assert quantiles == sorted(quantiles)
        assert all(np.isfinite([band.lower, band.point, band.upper, *quantiles]))
        assert sum(route.probability for route in answer.routes) == pytest.approx(1.0, abs=3e-6)  # six places each
        assert all(step.band_width_after_cny <= step.band_width_now_cny for step in answer.evidence.next_best)


@quick
@given(ANY_PACK, st.floats(0.5, 0.95), st.floats(0.0, 0.04))
def test_a_higher_level_gives_a_wider_band(market_history, history, level, more):
    for narrow, wide in zip(
        valued(market_history, history, level=level),
        valued(market_history, history, level=level + more),
        strict=True,
    ):
        assert wide.residual_value.lower <= narrow.residual_value.lower
        assert narrow.residual_value.upper <= wide.residual_value.upper
        assert wide.residual_value.point == narrow.residual_value.point


@quick
@given(ANY_PACK, st.lists(st.from_type(TraceEvent), max_size=3), st.integers(1, 900))
def test_later_events_change_only_the_parts_about_late_reports(market_history, but_late, history, additions, days):
    late = [shifted(event, (AS_OF - event.on).days + days) for event in additions]
    later = AS_OF + timedelta(days=days)
    reported_late = [replace(event, on=min(event.on, AS_OF), reported_on=later) for event in additions]
    recorded_late = [replace(event, on=min(event.on, AS_OF), recorded_on=later) for event in additions]
    extended = replace(history, events=(*late, *history.events, *reported_late, *recorded_late))
    known = replace(history, events=tuple(event for event in history.events if event.known_by(AS_OF)))
    assert spelled(but_late(answer_of(market_history, extended))) == spelled(but_late(answer_of(market_history, known)))


def test_a_later_quote_changes_only_the_digest_of_the_market():
    lines = (SAMPLES / "quotes.csv").read_text(encoding="utf-8").splitlines()
    later = [line.replace("2026-11", "2027-11") for line in lines if line.startswith("2026-11-2")]
    assert later
    extended = read_market("\n".join([*lines, *later]).encode())
    known = read_market("\n".join(lines).encode())
    day = {"as_of": "2026-11-20"}
    one, other = answer_of(extended, PLATE, **day), answer_of(known, PLATE, **day)
    assert spelled(replace(one, market=other.market)) == spelled(other)
    assert replace(one.market, digest="") == replace(other.market, digest="")


def test_a_note_on_an_event_is_not_shown_before_the_event_is_known(market_history, but_late):
    record = {
        "battery_code": PLATE.battery_code,
        "events": [{"type": "usage", "on": "2026-05-01", "reported_on": "2026-07-01", "colour": "green", "soh": "-"}],
    }
    without = read_trace({**record, "events": []})
    before = appraise(read_trace(record), market_history, as_of=AS_OF)
    assert spelled(but_late(before)) == spelled(appraise(without, market_history, as_of=AS_OF))
    assert (before.not_used.events_after_as_of, before.not_used.first_counts_on) == (1, date(2026, 7, 1))
    after = appraise(read_trace(record), market_history, as_of="2026-07-01")
    assert {caution.id for caution in after.cautions} - {caution.id for caution in before.cautions}
    assert after.input_digest != before.input_digest


@quick
@given(ANY_PACK, st.integers(0, 2**32 - 1))
def test_order_and_repetition_of_events_have_no_effect(market_history, history, seed):
    chance = Random(seed)  # noqa: S311 - shuffles a test case
    events = [*history.events, *chance.choices(history.events, k=2)] if history.events else []
    chance.shuffle(events)
    assert spelled(answer_of(market_history, replace(history, events=tuple(events)))) == spelled(
        answer_of(market_history, history)
    )


@quick
@given(st.lists(ANY_PACK, min_size=2, max_size=5))
def test_a_pack_gets_the_same_answer_alone_and_in_a_batch(market_history, histories):
    together = answer_of(market_history, *histories)
    for history, answer in zip(histories, together, strict=True):
        assert spelled(answer_of(market_history, history)) == spelled(answer)


def test_a_quote_missing_for_one_pack_does_not_affect_the_others():
    lacking = read_market(
        b"quoted_on,instrument,price,unit,vat_included,region,source\n"
        b"2026-05-20,lithium_carbonate,120000,CNY/t,true,CN,synthetic\n"
        b"2026-05-20,new_pack_lfp,450,CNY/kWh,true,CN,synthetic\n"
    )
    ternary = PackHistory(chemistry="NMC622", rated_energy_kwh=60.0, made_on=date(2019, 3, 5))
    answers = answer_of(lacking, PLATE, ternary, PLATE, ternary)
    assert [type(answer) for answer in answers] == [Valuation, MissingQuote, Valuation, MissingQuote]
    assert spelled(answers[2]) == spelled(answer_of(lacking, PLATE))
    with pytest.raises(MissingQuote):
        appraise(traces_of(ternary), lacking, as_of=AS_OF)


@quick
@given(
    st.sampled_from(("LFP", "NMC", "NMC811", "NCA", "LMO")), st.floats(20.0, 60.0), st.floats(0.6, 1.0), st.booleans()
)
def test_twice_the_energy_has_the_same_value_per_kwh(market_history, chemistry, energy_kwh, soh, with_mass):
    # the usual distance of a vehicle ages a larger pack less, so cycles are stated
    event = TraceEvent(
        type="usage", on=date(2025, 12, 31), facts={"soh": soh, "soh_source": "bms", "full_cycles": 500.0}
    )
    small = PackHistory(
        chemistry=chemistry,
        rated_energy_kwh=energy_kwh,
        mass_kg=7.0 * energy_kwh if with_mass else None,
        made_on=date(2021, 5, 5),
        events=(event,),
    )
    large = replace(small, rated_energy_kwh=2.0 * energy_kwh, mass_kg=14.0 * energy_kwh if with_mass else None)
    one, two = answer_of(market_history, small), answer_of(market_history, large)
    assert two.residual_value.per_kwh == pytest.approx(one.residual_value.per_kwh, abs=0.011)  # each rounded to the fen
    assert two.residual_value.point == pytest.approx(2.0 * one.residual_value.point, abs=0.02)  # as above, twice


@quick
@given(
    ANY_PACK,
    st.sampled_from(("lithium_carbonate", "nickel_sulphate", "cobalt_sulphate", "copper", "aluminium")),
    st.floats(1.0, 4.0),
)
def test_a_higher_metal_price_never_lowers_the_value(market_history, history, metal, factor):
    for now, then in zip(
        valued(market_history, history), valued(market_history, history, market_shift={metal: factor}), strict=True
    ):
        assert then.residual_value.point >= now.residual_value.point


@quick
@given(st.lists(ANY_PACK, min_size=1, max_size=3))
def test_explain_does_not_change_the_numbers(market_history, histories):
    for full, bare in zip(
        valued(market_history, *histories), valued(market_history, *histories, explain=False), strict=True
    ):
        assert bare.drivers == ()
        assert bare.evidence.next_best == ()
        assert bare.base_cny == bare.residual_value.point
        width = round(full.residual_value.upper - full.residual_value.lower, 2)
        assert (bare.width_drivers, bare.base_width_cny) == ((), width)
        kept = replace(full, drivers=(), base_cny=full.residual_value.point, width_drivers=(), base_width_cny=width)
        assert spelled(bare) == spelled(replace(kept, evidence=replace(full.evidence, next_best=())))


def test_a_scenario_changes_only_the_named_instruments(market_history):
    now = answer_of(market_history, PLATE)
    surcharge = answer_of(market_history, PLATE, market_shift={"lithium_carbonate": 1.1})
    same = answer_of(market_history, PLATE, market_shift={"lithium_carbonate": 1.0})
    other = answer_of(market_history, PLATE, market_shift={"cobalt_sulphate": 3.0})
    assert surcharge.residual_value.point > now.residual_value.point
    assert same.residual_value == now.residual_value
    assert other.residual_value == now.residual_value  # no cobalt in iron phosphate


@pytest.mark.parametrize("name", ["damaged", "lfp_taxi", "private_nmc811_laboratory", "ncm_private_zh"])
@pytest.mark.parametrize(("element", "instrument"), [("Li", "lithium_carbonate"), ("Cu", "copper")])
def test_a_metal_price_change_has_the_stated_effect(name, element, instrument):
    traces, market = read_trace(SAMPLES / f"{name}.json"), read_market(SAMPLES / "quotes.csv")
    now = appraise(traces, market, as_of="2026-11-20")
    then = appraise(traces, market, as_of="2026-11-20", market_shift={instrument: 1.01})
    extended = {metal.element: metal.value_change_per_pct_cny for metal in now.metals}[element]
    moved = then.residual_value.point - now.residual_value.point
    assert moved == pytest.approx(extended, rel=0.02)  # a slope, and a pack's routes shift a little


@pytest.mark.parametrize("shift", [{"unobtainium": 1.1}, {"lithium_carbonate": -1.0}])
def test_an_invalid_scenario_is_refused(market_history, shift):
    with pytest.raises(CanzhiError) as refusal:
        answer_of(market_history, PLATE, market_shift=shift)
    assert next(iter(shift)) in refusal.value.message


@pytest.mark.parametrize("level", [0.0, 0.49, 1.0, 90.0, float("nan")])
def test_an_invalid_level_is_named(market_history, level):
    with pytest.raises(FieldError, match="level is") as refusal:
        answer_of(market_history, PLATE, level=level)
    assert refusal.value.field == "level"


@pytest.mark.parametrize("as_of", ["20 November", "2026-13-01", ""])
def test_an_invalid_day_is_named(market_history, as_of):
    with pytest.raises(FieldError, match="no ISO date") as refusal:
        answer_of(market_history, PLATE, as_of=as_of)
    assert refusal.value.field == "as_of"


def test_a_day_before_the_first_quote_has_no_market(market_history):
    with pytest.raises(MarketError):
        appraise(traces_of(PLATE), market_history, as_of="2014-12-31")


def test_appraise_refuses_more_than_one_pack(market_history):
    with pytest.raises(FieldError, match="holds 2 packs"):
        appraise(traces_of(PLATE, PLATE), market_history, as_of=AS_OF)


def test_a_recycled_pack_is_refused_from_the_day_that_is_known(market_history):
    gone = TraceEvent(type="recycled_done", on=date(2026, 5, 1), reported_on=date(2026, 5, 20))
    traces = traces_of(replace(PLATE, events=(gone,)))
    assert isinstance(appraise(traces, market_history, as_of="2026-05-19"), Valuation)
    with pytest.raises(RefusedPack) as refusal:
        appraise(traces, market_history, as_of="2026-05-20")
    assert refusal.value.hint


def test_two_packs_with_one_code_are_refused_before_they_are_valued():
    twice = json.dumps({"battery_code": PLATE.battery_code, "chemistry": "LFP"})
    traces = read_trace(f"{twice}\n{twice}\n{json.dumps({'chemistry': 'LFP', 'rated_energy_kwh': 50})}".encode())
    assert len(traces.histories) == 1
    assert all(isinstance(problem.error, RefusedPack) for problem in traces.problems)
    with pytest.raises(FieldError):
        read_trace({"battery_code": "not a code"})


def life(*events):
    return replace(PLATE, events=tuple(events))


TIERS = {
    "T0": PackHistory(battery_code=PLATE.battery_code),
    "T1": life(TraceEvent(type="installed", on=date(2020, 7, 1), reporter="x")),
    "T2": life(
        TraceEvent(type="installed", on=date(2020, 7, 1), reporter="x"),
        TraceEvent(
            type="usage",
            on=date(2026, 3, 31),
            reporter="x",
            facts={"soh": 0.85, "soh_source": "bms", "odometer_km": 150_000.0, "full_cycles": 600.0},
        ),
    ),
    "T4": life(
        TraceEvent(type="installed", on=date(2020, 7, 1), reporter="x"),
        TraceEvent(type="tested", on=date(2026, 5, 20), reporter="x", facts={"method": "lab", "soh": 0.85}),
    ),
}


def test_a_code_alone_gets_the_widest_band_of_all_tiers(market_history):
    answers = {tier: answer_of(market_history, history) for tier, history in TIERS.items()}
    assert {tier: answer.evidence.tier for tier, answer in answers.items()} == {tier: tier for tier in TIERS}
    width = {
        tier: (answer.residual_value.upper - answer.residual_value.lower) / answer.residual_value.point
        for tier, answer in answers.items()
    }
    assert max(width, key=width.get) == "T0"
    # A test shows that the pack is fit for a second life, but cannot settle the level of second-life prices.
    assert width["T0"] > 1.2 * max(width["T1"], width["T4"])


def test_an_answer_without_a_model_has_a_caution(market_history):
    answer = answer_of(market_history, PLATE)
    assert answer.model.name == "structural"
    assert not answer.model.demonstration
    assert answer.model.trained_through is None
    assert [caution.severity for caution in answer.cautions if caution.id == "V01"] == ["warn"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_is_valued_or_refused_with_a_reason(path):
    market = read_market(SAMPLES / "quotes.csv")
    (answer,) = appraise_many(read_trace(path), market, as_of="2026-11-20")
    if path.stem == "recycled":
        assert isinstance(answer, RefusedPack)
    else:
        assert answer.residual_value.point > 0.0
        assert answer.market.synthetic
        assert {"V01", "M07"} <= {caution.id for caution in answer.cautions}
