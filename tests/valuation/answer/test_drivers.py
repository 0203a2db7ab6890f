"""Drivers of the value: amounts that add up to the point."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valuation import features
from valuation.answer.drivers import MARKET_OVER_FORMULA, ValueDrivers, _money_per_step, driver_rows, explain_value
from valuation.dossier import build_dossier
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.rounding import fen
from valuation.pricing import Prices
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.structural_value import TERM_LABELS

SOFT = LINEAR_THRESHOLD_CNY_PER_KWH
amounts = st.floats(-1e5, 1e5)
PLATE = PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2021, 3, 5))


@dataclass(frozen=True, kw_only=True)
class Explained:
    base_level: np.ndarray
    effects: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model with given effects."""

    effects: np.ndarray
    feature_names: tuple = features.NAMES
    linear_threshold: float = SOFT

    def explain(self, _matrix, base, groups):
        assert len(groups) == len(base)
        return Explained(base_level=np.zeros(len(base)), effects=self.effects)


@given(st.dictionaries(st.sampled_from(sorted(TERM_LABELS)), amounts, min_size=1), st.floats(-1e6, 1e6))
def test_base_and_drivers_add_up_to_the_fen(terms, point):
    columns = {name: np.array([value]) for name, value in terms.items()}
    base, drivers = driver_rows(ValueDrivers(terms=columns, learned={}), 0, round(point, 2))
    assert fen(base) + sum(fen(driver["effect_cny"]) for driver in drivers) == fen(round(point, 2))
    sizes = [abs(driver["effect_cny"]) for driver in drivers]
    assert sizes == sorted(sizes, reverse=True)
    assert all(driver["effect_cny"] != 0.0 for driver in drivers)
    assert {driver["feature"] for driver in drivers} == {name for name, value in terms.items() if fen(value)}


def test_labels_exist_in_both_languages():
    columns = {"metal:Li": np.array([3.0])}
    learned = {features.NAMES[0]: np.array([-2.0])}
    base, drivers = driver_rows(ValueDrivers(terms=columns, learned=learned), 0, 10.0)
    assert base == 9.0
    assert (drivers[0]["label_en"], drivers[0]["label_zh"]) == TERM_LABELS["metal:Li"]
    assert (drivers[1]["label_en"], drivers[1]["label_zh"]) == features.LABELS[features.NAMES[0]]


@given(st.floats(-300.0, 2000.0), st.floats(-2.0, 2.0))
def test_money_per_step_times_steps_is_the_distance(base, way):
    base = np.array([base])
    point = from_scale(to_scale(base, SOFT) + way, SOFT)
    explained = _money_per_step(base, point, SOFT) * (to_scale(point, SOFT) - to_scale(base, SOFT))
    # a way of a hundred-thousandth loses ten digits in the difference; what is left still is below a fen
    np.testing.assert_allclose(explained, point - base, atol=1e-6, rtol=1e-6)
    assert _money_per_step(base, point, SOFT)[0] > 0.0


def test_structural_terms_and_learned_effects_add_up_to_the_point(market_history):
    table = tabulate([PLATE, PLATE])
    dossier = build_dossier(cut(table, np.full(2, day_number(date(2026, 6, 1)))), market_history)
    effects = np.zeros((2, len(features.NAMES)))
    effects[0, 3], effects[0, 7] = 0.3, -0.15
    for name, effect in (("chemistry", 0.25), ("nickel_kg_per_kwh", -0.2)):  # listed as one driver
        effects[0, features.NAMES.index(name)] = effect
    base = dossier.routes.structural_per_kwh
    point = from_scale(to_scale(base, SOFT) + np.array([0.2, 0.0]), SOFT)
    prices = Prices(
        point=point,
        lower=point,
        upper=point,
        quantiles=point[:, None],
        uncapped=point,
        group_used=("", ""),
        group_known=(True, True),
        effective_sales=np.zeros(2),
        newest_day=np.full(2, np.nan),
        matrix=effects,
    )
    explained = explain_value(dossier, prices, Model(effects=effects))
    over = (point - base)[0] * 50.0
    assert np.isclose(explained.learned[features.NAMES[3]][0], 1.5 * over)  # 0.3 of a way of 0.2
    assert np.isclose(explained.learned[features.NAMES[7]][0], -0.75 * over)
    assert np.isclose(explained.learned[MARKET_OVER_FORMULA][0], 0.25 * over)
    assert not {"chemistry", "nickel_kg_per_kwh"} & set(explained.learned)
    rest, drivers = driver_rows(explained, 0, round(float(point[0]) * 50.0, 2))
    assert abs(rest) < 0.1
    assert {features.NAMES[3], features.NAMES[7], MARKET_OVER_FORMULA} <= {driver["feature"] for driver in drivers}
    assert explain_value(dossier, prices, None).learned == {}
