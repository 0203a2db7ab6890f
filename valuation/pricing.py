"""From a dossier to prices with a band, in columns: the learned price where a model is given, else the structural one.

This is the part that one pack, a lot and a fleet share; :mod:`valuation.appraisal` spells it out for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from valuation import features
from valuation.columns import FloatArray
from valuation.dossier import Dossier
from valuation.elementary import normal_quantile
from valuation.errors import BundleMismatch, FieldError
from valuation.ports import Predictor
from valuation.record.fields import CHEMISTRIES
from valuation.scale import SCALE_SOFTENING_CNY_PER_KWH, from_scale, to_scale

QUANTILE_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that every answer carries."""

STRUCTURE_ONLY = "structural value, no sales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of a batch, CNY without VAT per rated kWh.

    `lower`, `point`, `upper` of shape (packs,), `quantiles` of shape (packs, len(QUANTILE_LEVELS)), `group_used` and
    `effective_sales` the group and number of sales behind each band, `matrix` the features (packs, features).
    """

    point: FloatArray
    lower: FloatArray
    upper: FloatArray
    quantiles: FloatArray
    group_used: tuple[str, ...]
    effective_sales: FloatArray
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
    chemistry = dossier.nameplate.chemistry
    tier = dossier.findings.tier
    models = dossier.cases.texts["vehicle_model"]
    return tuple(
        f"{CHEMISTRIES[int(chemistry[row])]}/T{int(tier[row])}/{models[row] or '-'}" for row in range(dossier.rows)
    )


def _learned(dossier: Dossier, model: Predictor, levels: Sequence[float]) -> Prices:
    """Return the model's prices, its band widened where the quotes are staler than any sale it learned from."""
    if tuple(model.feature_names) != features.NAMES:
        missing = sorted(set(model.feature_names) - set(features.NAMES))
        raise BundleMismatch(
            f"model {model.name} {model.version} reads features that this version does not compute: "
            f"{', '.join(missing) or 'another order'}",
            hint="train it again with this version, or install the version it was trained with",
        )
    matrix = features.compute(dossier)
    base = dossier.routes.structural_per_kwh
    priced = model.price(matrix, base, calibration_groups(dossier), levels)
    widening = dossier.market.staleness_widening[:, None]
    centre = to_scale(priced.point, model.softening)[:, None]
    spread = from_scale(centre + (to_scale(priced.quantiles, model.softening) - centre) * widening, model.softening)
    quantiles = np.where(widening > 1.0, spread, priced.quantiles)
    return _prices(priced.point, quantiles, tuple(priced.group_used), priced.effective_n, matrix)


def _structural(dossier: Dossier, levels: Sequence[float]) -> Prices:
    """Return the structural value with the spread that its own uncertainty and unseen margins give it."""
    base = dossier.routes.structural_per_kwh
    centre = to_scale(base, SCALE_SOFTENING_CNY_PER_KWH)[:, None]
    width = (dossier.routes.scale_sd * dossier.findings.widen)[:, None]
    steps = normal_quantile(np.array(levels))[None, :]
    quantiles = from_scale(centre + width * steps, SCALE_SOFTENING_CNY_PER_KWH)
    nothing = np.zeros(dossier.rows)
    return _prices(base, quantiles, (STRUCTURE_ONLY,) * dossier.rows, nothing, None)


def _prices(
    point: FloatArray,
    quantiles: FloatArray,
    group_used: tuple[str, ...],
    effective_sales: FloatArray,
    matrix: FloatArray | None,
) -> Prices:
    """Return prices whose band holds the point."""
    return Prices(
        point=point,
        lower=np.minimum(quantiles[:, 0], point),
        upper=np.maximum(quantiles[:, 1], point),
        quantiles=quantiles[:, 2:],
        group_used=group_used,
        effective_sales=effective_sales,
        matrix=matrix,
    )
