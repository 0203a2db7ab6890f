"""A route closed by a finding is never the best route and never paid for, with and without a model."""

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from valuation import closed_routes
from valuation.answer.drivers import HELD_TO_OPEN_ROUTES, driver_names
from valuation.answer.fleet_values import appraise_fleet
from valuation.appraisal import appraise, appraise_many
from valuation.dossier import build_dossier, dossier_of_twins
from valuation.ingest import read_trace
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import normal_quantile
from valuation.numeric.rounding import money
from valuation.pricing import STRUCTURE_ONLY, price
from valuation.provenance.catalogue import CHECKS
from valuation.record.cases import cut
from valuation.record.fields import CHEMISTRIES
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.structural_value import ROUTES, TERM_LABELS
from valuation.terms import ValuationTerms

GOLDEN, CASES = Path(__file__).parents[1] / "golden", Path(__file__).parents[1] / "cases"
DAY = date(2026, 6, 1)
HALF_A_FEN = 0.005  # every amount compared is rounded to the fen on its own, each structural term too
few_draws = settings(max_examples=8, deadline=None)


def installed(on, vin):
    return {"type": "installed", "on": on, "vin": vin}


def seen(condition):
    return {"events": [{"type": "removed", "on": "2026-03-01", "condition": condition}]}


def happened(kind, severity):
    return {"events": [{"type": "negative", "on": "2026-02-01", "kind": kind, "severity": severity}]}


def ended(event_type, **more):
    return {"events": [{"type": event_type, "on": "2026-04-01", **more}]}


# By finding: what closes a route, a severity from .1 to .4 in it, and the same record without it.
CLOSING = {
    "P01": lambda _: (seen("opened"), seen("intact")),
    "P03": lambda _: ({"missing_modules": 2}, {}),
    "P04": lambda _: (seen("swollen"), seen("intact")),
    "P08": lambda _: (seen("damaged"), seen("intact")),
    "P09": lambda _: ({"events": happened("fire", 0.95)["events"] + seen("burned")["events"]}, seen("intact")),
    "T05": lambda _: (
        {"events": [installed("2024-03-01", "A"), installed("2025-03-01", "B")]},
        {"events": [installed("2024-03-01", "A"), installed("2025-03-01", "A")]},
    ),
    "T13": lambda _: (ended("dismantled"), {}),
    "T14": lambda _: (ended("recycled_in"), {}),
    "T15": lambda _: (ended("second_life_out", new_code="T52PB56D910000481RP"), {}),
    "T17": lambda _: ({"life_cycle_status": "waste"}, {}),
    "T18": lambda _: ({"life_cycle_status": "repurposed"}, {"life_cycle_status": "reused"}),
    "U10": lambda severity: (
        happened(("fire", "water", "swelling", "leak")[int(severity * 1000) % 4], severity),
        {},
    ),
    "U13": lambda severity: (happened("accident", 0.5 + severity), {}),
    "U17": lambda severity: (
        {"events": [{"type": "negative", "on": "2026-05-25", "kind": "accident", "severity": 0.5 + severity}]},
        {},
    ),
}

plates = st.fixed_dictionaries(
    {
        "chemistry": st.sampled_from(CHEMISTRIES),
        "rated_energy_kwh": st.floats(5.0, 120.0).map(lambda size: round(size, 1)),
        "made_on": st.dates(date(2014, 1, 1), date(2024, 1, 1)).map(str),
        "duty": st.sampled_from(("private", "taxi", "bus", "swap")),
    }
)
healths = st.none() | st.floats(0.5, 0.98).map(lambda soh: round(soh, 3))
severities = st.floats(0.1, 0.4).map(lambda severity: round(severity, 3))


