"""Why the value is what it is: structural terms and learned effects in money that add up to the fen (价值驱动因素)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from valuation import features
from valuation.dossier import Dossier
from valuation.numeric.asinh_scale import to_scale
from valuation.numeric.columns import FloatArray
from valuation.ports import Predictor
from valuation.pricing import Prices, calibration_groups
from valuation.result import ValuationDict
from valuation.routes.structural_value import TERM_LABELS

MARKET_OVER_FORMULA = "market_over_formula"
"""The driver that stands for all learned effects of what the formula already prices."""

HELD_TO_OPEN_ROUTES = "held_to_open_routes"
"""The driver that takes off what a price with a closed route exceeds its ceiling by."""

_LABELS = {
    MARKET_OVER_FORMULA: ("what the market pays over or under the formula", "市场对公式价值的溢价或折价"),
    HELD_TO_OPEN_ROUTES: ("held to the dearest open route", "以可行途径的最高价值为限"),
}
_ALL_LABELS = {**features.LABELS, **TERM_LABELS, **_LABELS}
PRICED_BY_FORMULA = {
    "chemistry",
    "family",
    *(feature.name for feature in features.FEATURES if feature.group in {"metals", "structure"}),
    *(feature.name for feature in features.FEATURES if feature.group == "market" and feature.name != "region"),
}
"""Features of chemistry, metals, quotes and routes: they move together, and alone none of their effects speaks."""


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """Effects in CNY, each of shape (packs,): terms of the structural value, then learned effects by driver.

    Last comes what is taken off so that no closed route is paid, where it is taken off of any pack.
    """

    terms: dict[str, FloatArray]
    learned: dict[str, FloatArray]
    held: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all effects, terms first."""
        return tuple(self.effects)

    @cached_property
    def effects(self) -> dict[str, FloatArray]:
        """All effects by name, terms first."""
        return {**self.terms, **self.learned, **self.held}

    @cached_property
    def fen(self) -> FloatArray:
        """All effects in whole fen, halves to even, shape (packs, effects)."""
        return np.rint(np.stack([*self.effects.values()], axis=1) * 100.0)


def fen(amount_cny: float) -> int:
    """Return an amount in whole fen, halves to even.

    >>> fen(12.345), fen(-0.5)
    (1234, -50)
    """
    return round(amount_cny * 100.0)


def reasons(dossier: Dossier, prices: Prices, model: Predictor | None) -> Reasons:
    """Return why each pack is worth its point.

    The structural value is a sum already. The learned part is a sum on a logarithm-like scale; it is brought to money
    by the Aumann-Shapley rule (R. J. Aumann and L. S. Shapley, Values of Non-Atomic Games, 1974), which for a function
    of a sum shares the change in proportion to the summands, so what the effects lack of the point is rounding. What
    the ceiling of a pack with a closed route takes off is a driver of its own; in a disposal nothing is learned.
    """
    energy = dossier.nameplate.energy_kwh
    terms = {name: value * energy for name, value in dossier.routes.terms.items()}
    taken_off = prices.point - prices.uncapped
    held = {HELD_TO_OPEN_ROUTES: taken_off * energy} if taken_off.any() else {}
    if model is None or prices.matrix is None:
        return Reasons(terms=terms, learned={}, held=held)
    base = dossier.routes.structural_per_kwh
    explained = model.explain(prices.matrix, base, calibration_groups(dossier))
    money_per_step = _money_per_step(base, prices.uncapped, model.softening) * energy
    money_per_step = np.where(dossier.findings.blocked["recycling"], 0.0, money_per_step)
    learned = {MARKET_OVER_FORMULA: np.zeros(dossier.rows)}
    for position, feature in enumerate(model.feature_names):
        driver = MARKET_OVER_FORMULA if feature in PRICED_BY_FORMULA else feature
        learned[driver] = learned.get(driver, 0.0) + explained.effects[:, position] * money_per_step
    return Reasons(terms=terms, learned=learned, held=held)


def _money_per_step(base: FloatArray, point: FloatArray, softening: float) -> FloatArray:
    """Return CNY/kWh for one unit of the scale, averaged over the way from the structural value to the point."""
    way = to_scale(point, softening) - to_scale(base, softening)
    slope_at_base = np.sqrt(base * base + softening * softening)
    far = np.abs(way) > 1e-6
    return np.where(far, (point - base) / np.where(far, way, 1.0), slope_at_base)


def tell(reasons_of_batch: Reasons, row: int, point_cny: float) -> tuple[float, list[ValuationDict]]:
    """Return the base and the drivers of one pack, largest effect first; base plus effects is the point to the fen.

    Each driver is told by the fields of :class:`valuation.result.Driver`.
    """
    amounts = zip(reasons_of_batch.names, reasons_of_batch.fen[row].tolist(), strict=True)
    kept = [(name, int(amount)) for name, amount in amounts if amount != 0.0]
    kept.sort(key=lambda item: (-abs(item[1]), item[0]))
    base = fen(point_cny) - sum([amount for _, amount in kept])
    drivers: list[ValuationDict] = []
    for name, amount in kept:
        label_en, label_zh = _ALL_LABELS[name]
        drivers.append({"feature": name, "label_en": label_en, "label_zh": label_zh, "effect_cny": amount / 100.0})
    return base / 100.0, drivers


def driver_names(model: Predictor | None) -> tuple[str, ...]:
    """Return every driver that an answer may name, terms of the structural value first.

    >>> driver_names(None)[:2]
    ('metal:Li', 'metal:Ni')
    """
    learned = () if model is None else (MARKET_OVER_FORMULA, *model.feature_names)
    return (*TERM_LABELS, *(name for name in learned if name not in PRICED_BY_FORMULA), HELD_TO_OPEN_ROUTES)
