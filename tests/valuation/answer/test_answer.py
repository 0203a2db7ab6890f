"""The encoded answer, with and without a trained model."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from valuation import features
from valuation.answer.build_answer import known
from valuation.appraisal import appraise, appraise_many
from valuation.ingest import read_market, read_trace
from valuation.ingest.read_traces import Traces
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH
from valuation.numeric.rounding import money
from valuation.record.history import PackHistory, TraceEvent
from valuation.result import Valuation

TESTS = Path(__file__).parents[2]
SAMPLES = TESTS.parent / "data_samples"
AS_OF = date(2026, 11, 20)
ANY_PACK = st.from_type(PackHistory)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def model():
    """The frozen demonstration model of tests/golden."""
    return Predictor(read_bundle(TESTS / "golden" / "bundle"))


@pytest.fixture(scope="module")
def market():
    return read_market(SAMPLES / "quotes.csv")


@pytest.fixture(scope="module")
def value(market, model):
    """Return a function that values packs with the model."""

    def answers(*histories, **options):
        traces = Traces(histories=histories, notes=((),) * len(histories))
        return appraise_many(traces, market, **{"model": model, "as_of": AS_OF, **options})

    return answers


def valuations(answers):
    return [answer for answer in answers if isinstance(answer, Valuation)]


def sample(name):
    return read_trace(SAMPLES / f"{name}.json").histories[0]


def fen(amount_cny):
    return round(amount_cny * 100)


@given(st.floats(-1e7, 1e7))
def test_money_is_whole_fen_and_never_minus_zero(amount):
    assert money(amount) == pytest.approx(amount, abs=0.00500001)
    assert str(money(amount)) != "-0.0"
    assert known(float("nan"), 2) is None
    assert str(known(-0.0001, 2)) == "0.0"


@quick
@given(st.lists(ANY_PACK, min_size=1, max_size=2), st.sampled_from((0.5, 0.9, 0.99)))
def test_learned_drivers_add_up_and_the_band_is_in_order(value, histories, level):
    for answer in valuations(value(*histories, level=level)):
        band = answer.residual_value
        assert fen(answer.base_cny) + sum(fen(driver.effect_cny) for driver in answer.drivers) == fen(band.point)
        assert band.lower <= band.point <= band.upper
        quantiles = [band.quantiles[share] for share in ("0.05", "0.25", "0.5", "0.75", "0.95")]
        assert quantiles == sorted(quantiles)


@quick
@given(st.lists(ANY_PACK, min_size=2, max_size=4))
def test_with_a_model_a_pack_has_the_same_answer_alone_and_in_a_batch(value, histories):
    together = value(*histories)
    for history, answer in zip(histories, together, strict=True):
        assert repr(value(history)[0]) == repr(answer)


@quick
@given(ANY_PACK, st.lists(st.from_type(TraceEvent), min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_with_a_model_later_events_and_the_order_of_events_have_no_effect(value, but_late, history, additions, chance):
    late = [replace(event, reported_on=date(2026, 11, 21)) for event in additions]
    events = [*history.events, *history.events[:1], *late]
    chance.shuffle(events)
    extended, known = value(replace(history, events=tuple(events))), value(history)
    assert [repr(but_late(answer)) for answer in extended] == [repr(but_late(answer)) for answer in known]


@quick
@given(ANY_PACK, st.sampled_from(("lithium_carbonate", "nickel_sulphate", "copper")), st.floats(1.0, 3.0))
def test_a_higher_metal_price_never_lowers_the_learned_value(value, history, metal, factor):
    for now, then in zip(
        valuations(value(history)), valuations(value(history, market_shift={metal: factor})), strict=True
    ):
        assert then.residual_value.point >= now.residual_value.point


def test_a_change_of_metal_prices_changes_the_learned_price(value):
    taxi = sample("lfp_taxi")
    now, then = value(taxi)[0], value(taxi, market_shift={"lithium_carbonate": 1.3})[0]
    bare_now, bare_then = (
        value(taxi, model=None)[0],
        value(taxi, model=None, market_shift={"lithium_carbonate": 1.3})[0],
    )
    learned = then.residual_value.point / now.residual_value.point
    structural = bare_then.residual_value.point / bare_now.residual_value.point
    assert structural > 1.05
    assert learned > 1.0 + 0.7 * (structural - 1.0)


def test_every_answer_of_a_demonstration_model_has_its_caution(value, model):
    answer = value(sample("lfp_taxi"))[0]
    cautions = {caution.id: caution.severity for caution in answer.cautions}
    assert cautions["V02"] == "warn"
    assert "V01" not in cautions
    assert answer.model.demonstration
    assert (answer.model.name, answer.model.digest) == ("golden", model.digest)
    assert answer.model.trained_through == model.trained_through


def test_a_trained_band_is_narrower_than_the_structural_one(value):
    packs = [sample(name) for name in ("lfp_taxi", "taxi_lfp_readings", "ncm_private_zh", "private_nmc811_laboratory")]
    width = {
        used: sum(answer.residual_value.upper - answer.residual_value.lower for answer in value(*packs, **options))
        for used, options in (("model", {}), ("none", {"model": None}))
    }
    assert width["model"] < 0.9 * width["none"]


def test_few_sales_of_a_group_raise_a_caution(value):
    rare = PackHistory(chemistry="LTO", rated_energy_kwh=30.0, made_on=date(2016, 5, 1))
    answer = value(rare)[0]
    assert answer.model.effective_sales < 30.0
    assert "V03" in {caution.id for caution in answer.cautions}


def test_a_band_below_recycling_is_not_clipped_and_raises_a_caution(market):
    taxi = read_trace(SAMPLES / "lfp_taxi.json")
    answer = appraise(taxi, market, as_of=AS_OF)
    assert "V04" not in {caution.id for caution in answer.cautions}
    model_like = _Below()
    below = appraise(taxi, market, model=model_like, as_of=AS_OF, explain=False)
    recycling = next(route.value for route in below.routes if route.route == "recycling")
    assert below.residual_value.point < recycling
    assert "V04" in {caution.id for caution in below.cautions}


class _Below:
    """A model that prices packs at half of their structural value."""

    name, version, digest, trained_through, demonstration = "half", "1", "sha256:0", None, False
    market_calibration = MappingProxyType({})
    shift_monitor = SimpleNamespace(widening=1.0, reliable=True)
    linear_threshold = LINEAR_THRESHOLD_CNY_PER_KWH
    week_move = None

    def __init__(self):
        self.feature_names = features.NAMES

    def price(self, matrix, base, groups, levels):
        half = 0.5 * base

        class Said:
            point, group_used, group_known, effective_n = half, list(groups), [True] * len(base), 0.0 * base
            newest_day = float("nan")
            quantiles = half[:, None] * [[1.0 for _ in levels]]

        assert len(matrix) == len(base)
        return Said


@pytest.mark.parametrize(
    ("shift_monitor", "said"),
    [
        (SimpleNamespace(widening=1.0, reliable=True), set()),
        (SimpleNamespace(widening=1.2, reliable=True), {("V09", "info")}),
        (SimpleNamespace(widening=1.8, reliable=False), {("V08", "warn")}),
        (SimpleNamespace(widening=1.0, reliable=False), {("V08", "warn")}),
    ],
)
def test_a_shifted_market_raises_a_caution(shift_monitor, said):
    model = _Below()
    model.shift_monitor = shift_monitor
    traces, market = read_trace(SAMPLES / "lfp_taxi.json"), read_market(SAMPLES / "quotes.csv")
    answer = appraise(traces, market, as_of=AS_OF, model=model, explain=False)
    assert {(one.id, one.severity) for one in answer.cautions if one.id in {"V08", "V09"}} == said


@pytest.mark.parametrize(("week_move", "said"), [(None, False), (0.05, False), (0.051, True), (-0.2, True)])
def test_a_large_weekly_shift_raises_a_caution(week_move, said):
    model = _Below()
    model.week_move = week_move
    traces, market = read_trace(SAMPLES / "lfp_taxi.json"), read_market(SAMPLES / "quotes.csv")
    answer = appraise(traces, market, as_of=AS_OF, model=model, explain=False)
    found = [one for one in answer.cautions if one.id == "V10"]
    assert len(found) == said
    assert all(f"{week_move:+.1%}" in one.message_en and f"{week_move:+.1%}" in one.message_zh for one in found)


def test_an_answer_has_all_its_parts(value):
    answer = value(sample("ncm_private_zh"))[0]
    assert [route.route for route in answer.routes] == ["recycling", "second_life", "reuse"]
    assert answer.best_route in {route.route for route in answer.routes if route.open}
    metals = {metal.element: metal for metal in answer.metals}
    assert {"Li", "Ni", "Co"} <= set(metals)
    assert metals["Ni"].mass_kg == pytest.approx(33.4, rel=0.01)  # the record states it
    assert all(metal.mass_kg > 0.0 for metal in answer.metals)
    widths = [step.band_width_after_cny for step in answer.evidence.next_best]
    assert widths == sorted(widths)
    assert answer.residual_value.per_kwh == pytest.approx(answer.residual_value.point / 60.5, abs=0.006)
    assert answer.market.oldest_quote_days >= 0.0
    assert all(day <= "2026-11-20" for day in answer.market.quotes.values())
    assert answer.currency == "CNY"
    assert not answer.vat_included


def test_an_old_newest_sale_raises_a_caution(model):
    traces, market = read_trace(SAMPLES / "taxi_lfp_readings.json"), read_market(SAMPLES / "quotes.csv")
    fresh = appraise(traces, market, model=model, as_of=AS_OF)
    newest = date.fromisoformat(model.trained_through)
    late = appraise(traces, market, model=model, as_of=newest + timedelta(days=181))
    assert "V07" not in {caution.id for caution in fresh.cautions}
    (said,) = [caution for caution in late.cautions if caution.id == "V07"]
    assert "181 days" in said.message_en
    assert "181 天" in said.message_zh
