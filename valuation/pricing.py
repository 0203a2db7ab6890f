"""Price a dossier in columns: point and band per pack, from the model if there is one, else the structural value.

Single packs, lots and fleets share this step; :mod:`valuation.appraisal` turns the prices into answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from valuation import features
from valuation.closed_routes import cap_at_open_routes
from valuation.dossier import Dossier, dossier_of_other_chemistry
from valuation.errors import BundleMismatch, FieldError
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.numeric.exact_math import normal_quantile
from valuation.numeric.mixture import mixture_quantiles
from valuation.ports import Predictor, Priced
from valuation.record.fields import CHEMISTRIES
from valuation.routes.second_life import new_pack_price

QUANTILE_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the value in every answer."""

_SCORE_95 = 1.6448536269514722
_LEAST_SD = 0.01

MOST_METAL_OF_NEW = 0.5
"""Recycling value over the price of a new pack, from which the metal may be worth more than the pack (judged). [1]"""

STRUCTURE_ONLY = "structural value, no sales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of a batch, CNY without VAT per rated kWh.

    Attributes
    ----------
    point, lower, upper : arrays of shape (packs,)
        Point and edges of the band.
    quantiles : array of shape (packs, len(QUANTILE_LEVELS))
        Quantiles of the value.
    uncapped : array of shape (packs,)
        Point before the cap for closed routes (:mod:`valuation.closed_routes`).
    group_used, effective_sales : one per pack
        Calibration group of the band, and its effective number of sales.
    group_known : one per pack
        Whether the model was trained on sales of the pack's own group.
    newest_day : array of shape (packs,)
        Day of the newest sale behind the band; NaN if no sale has a day.
    matrix : array of shape (packs, features), optional
        Features that the model reads; None without a model.
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
    """Return the confidence level if it is within its bounds.

    Raises
    ------
    FieldError
        If it is not between 0.5 and 0.99.

    >>> check_level(0.9)
    0.9
    """
    if not 0.5 <= level <= 0.99:
        raise FieldError("market.level", field="level", value=level)
    return level


def price(dossier: Dossier, model: Predictor | None, level: float) -> Prices:
    """Return the price of each pack, with a band that contains the given share of deals.

    Parameters
    ----------
    dossier : Dossier
        Dossier of the packs on their valuation days.
    model : Predictor, optional
        The trained model. Without one the price is the structural value; its band is wider, as no sales narrow it.
    level : float
        Share of deals that the band should contain, 0.5 to 0.99.

    Raises
    ------
    BundleMismatch
        If the model reads features that this version does not compute.
    """
    half = (1.0 - check_level(level)) / 2.0
    levels = (half, 1.0 - half, *QUANTILE_LEVELS)
    prices = _price_one_chemistry(dossier, model, levels)
    doubtful = np.flatnonzero(dossier.nameplate.other_share > 0.0)
    return prices if len(doubtful) == 0 else _with_other_chemistry(dossier, model, levels, prices, doubtful)


def _price_one_chemistry(dossier: Dossier, model: Predictor | None, levels: Sequence[float]) -> Prices:
    if model is None:
        return _structural(dossier, levels)
    return _with_vehicle_energy(dossier, _learned(dossier, model, levels), model.linear_threshold)


def _with_vehicle_energy(dossier: Dossier, prices: Prices, linear_threshold: float) -> Prices:
    """Return learned prices with bands that contain the spread of an energy that rests on the vehicle.

    No sale of the training has such an energy. Its spread is independent of what the model knows, so variances add.
    """
    nameplate = dossier.nameplate
    rows = np.flatnonzero(~np.isnan(nameplate.vehicle_match) & (nameplate.energy_log_sd > 0.0))
    if len(rows) == 0:
        return prices
    centre = to_scale(prices.point[rows], linear_threshold)[:, None]
    own = np.column_stack([prices.lower, prices.upper, prices.quantiles])
    apart = to_scale(own[rows], linear_threshold) - centre
    learned_sd = np.maximum((apart[:, -1] - apart[:, 2]) / (2.0 * _SCORE_95), _LEAST_SD)
    share = np.abs(prices.point[rows]) / np.sqrt(prices.point[rows] ** 2 + linear_threshold**2)
    energy_sd = nameplate.energy_log_sd[rows] * share
    quantiles = own.copy()
    factor = np.sqrt(1.0 + (energy_sd / learned_sd) ** 2)[:, None]
    quantiles[rows] = from_scale(centre + apart * factor, linear_threshold)
    return _with_bands(prices, quantiles)


def _with_bands(prices: Prices, quantiles: FloatArray) -> Prices:
    """Return the same points with other bands, given as in :func:`_with_edges`."""
    new = _with_edges(prices.point, quantiles)
    return replace(prices, lower=new["lower"], upper=new["upper"], quantiles=new["quantiles"])


