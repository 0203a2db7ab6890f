"""Drivers of the value (价值驱动因素): structural terms and learned effects in money that add up to the fen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from valuation import features
from valuation.dossier import Dossier
from valuation.messages import sentence
from valuation.numeric.asinh_scale import to_scale
from valuation.numeric.columns import FloatArray
from valuation.numeric.rounding import fen, fen_column
from valuation.ports import Predictor
from valuation.pricing import Prices, calibration_groups
from valuation.result import ValuationDict
from valuation.routes.structural_value import TERM_LABELS

MARKET_OVER_FORMULA = "market_over_formula"
"""Driver that sums the learned effects of all features that the formula already prices."""

HELD_TO_OPEN_ROUTES = "held_to_open_routes"
"""Driver for the excess of a price over its cap for closed routes (:mod:`valuation.closed_routes`)."""

_OTHERS = (MARKET_OVER_FORMULA, HELD_TO_OPEN_ROUTES)
_LABELS = {**features.LABELS, **TERM_LABELS, **{name: sentence(f"driver.{name}") for name in _OTHERS}}
PRICED_BY_FORMULA = {
    "chemistry",
    "family",
    *(feature.name for feature in features.FEATURES if feature.group in {"metals", "structure"}),
    *(feature.name for feature in features.FEATURES if feature.group == "market" and feature.name != "region"),
}
"""Features of chemistry, metals, quotes and routes: they move together, so a single effect has no meaning."""


@dataclass(frozen=True, kw_only=True)
class ValueDrivers:
    """Effects of each driver in CNY, of shape (packs,).

    The order is: terms of the structural value, learned effects, deduction for closed routes (if any pack has one).
    """

    terms: dict[str, FloatArray]
    learned: dict[str, FloatArray]
    capped: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all effects, terms first."""
        return tuple(self.effects)

    @cached_property
    def effects(self) -> dict[str, FloatArray]:
        """All effects by name, terms first."""
        return {**self.terms, **self.learned, **self.capped}

    @cached_property
    def fen(self) -> FloatArray:
        """All effects in whole fen, halves rounded to even, shape (packs, effects)."""
        return fen_column(np.stack([*self.effects.values()], axis=1))


def explain_value(dossier: Dossier, prices: Prices, model: Predictor | None) -> ValueDrivers:
    """Return the drivers of each pack's value.

    The structural value is a sum of terms. The learned part is a sum on a logarithm-like scale; the Aumann-Shapley
    rule (R. J. Aumann and L. S. Shapley, Values of Non-Atomic Games, 1974) converts it to money: for a function of a
    sum it allocates the change in proportion to the summands, so base and effects differ from the point by rounding
    only. The deduction for closed routes is a driver of its own. A disposal has no learned effects.
    """
    energy = dossier.nameplate.energy_kwh
    terms = {name: value * energy for name, value in dossier.routes.terms.items()}
    taken_off = prices.point - prices.uncapped
    capped = {HELD_TO_OPEN_ROUTES: taken_off * energy} if taken_off.any() else {}
    if model is None or prices.matrix is None:
        return ValueDrivers(terms=terms, learned={}, capped=capped)
    base = dossier.routes.structural_per_kwh
    explained = model.explain(prices.matrix, base, calibration_groups(dossier))
    money_per_step = _money_per_step(base, prices.uncapped, model.linear_threshold) * energy
    money_per_step = np.where(dossier.findings.blocked["recycling"], 0.0, money_per_step)
    learned = {MARKET_OVER_FORMULA: np.zeros(dossier.rows)}
    for position, feature in enumerate(model.feature_names):
        driver = MARKET_OVER_FORMULA if feature in PRICED_BY_FORMULA else feature
        learned[driver] = learned.get(driver, 0.0) + explained.effects[:, position] * money_per_step
    return ValueDrivers(terms=terms, learned=learned, capped=capped)


def _money_per_step(base: FloatArray, point: FloatArray, linear_threshold: float) -> FloatArray:
    """Return CNY/kWh per unit of the scale, averaged between the structural value and the point."""
    distance = to_scale(point, linear_threshold) - to_scale(base, linear_threshold)
    slope_at_base = np.sqrt(base * base + linear_threshold * linear_threshold)
    far = np.abs(distance) > 1e-6
    return np.where(far, (point - base) / np.where(far, distance, 1.0), slope_at_base)


def driver_rows(drivers_of_batch: ValueDrivers, row: int, point_cny: float) -> tuple[float, list[ValuationDict]]:
    """Return the base and the drivers of one pack, largest effect first; base plus effects is the point to the fen.

    Each driver has the fields of :class:`valuation.result.Driver`.
    """
    amounts = zip(drivers_of_batch.names, drivers_of_batch.fen[row].tolist(), strict=True)
    kept = [(name, int(amount)) for name, amount in amounts if amount != 0.0]
    kept.sort(key=lambda item: (-abs(item[1]), item[0]))
    base = fen(point_cny) - sum([amount for _, amount in kept])
    drivers: list[ValuationDict] = []
    for name, amount in kept:
        label_en, label_zh = _LABELS[name]
        drivers.append({"feature": name, "label_en": label_en, "label_zh": label_zh, "effect_cny": amount / 100.0})
    return base / 100.0, drivers


def driver_names(model: Predictor | None) -> tuple[str, ...]:
    """Return every driver that can occur in an answer, terms of the structural value first.

    >>> driver_names(None)[:2]
    ('metal:Li', 'metal:Ni')
    """
    learned = () if model is None else (MARKET_OVER_FORMULA, *model.feature_names)
    return (*TERM_LABELS, *(name for name in learned if name not in PRICED_BY_FORMULA), HELD_TO_OPEN_ROUTES)
