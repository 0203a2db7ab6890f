"""From a dossier to prices with a band, in columns: the learned price where a model is given, else the structural one.

This is the part that one pack, a lot and a fleet share; :mod:`valuation.appraisal` spells it out for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from valuation import features
from valuation.closed_routes import hold_to_open_routes
from valuation.dossier import Dossier
from valuation.errors import BundleMismatch, FieldError
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.numeric.exact_math import normal_quantile
from valuation.ports import Predictor, Priced
from valuation.record.fields import CHEMISTRIES

QUANTILE_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that every answer carries."""

STRUCTURE_ONLY = "structural value, no sales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of a batch, CNY without VAT per rated kWh.

    `lower`, `point`, `upper` of shape (packs,), `quantiles` of shape (packs, len(QUANTILE_LEVELS)), `uncapped` the
    point before closed routes were kept out of it (:mod:`valuation.closed_routes`), `group_used` and
    `effective_sales` the group and number of sales behind each band, `group_known` whether the pack's own group was
    ever learned from, `newest_day` the day of the newest sale behind the bands (NaN: none has a day), `matrix` the
    features that the model reads (packs, features).
    """

    point: FloatArray
    lower: FloatArray
    upper: FloatArray
    quantiles: FloatArray
    uncapped: FloatArray
    group_used: tuple[str, ...]
    group_known: tuple[bool, ...]
    effective_sales: FloatArray
    newest_day: FloatArray
    matrix: FloatArray | None


def check_level(level: float) -> float:
    """Return the confidence level if it can be asked for.

    Raises
    ------
    FieldError
        If it is not between 0.5 and 0.99.

    >>> check_level(0.9)
    0.9
    """
    if not 0.5 <= level <= 0.99:
        raise FieldError(
            f"level is {level}, outside 0.5 to 0.99", hint="ask for 0.9 to get a 90 % band", field="level", value=level
        )
    return level


def price(dossier: Dossier, model: Predictor | None, level: float) -> Prices:
    """Return what each pack would fetch, with a band that holds the asked share of deals.

    Parameters
    ----------
    dossier : Dossier
        Packs worked out on their valuation days.
    model : Predictor, optional
        The trained model; without one the structural value answers, with the wider band that no sales deserve.
    level : float
        Share of deals the band is to hold, 0.5 to 0.99.

    Raises
    ------
    BundleMismatch
        If the model reads features that this version does not compute.
    """
    half = (1.0 - check_level(level)) / 2.0
    levels = (half, 1.0 - half, *QUANTILE_LEVELS)
    return _structural(dossier, levels) if model is None else _learned(dossier, model, levels)


def calibration_groups(dossier: Dossier) -> tuple[str, ...]:
    """Return each pack's calibration group, from coarse to fine: chemistry, evidence tier, vehicle model.

    A band is calibrated on the finest level that has sales enough and backs off to the coarser one.
    """
    chemistry = dossier.nameplate.chemistry.astype(np.int64).tolist()
    tier = dossier.findings.tier.astype(np.int64).tolist()
    models = dossier.cases.texts["vehicle_model"]
    rows = zip(chemistry, tier, models, strict=True)
    return tuple([f"{CHEMISTRIES[code]}/T{level}/{model or '-'}" for code, level, model in rows])


def _learned(dossier: Dossier, model: Predictor, levels: Sequence[float]) -> Prices:
    """Return the model's prices, its band widened where the quotes are staler than any sale it learned from."""
    matrix, priced = _asked(dossier, model, levels)
    widening = dossier.market.staleness_widening[:, None]
    centre = to_scale(priced.point, model.softening)[:, None]
    spread = from_scale(centre + (to_scale(priced.quantiles, model.softening) - centre) * widening, model.softening)
    quantiles = np.where(widening > 1.0, spread, priced.quantiles)

    def learned(twins: Dossier) -> FloatArray:
        return _asked(twins, model, levels)[1].point

    prices = Prices(
        **_holding(*hold_to_open_routes(dossier, priced.point, quantiles, learned, model.softening)),
        uncapped=priced.point,
        group_used=tuple(priced.group_used),
        group_known=tuple(priced.group_known),
        effective_sales=priced.effective_n,
        newest_day=np.full(dossier.rows, priced.newest_day),
        matrix=matrix,
    )
    disposed = dossier.findings.blocked["recycling"]
    return _disposed(prices, _structural(dossier, levels), disposed) if disposed.any() else prices


def _asked(dossier: Dossier, model: Predictor, levels: Sequence[float]) -> tuple[FloatArray, Priced]:
    """Return the features that a model reads, and what it says."""
    columns = _columns_of(f"{model.name} {model.version}", tuple(model.feature_names), features.NAMES)
    matrix = features.compute(dossier)[:, columns]
    return matrix, model.price(matrix, dossier.routes.structural_per_kwh, calibration_groups(dossier), levels)


def _disposed(learned: Prices, structural: Prices, where: BoolArray) -> Prices:
    """Return learned prices, but structural ones of packs that nobody buys: no sale tells what a disposal costs."""
    return replace(
        learned,
        **{
            name: np.where(where, getattr(structural, name), getattr(learned, name))
            for name in ("point", "lower", "upper", "uncapped", "effective_sales", "newest_day")
        },
        quantiles=np.where(where[:, None], structural.quantiles, learned.quantiles),
        group_used=tuple(
            [STRUCTURE_ONLY if one else group for one, group in zip(where, learned.group_used, strict=True)]
        ),
    )


@lru_cache(maxsize=64)
def _columns_of(model: str, feature_names: tuple[str, ...], catalogue: tuple[str, ...]) -> list[int]:
    """Return where the features that a model reads stand in the catalogue; an older model reads fewer."""
    missing = sorted(set(feature_names) - set(catalogue))
    if missing:
        raise BundleMismatch(
            f"model {model} reads features that this version does not compute: {', '.join(missing)}",
            hint="train it again with this version, or install the version it was trained with",
        )
    return [catalogue.index(feature) for feature in feature_names]


def _structural(dossier: Dossier, levels: Sequence[float]) -> Prices:
    """Return the structural value with the spread that its own uncertainty and unseen margins give it."""
    base = dossier.routes.structural_per_kwh
    centre = to_scale(base, LINEAR_THRESHOLD_CNY_PER_KWH)[:, None]
    width = (dossier.routes.scale_sd * dossier.findings.widen)[:, None]
    steps = normal_quantile(np.array(levels))[None, :]
    quantiles = from_scale(centre + width * steps, LINEAR_THRESHOLD_CNY_PER_KWH)
    return Prices(
        **_holding(*hold_to_open_routes(dossier, base, quantiles, None, LINEAR_THRESHOLD_CNY_PER_KWH)),
        uncapped=base,
        group_used=(STRUCTURE_ONLY,) * dossier.rows,
        group_known=(False,) * dossier.rows,
        effective_sales=np.zeros(dossier.rows),
        newest_day=np.full(dossier.rows, np.nan),
        matrix=None,
    )


def _holding(point: FloatArray, quantiles: FloatArray) -> dict[str, FloatArray]:
    """Return point, edges and quantiles, the edges holding the point; the first two quantiles are the edges."""
    return {
        "point": point,
        "lower": np.minimum(quantiles[:, 0], point),
        "upper": np.maximum(quantiles[:, 1], point),
        "quantiles": quantiles[:, 2:],
    }