def _with_other_chemistry(
    dossier: Dossier, model: Predictor | None, levels: Sequence[float], prices: Prices, rows: IntArray
) -> Prices:
    """Return the prices with bands that also contain the other chemistry of a vehicle, by its share.

    The point stays that of the likeliest chemistry.
    """
    others = dossier_of_other_chemistry(dossier, rows)
    other = _price_one_chemistry(others, model, levels)
    ratio = (others.nameplate.energy_kwh / dossier.nameplate.energy_kwh[rows])[:, None]
    own, theirs = (np.column_stack([one.lower, one.upper, one.quantiles]) for one in (prices, other))
    mixed = mixture_quantiles(own[rows], theirs * ratio, dossier.nameplate.other_share[rows], np.array(levels))
    quantiles = own.copy()
    quantiles[rows] = mixed
    return _with_bands(prices, quantiles)


def calibration_groups(dossier: Dossier) -> tuple[str, ...]:
    """Return the calibration group of each pack, from coarse to fine: chemistry, evidence tier, vehicle model.

    A band is calibrated on the finest level with enough sales, else on the next coarser one.
    """
    chemistry = dossier.nameplate.chemistry.astype(np.int64).tolist()
    tier = dossier.findings.tier.astype(np.int64).tolist()
    models = dossier.cases.texts["vehicle_model"]
    rows = zip(chemistry, tier, models, strict=True)
    return tuple([f"{CHEMISTRIES[code]}/T{level}/{model or '-'}" for code, level, model in rows])


def _learned(dossier: Dossier, model: Predictor, levels: Sequence[float]) -> Prices:
    """Return the prices of the model, with the band widened for stale quotes."""
    matrix, priced = _predict(dossier, model, levels)
    widening = dossier.market.staleness_widening[:, None]
    centre = to_scale(priced.point, model.linear_threshold)[:, None]
    spread = from_scale(
        centre + (to_scale(priced.quantiles, model.linear_threshold) - centre) * widening, model.linear_threshold
    )
    quantiles = np.where(widening > 1.0, spread, priced.quantiles)

    def learned(twins: Dossier) -> FloatArray:
        return _predict(twins, model, levels)[1].point

    prices = Prices(
        **_with_edges(*cap_at_open_routes(dossier, priced.point, quantiles, learned, model.linear_threshold)),
        uncapped=priced.point,
        group_used=tuple(priced.group_used),
        group_known=tuple(priced.group_known),
        effective_sales=priced.effective_n,
        newest_day=np.full(dossier.rows, priced.newest_day),
        matrix=matrix,
    )
    disposed = dossier.findings.blocked["recycling"]
    return _replace_disposed(prices, _structural(dossier, levels), disposed) if disposed.any() else prices


def _predict(dossier: Dossier, model: Predictor, levels: Sequence[float]) -> tuple[FloatArray, Priced]:
    """Return the features that a model reads, and its prices."""
    columns = _columns_of(f"{model.name} {model.version}", tuple(model.feature_names), features.NAMES)
    matrix = features.compute(dossier)[:, columns]
    return matrix, model.price(matrix, dossier.routes.structural_per_kwh, calibration_groups(dossier), levels)


def _replace_disposed(learned: Prices, structural: Prices, where: BoolArray) -> Prices:
    """Return the learned prices, replaced by structural ones for packs to dispose of: no sale shows disposal costs."""
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
    """Return the positions in the catalogue of the features that a model reads; an older model reads fewer."""
    missing = sorted(set(feature_names) - set(catalogue))
    if missing:
        raise BundleMismatch("bundle.unknown_features", hint="bundle.train_again_here", model=model, features=missing)
    return [catalogue.index(feature) for feature in feature_names]


def _structural(dossier: Dossier, levels: Sequence[float]) -> Prices:
    """Return the structural value as prices, with a band from its own uncertainty."""
    base = dossier.routes.structural_per_kwh
    centre = to_scale(base, LINEAR_THRESHOLD_CNY_PER_KWH)[:, None]
    width = (dossier.routes.scale_sd * dossier.findings.widen)[:, None]
    steps = normal_quantile(np.array(levels))[None, :]
    quantiles = from_scale(centre + width * steps, LINEAR_THRESHOLD_CNY_PER_KWH)
    quantiles = np.minimum(quantiles, _price_of_new(dossier)[:, None])
    return Prices(
        **_with_edges(*cap_at_open_routes(dossier, base, quantiles, None, LINEAR_THRESHOLD_CNY_PER_KWH)),
        uncapped=base,
        group_used=(STRUCTURE_ONLY,) * dossier.rows,
        group_known=(False,) * dossier.rows,
        effective_sales=np.zeros(dossier.rows),
        newest_day=np.full(dossier.rows, np.nan),
        matrix=None,
    )


def _price_of_new(dossier: Dossier) -> FloatArray:
    """Return the price of a new pack as the limit of the band, infinite if metal may be worth as much. [CNY/kWh]"""
    new = new_pack_price(dossier.nameplate, dossier.market)
    metal = dossier.routes.value_per_kwh["recycling"]
    return np.where(metal < MOST_METAL_OF_NEW * new, new, np.inf)


def _with_edges(point: FloatArray, quantiles: FloatArray) -> dict[str, FloatArray]:
    """Return point, edges and quantiles; the first two quantiles are the edges, extended to contain the point."""
    return {
        "point": point,
        "lower": np.minimum(quantiles[:, 0], point),
        "upper": np.maximum(quantiles[:, 1], point),
        "quantiles": quantiles[:, 2:],
    }
