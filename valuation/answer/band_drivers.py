"""Why the band is as wide as it is: what widens and what narrows it, as factors (区间宽度因素).

A band's width is a product on the scale: what all sales together call for, times what the pack's own group, its
features and the quotes of the day add or take. In money the product is the same to first order; what it lacks is shared
out in proportion, so that base width times all factors is the width in money.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from valuation import features
from valuation.answer.drivers import PRICED_BY_FORMULA
from valuation.dossier import Dossier
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.numeric.rounding import rounded
from valuation.ports import Predictor
from valuation.pricing import Prices, calibration_groups
from valuation.result import ValuationDict

GROUP, STRANGER, MAKE_UP, HISTORY, STALE, TURN, OTHERS = (
    "sales_of_its_group",
    "no_sales_of_its_kind",
    "make_up_and_market",
    "odd_history",
    "stale_quotes",
    "market_turn",
    "smaller_ones",
)
_LABELS = {
    GROUP: ("how alike the sales of its group are, and how many", "所属分组成交的离散程度与数量"),
    STRANGER: ("no sale of its kind was learned from", "模型未见过同类电池的成交"),
    MAKE_UP: ("chemistry, metals and quotes", "化学体系、金属含量与行情"),
    HISTORY: ("what is odd in the traced history", "溯源履历中的疑点"),
    STALE: ("quotes are old", "行情报价陈旧"),
    TURN: ("the newest sales fell outside the band too often", "近期成交偏出区间过多"),
    OTHERS: ("smaller ones together", "其余较小因素合计"),
}
_ALL_LABELS = {**features.LABELS, **_LABELS}
_LEAST_TOLD = 0.01
"""What moves the width by less than about a hundredth is told together with its like."""
_DIGITS = 4
_FAR = 1e-6


@dataclass(frozen=True, kw_only=True)
class BandDrivers:
    """What widens and narrows each band: `names`, and factors of the width in money of shape (packs, names)."""

    names: tuple[str, ...]
    factors: FloatArray

    @cached_property
    def rows(self) -> list[list[float]]:
        """The factors as they are told, a list a pack."""
        told: list[list[float]] = np.maximum(rounded(self.factors, _DIGITS), 10.0**-_DIGITS).tolist()
        return told


def explain_band(dossier: Dossier, prices: Prices, model: Predictor | None) -> BandDrivers:
    """Return what widens and narrows each pack's band.

    Without a model the width is that of the structural value's own uncertainty, and only odd histories are factors. A
    model has no part in what a disposal costs, so nothing of it widens or narrows that band.

    Parameters
    ----------
    dossier : Dossier
        Packs worked out on their valuation days.
    prices : Prices
        What they were priced at.
    model : Predictor, optional
        The model that priced them.
    """
    if model is None or prices.matrix is None:
        odd = log(dossier.findings.widen)[:, np.newaxis]
        return BandDrivers(names=(HISTORY,), factors=_in_money(odd, prices, LINEAR_THRESHOLD_CNY_PER_KWH))
    explained = model.explain_width(prices.matrix, dossier.routes.structural_per_kwh, calibration_groups(dossier))
    names, own, formula = _places(tuple(model.feature_names))
    known = np.array(prices.group_known, dtype=np.bool_)
    logs = np.column_stack(
        [
            np.where(known, explained.group, 0.0),
            np.where(known, 0.0, explained.group),
            log(dossier.market.staleness_widening),
            np.full(dossier.rows, log(np.array([model.turn.widening]))[0]),
            _sum(explained.effects[:, formula]),
            explained.effects[:, own],
        ]
    )
    logs[dossier.findings.blocked["recycling"]] = 0.0
    small = np.abs(logs) < _LEAST_TOLD
    told = np.column_stack([np.where(small, 0.0, logs), _sum(np.where(small, logs, 0.0))])
    return BandDrivers(names=(*names, OTHERS), factors=_in_money(told, prices, model.softening))


@lru_cache(maxsize=64)
def _places(feature_names: tuple[str, ...]) -> tuple[tuple[str, ...], list[int], list[int]]:
    """Return the names of all factors but the last, and which features speak for themselves and which together."""
    own = [place for place, name in enumerate(feature_names) if name not in PRICED_BY_FORMULA]
    formula = [place for place, name in enumerate(feature_names) if name in PRICED_BY_FORMULA]
    return (GROUP, STRANGER, STALE, TURN, MAKE_UP, *(feature_names[place] for place in own)), own, formula


def _sum(columns: FloatArray) -> FloatArray:
    """Return the sum of all columns, in their order."""
    return np.cumsum(columns, axis=1)[:, -1] if columns.shape[1] else np.zeros(len(columns))


def _in_money(logs: FloatArray, prices: Prices, softening: float) -> FloatArray:
    """Return effects on the logarithm of the width on the scale (packs, effects) as factors of the width in money.

    The band without them is drawn in about its point on the scale; the change of its logarithmic width in money is
    shared in proportion, by the same rule as the drivers of the value.
    """
    edges = to_scale(np.column_stack([prices.lower, prices.point, prices.upper]), softening)
    centre, whole = edges[:, 1:2], _sum(logs)
    bare = from_scale(centre + (edges[:, ::2] - centre) * exp(-whole)[:, np.newaxis], softening)
    bare_width, width = bare[:, 1] - bare[:, 0], prices.upper - prices.lower
    some = (bare_width > 0.0) & (width > 0.0)
    far = some & (np.abs(whole) > _FAR)
    change = log(np.where(far, width / np.where(far, bare_width, 1.0), 1.0))
    stretch = np.where(far, change / np.where(far, whole, 1.0), np.where(some, 1.0, 0.0))
    return exp(logs * stretch[:, np.newaxis])


def band_driver_rows(reasons: BandDrivers, row: int, width_cny: float) -> tuple[float, list[ValuationDict]]:
    """Return base width and factors of one pack, the most telling first; base times factors is the width. [CNY]

    Each factor is told by the fields of :class:`valuation.result.WidthDriver`.

    >>> told = BandDrivers(names=(STALE, GROUP), factors=np.array([[1.25, 1.0]]))
    >>> base, drivers = band_driver_rows(told, 0, 1000.0)
    >>> base, [(driver["feature"], driver["factor"]) for driver in drivers]
    (800.0, [('stale_quotes', 1.25)])
    """
    kept = [(name, factor) for name, factor in zip(reasons.names, reasons.rows[row], strict=True) if factor != 1.0]
    kept.sort(key=lambda item: (-max(item[1], 1.0 / item[1]) if item[0] != OTHERS else 0.0, item[0]))
    base = width_cny
    drivers: list[ValuationDict] = []
    for name, factor in kept:
        base /= factor
        label_en, label_zh = _ALL_LABELS[name]
        drivers.append({"feature": name, "label_en": label_en, "label_zh": label_zh, "factor": factor})
    return round(base, 2) + 0.0, drivers