@dataclass(frozen=True, kw_only=True)
class Generous:
    """A model that pays more for packs with more closed routes, as if trained on unlawful sales."""

    feature_names: tuple = ("routes_closed",)
    name: str = "generous"
    version: str = "1"
    digest: str = "sha256:0"
    trained_through: None = None
    demonstration: bool = False
    week_move: None = None
    market_calibration: dict = field(default_factory=dict)
    shift_monitor: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(widening=1.0, reliable=True))
    linear_threshold: float = LINEAR_THRESHOLD_CNY_PER_KWH

    def step(self, matrix):
        """Return the premium over the structural value, on the asinh scale."""
        return 0.1 + 0.4 * matrix[:, 0]

    def price(self, matrix, base, groups, levels):
        middle = to_scale(base, self.linear_threshold) + self.step(matrix)
        steps = normal_quantile(np.array(levels)) * 0.2
        return SimpleNamespace(
            point=from_scale(middle, self.linear_threshold),
            quantiles=from_scale(middle[:, None] + steps[None, :], self.linear_threshold),
            group_used=list(groups),
            group_known=[True] * len(base),
            effective_n=np.full(len(base), 40.0),
            newest_day=float("nan"),
        )

    def explain(self, matrix, base, groups):
        return SimpleNamespace(base_level=np.zeros(len(base)), effects=self.step(matrix)[:, None])

    def explain_width(self, matrix, base, groups):
        return SimpleNamespace(effects=np.zeros(matrix.shape), group=np.zeros(len(base)))


@pytest.fixture(scope="module")
def models():
    """The formula alone, a trained model, and a model that pays most for closed routes."""
    trained = Predictor(read_bundle(GOLDEN / "bundle", (GOLDEN / "signer.txt").read_text("ascii").strip()))
    return {"structural": None, "trained": trained, "generous": Generous()}


@pytest.fixture(scope="module")
def model(models):
    return models["trained"]


def record(plate, soh, part):
    tested = [] if soh is None else [{"type": "tested", "on": "2026-05-20", "method": "lab", "soh": soh}]
    return {**plate, **part, "events": [*part.get("events", ()), *tested]}


def traces_of(*records):
    return read_trace("\n".join(json.dumps(one) for one in records).encode())


def structural_cny(answer):
    """Return the sum of the structural drivers. [CNY]"""
    return sum(driver.effect_cny for driver in answer.drivers if driver.feature in TERM_LABELS)


def assert_no_closed_route_is_paid(answer, twin, *, learned):
    """Assert that no closed route is paid for; a twin has the same record without the finding."""
    band, best = answer.residual_value, answer.best_route
    closed = [route for route in answer.routes if not route.open]
    assert closed
    assert all(route.probability == 0.0 and route.blocked_by for route in closed)
    assert sum(route.probability for route in answer.routes) == pytest.approx(0.0 if best is None else 1.0, abs=3e-6)
    if best is None:
        assert len(closed) == len(ROUTES)
        assert answer.disposal_cny == -band.point > 0.0
        assert band.upper < 0.0
    else:
        assert answer.disposal_cny is None
        assert best in {route.route for route in answer.routes if route.open}
        premium = twin.residual_value.point - structural_cny(twin) if learned else 0.0
        dearest = max(route.value for route in answer.routes if route.open)
        amounts = 3 + sum(driver.feature in TERM_LABELS for driver in twin.drivers)
        assert band.point <= dearest + premium + amounts * HALF_A_FEN
    assert band.lower <= band.point <= band.upper
    assert (np.diff(list(band.quantiles.values())) >= 0.0).all()
    total = round(100.0 * answer.base_cny) + sum(round(100.0 * driver.effect_cny) for driver in answer.drivers)
    assert total == round(100.0 * band.point)


@pytest.mark.parametrize("how", ["structural", "trained", "generous"])
@pytest.mark.parametrize("check_id", CLOSING)
@few_draws
@given(st.tuples(plates, healths, severities))
def test_no_closed_route_is_chosen_or_paid(market_history, models, check_id, how, pack):
    plate, soh, severity = pack
    part, without = CLOSING[check_id](severity)
    options = {"model": models[how], "as_of": DAY}
    pair = traces_of(record(plate, soh, part), record(plate, soh, without))
    answer, twin = appraise_many(pair, market_history, **options)
    assert check_id in {caution.id for caution in answer.cautions}
    assert_no_closed_route_is_paid(answer, twin, learned=how != "structural")
    assert appraise(traces_of(record(plate, soh, part)), market_history, **options) == answer


def test_the_cases_cover_every_closing_finding():
    assert set(CLOSING) == {check.id for check in CHECKS if check.blocks}


