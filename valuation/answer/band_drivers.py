"""Factors of the band's width (区间宽度因素): which facts widen the band and which narrow it.

On the scale the width is a product: the width from all sales together, times factors for the pack's own group, its
features and the quotes of the day. In money the product holds to first order; the remainder is allocated in
proportion, so that base width times all factors is the width in money.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from valuation import features
from valuation.answer.drivers import PRICED_BY_FORMULA
from valuation.dossier import Dossier
from valuation.messages import sentence
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.numeric.rounding import money, rounded
from valuation.ports import Predictor
from valuation.pricing import Prices, calibration_groups
from valuation.result import ValuationDict

GROUP, UNSEEN_KIND, COMPOSITION, HISTORY, STALE, MARKET_SHIFT, OTHERS = (
    "sales_of_its_group",
    "no_sales_of_its_kind",
    "make_up_and_market",
    "odd_history",
    "stale_quotes",
    "market_turn",
    "smaller_ones",
)
_OWN = (GROUP, UNSEEN_KIND, COMPOSITION, HISTORY, STALE, MARKET_SHIFT, OTHERS)
_LABELS = {**features.LABELS, **{name: sentence(f"driver.band.{name}") for name in _OWN}}
_SMALLEST_LISTED = 0.01
"""Effects on the logarithm of the width below this are combined into :data:`OTHERS`. [1]"""
_DIGITS = 4
_FAR = 1e-6


@dataclass(frozen=True, kw_only=True)
class BandDrivers:
    """Factors of each band's width in money, of shape (packs, names), with their names."""

    names: tuple[str, ...]
    factors: FloatArray

    @cached_property
    def rows(self) -> list[list[float]]:
        """The rounded factors, one list per pack."""
        factors: list[list[float]] = np.maximum(rounded(self.factors, _DIGITS), 10.0**-_DIGITS).tolist()
        return factors


def explain_band(dossier: Dossier, prices: Prices, model: Predictor | None) -> BandDrivers:
    """Return the factors of each pack's band width.

    Without a model the width comes from the uncertainty of the structural value, and only findings are factors. The
    cost of a disposal does not come from the model, so its band has no factors.

    Parameters
    ----------
    dossier : Dossier
        Dossier of the packs on their valuation days.
    prices : Prices
        Their prices.
    model : Predictor, optional
        The model that priced them.
    """
    if model is None or prices.matrix is None:
        widening = log(dossier.findings.widen)[:, np.newaxis]
        return BandDrivers(names=(HISTORY,), factors=_in_money(widening, prices, LINEAR_THRESHOLD_CNY_PER_KWH))
    explained = model.explain_width(prices.matrix, dossier.routes.structural_per_kwh, calibration_groups(dossier))
    names, own, formula = _driver_positions(tuple(model.feature_names))
    known = np.array(prices.group_known, dtype=np.bool_)
    logs = np.column_stack(
        [
            np.where(known, explained.group, 0.0),
            np.where(known, 0.0, explained.group),
            log(dossier.market.staleness_widening),
            np.full(dossier.rows, log(np.array([model.shift_monitor.widening]))[0]),
            _sum(explained.effects[:, formula]),
            explained.effects[:, own],
        ]
    )
    logs[dossier.findings.blocked["recycling"]] = 0.0
    small = np.abs(logs) < _SMALLEST_LISTED
    listed = np.column_stack([np.where(small, 0.0, logs), _sum(np.where(small, logs, 0.0))])
    return BandDrivers(names=(*names, OTHERS), factors=_in_money(listed, prices, model.linear_threshold))


@lru_cache(maxsize=64)
def _driver_positions(feature_names: tuple[str, ...]) -> tuple[tuple[str, ...], list[int], list[int]]:
    """Return the names of all factors but the last, and the positions of the features listed singly and summed."""
    own = [place for place, name in enumerate(feature_names) if name not in PRICED_BY_FORMULA]
    formula = [place for place, name in enumerate(feature_names) if name in PRICED_BY_FORMULA]
    return (
        (GROUP, UNSEEN_KIND, STALE, MARKET_SHIFT, COMPOSITION, *(feature_names[place] for place in own)),
        own,
        formula,
    )


def _sum(columns: FloatArray) -> FloatArray:
    """Return the sum of all columns, added in order."""
    return np.cumsum(columns, axis=1)[:, -1] if columns.shape[1] else np.zeros(len(columns))


def _in_money(logs: FloatArray, prices: Prices, linear_threshold: float) -> FloatArray:
    """Return effects on the logarithm of the width on the scale (packs, effects) as factors of the width in money.

    The band without the effects is scaled about its point. The change of its logarithmic width in money is allocated
    in proportion to the effects, by the same rule as for the drivers of the value.
    """
    edges = to_scale(np.column_stack([prices.lower, prices.point, prices.upper]), linear_threshold)
    centre, whole = edges[:, 1:2], _sum(logs)
    bare = from_scale(centre + (edges[:, ::2] - centre) * exp(-whole)[:, np.newaxis], linear_threshold)
    bare_width, width = bare[:, 1] - bare[:, 0], prices.upper - prices.lower
    some = (bare_width > 0.0) & (width > 0.0)
    far = some & (np.abs(whole) > _FAR)
    change = log(np.where(far, width / np.where(far, bare_width, 1.0), 1.0))
    stretch = np.where(far, change / np.where(far, whole, 1.0), np.where(some, 1.0, 0.0))
    return exp(logs * stretch[:, np.newaxis])


def band_driver_rows(drivers_of_batch: BandDrivers, row: int, width_cny: float) -> tuple[float, list[ValuationDict]]:
    """Return base width and factors of one pack, strongest factor first; base times factors is the width. [CNY]

    Each factor has the fields of :class:`valuation.result.WidthDriver`.

    >>> band_drivers = BandDrivers(names=(STALE, GROUP), factors=np.array([[1.25, 1.0]]))
    >>> base, drivers = band_driver_rows(band_drivers, 0, 1000.0)
    >>> base, [(driver["feature"], driver["factor"]) for driver in drivers]
    (800.0, [('stale_quotes', 1.25)])
    """
    factors = zip(drivers_of_batch.names, drivers_of_batch.rows[row], strict=True)
    kept = [(name, factor) for name, factor in factors if factor != 1.0]
    kept.sort(key=lambda item: (-max(item[1], 1.0 / item[1]) if item[0] != OTHERS else 0.0, item[0]))
    base = width_cny
    drivers: list[ValuationDict] = []
    for name, factor in kept:
        base /= factor
        label_en, label_zh = _LABELS[name]
        drivers.append({"feature": name, "label_en": label_en, "label_zh": label_zh, "factor": factor})
    return money(base), drivers