@pytest.mark.parametrize("how", ["structural", "trained", "generous"])
@few_draws
@given(st.lists(st.tuples(plates, healths, severities, st.sampled_from(list(CLOSING))), min_size=2, max_size=6))
def test_batch_and_fleet_agree_with_each_pack_alone(market_history, models, how, packs):
    records = [record(plate, soh, CLOSING[check](severity)[0]) for plate, soh, severity, check in packs]
    records.insert(1, record(packs[0][0], packs[0][1], {}))
    used = models[how]
    together = appraise_many(traces_of(*records), market_history, model=used, as_of=DAY)
    alone = tuple(appraise(traces_of(one), market_history, model=used, as_of=DAY) for one in records)
    assert together == alone
    fleet = appraise_fleet(traces_of(*records).table, market_history, used, ValuationTerms(as_of=DAY))
    for place, answer in enumerate(alone):
        band = answer.residual_value
        amounts = (fleet.point_cny[place], fleet.lower_cny[place], fleet.upper_cny[place])
        assert amounts == (band.point, band.lower, band.upper)
        assert fleet.best[place] == (-1 if answer.best_route is None else ROUTES.index(answer.best_route))
        total = {driver.feature: driver.effect_cny for driver in answer.drivers}
        assert {name: amount[place] for name, amount in fleet.effects_cny.items() if amount[place] != 0.0} == total


@pytest.mark.parametrize("kind", ["fire", "water", "swelling", "leak"])
@pytest.mark.parametrize("chemistry", ["LFP", "NMC523"])
def test_damaged_packs_are_priced_at_their_recycling_value(market_history, model, kind, chemistry):
    """A regression test: 68 of 240 of these packs had a closed best route, and 96 were priced near their sound twin."""
    plate = {"chemistry": chemistry, "rated_energy_kwh": 60.0, "made_on": "2021-05-01", "duty": "private"}
    for soh in (0.80, 0.85, 0.88, 0.95):
        sound = record(plate, soh, {})
        harmed = [record(plate, soh, happened(kind, severity)) for severity in (0.1, 0.2, 0.3, 0.4)]
        twin, *answers = appraise_many(traces_of(sound, *harmed), market_history, model=model, as_of=DAY)
        for answer in answers:
            assert answer.best_route == "recycling"
            assert_no_closed_route_is_paid(answer, twin, learned=True)


def test_closing_more_routes_never_raises_the_value(market_history, model):
    for used in (None, model):
        sound, crashed, flooded, burnt_out = (
            appraise(read_trace(CASES / f"{name}.json"), market_history, model=used, as_of="2026-08-01")
            for name in ("sound", "crashed", "flooded", "burnt_out")
        )
        points = [answer.residual_value.point for answer in (sound, crashed, flooded, burnt_out)]
        assert points[0] > max(points[1:3]) >= min(points[1:3]) > 0.0 > points[3]
        assert flooded.best_route == "recycling"
        assert burnt_out.best_route is None
        assert burnt_out.routes[0].blocked_by == ("P09",)


def test_a_disposal_costs_transport_packing_and_treatment_and_pays_no_metal(market_history, model):
    for used in (None, model):
        answer = appraise(read_trace(CASES / "burnt_out.json"), market_history, model=used, as_of="2026-08-01")
        costs = {driver.feature: driver.effect_cny for driver in answer.drivers}
        assert set(costs) == {"cost:transport", "cost:dismantling", "cost:treatment", "cost:handling"}
        assert costs["cost:transport"] == pytest.approx(-412.0 * 0.5, rel=0.05)  # 412 kg on the plate
        learned_more = 1.0 if used is None else 1.4  # a model may have learned a higher cost, never a lower one
        assert -412.0 * 8.4 * learned_more < costs["cost:handling"] < -412.0 * 7.6
        assert money(sum(costs.values())) == pytest.approx(answer.residual_value.point, abs=0.02)
        assert all(metal.value_cny == metal.value_change_per_pct_cny == 0.0 for metal in answer.metals)
        assert answer.model.group_used == STRUCTURE_ONLY
        assert answer.model.effective_sales == 0.0


def dossier_of(market_history, *histories, **options):
    table = tabulate(histories)
    return build_dossier(cut(table, np.full(table.rows, day_number(DAY))), market_history, **options)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=3))
def test_a_sound_twin_has_no_route_closed_by_a_finding_and_keeps_the_rest(market_history, histories):
    dossier = dossier_of(market_history, *histories)
    rows = np.flatnonzero(dossier.findings.closes)
    same_digest = dossier_of_twins(dossier, rows)
    assert not same_digest.findings.closes.any()
    assert same_digest.nameplate.energy_kwh.tolist() == dossier.nameplate.energy_kwh[rows].tolist()
    for place, row in enumerate(rows.tolist()):
        mine = dossier_of_twins(dossier, np.array([row]))
        assert mine.routes.structural_per_kwh[0] == same_digest.routes.structural_per_kwh[place]
        assert same_digest.cases.as_of_day[place] == dossier.cases.as_of_day[row]


def test_the_sound_twin_of_a_pack_without_closed_routes_is_the_pack(market_history):
    plain = PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2021, 6, 1), vehicle_model="model one")
    dossier = dossier_of(market_history, plain)
    twin = dossier_of_twins(dossier, np.array([0]))
    assert twin.routes.structural_per_kwh.tolist() == dossier.routes.structural_per_kwh.tolist()
    np.testing.assert_array_equal(twin.findings.numbers, dossier.findings.numbers)


def test_a_sound_twin_keeps_a_milder_accident(market_history):
    events = happened("water", 0.3)["events"] + happened("accident", 0.2)["events"]
    plate = {"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2021-06-01"}
    table = traces_of(record(plate, 0.9, {"events": events})).table
    dossier = build_dossier(cut(table, np.full(1, day_number(DAY))), market_history)
    twin = dossier_of_twins(dossier, np.array([0])).cases
    assert twin.events["severity"][twin.is_choice("kind", "accident")].tolist() == [0.2]
    assert not twin.is_choice("kind", "water").any()


def test_packs_with_all_routes_open_are_unchanged(market_history, model, monkeypatch):
    def never(*_: object) -> FloatArray:
        raise AssertionError

    monkeypatch.setattr(closed_routes, "dossier_of_twins", never)
    dossier = dossier_of(market_history, PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2021, 6, 1)))
    prices = price(dossier, model, 0.9)
    assert prices.point is prices.uncapped


def test_a_capped_band_moves_with_its_point(market_history):
    """On the asinh scale every quantile is lowered equally, so the upper value pays for no closed route."""
    plate = {"chemistry": "LFP", "rated_energy_kwh": 60.0, "made_on": "2021-05-01"}
    table = traces_of(record(plate, 0.88, happened("water", 0.3)), record(plate, 0.88, {})).table
    dossier = build_dossier(cut(table, np.full(2, day_number(DAY))), market_history)
    prices = price(dossier, Generous(), 0.9)
    premium = prices.point[1] - dossier.routes.structural_per_kwh[1]
    recycling = dossier.routes.value_per_kwh["recycling"][0]
    assert prices.uncapped[0] > 1.5 * prices.point[0]
    assert prices.point[0] == pytest.approx(recycling + premium, rel=1e-12)
    assert prices.point[1] == prices.uncapped[1]
    edges = to_scale(np.column_stack([prices.lower, prices.point, prices.upper, prices.quantiles[:, 2]]))
    reach = edges - edges[:, 1:2]
    np.testing.assert_allclose(reach[0], reach[1], atol=1e-9)
    np.testing.assert_allclose(reach[1], [0.2 * -1.6449, 0.0, 0.2 * 1.6449, 0.0], atol=1e-4)


def test_the_deduction_for_closed_routes_is_a_driver(market_history, model):
    plate = {"chemistry": "LFP", "rated_energy_kwh": 60.0, "made_on": "2021-05-01"}
    traces = traces_of(record(plate, 0.88, happened("water", 0.3)))
    answer = appraise(traces, market_history, model=Generous(), as_of=DAY)
    (held,) = [driver for driver in answer.drivers if driver.feature == HELD_TO_OPEN_ROUTES]
    assert held.effect_cny < -1000.0
    assert (held.label_en, held.label_zh) == ("capped at the best open route", "以可行途径的最高价值为限")
    assert HELD_TO_OPEN_ROUTES in driver_names(model)
    assert HELD_TO_OPEN_ROUTES in driver_names(None)
