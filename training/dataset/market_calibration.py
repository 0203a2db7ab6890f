"""Calibrate the constants of the structural value on sales (市场校准), before the residual is fitted.

An error in one constant, such as a repurposing cost, affects every pack on every later day; trees would only fit it for
the days of the sales. The calibration is a maximum a posteriori estimate: heavy-tailed residuals on the asinh scale,
and a normal prior with the spread of each constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.optimize import least_squares  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits

from models.fitting.folds import assign_folds
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet, join
from valuation.battery_code.decoding import decode_many
from valuation.dossier import Dossier
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, to_scale
from valuation.numeric.columns import FloatArray
from valuation.pack.design_sizes import sizes_of_designs, specifications
from valuation.routes.assumptions import assumptions_for
from valuation.routes.market_calibration import CALIBRATED_CONSTANTS, START, apply_calibration

DEAL_SD = 0.20
"""Standard deviation of a price around the structural value on the asinh scale: 10 to 15 % mean error. [1]"""
CALIBRATION_FROM_SALES = 3_000
"""Number of sales below which structural values are cross-fitted; above it, about forty constants hardly overfit."""
FOLDS = 5
ROUNDS, FEW_ROUNDS = 12, 3
"""Largest number of solver steps, and of steps from a nearby start."""
DIGITS = 4
"""Decimal digits of the calibrated constants; rounding removes differences in the last bits of the solver."""


def fit_market_calibration(
    sales: TrainingSet, config: TrainingConfig, near: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the deviations of the market constants from their defaults; empty if calibration is switched off.

    Parameters
    ----------
    sales : TrainingSet
        Sales with known prices; at most `config.market_calibration_rows` of them are used, evenly spaced.
    config : TrainingConfig
        Options of the training.
    near : mapping of name to deviation, optional
        Calibration of nearly the same sales, used as the start of a shorter search.
    """
    if config.market_calibration_rows <= 0 or sales.archive is None or not len(sales):
        return {}
    sizes = _sizes(sales)
    chosen = sales.take(
        np.arange(0, len(sales), max(1, -(-len(sales) // config.market_calibration_rows)))
    ).with_calibration(sizes)
    start = START if near is None else near
    dossier = replace(sales.archive, calibration=sizes).dossier(chosen)
    return _likeliest(dossier, chosen.price, start, ROUNDS if near is None else FEW_ROUNDS) | sizes


def _sizes(sales: TrainingSet) -> dict[str, float]:
    """Return the rated energy of each design that is known from the nameplates of its packs."""
    if sales.archive is None:
        return {}
    rows = np.unique(sales.pack_row)  # a pack sold twice has one nameplate
    texts = sales.archive.table.texts["battery_code"]
    codes = tuple(texts[row] for row in rows.tolist())
    designs = specifications(codes, decode_many(codes, np.full(len(rows), np.max(sales.sold_day))).columns)
    rated_kwh = sales.archive.table.packs["rated_energy_kwh"][rows]
    return sizes_of_designs(designs, rated_kwh)


def cross_fitted_structural(
    rows: TrainingSet, sales: TrainingSet, config: TrainingConfig, calibration: Mapping[str, float]
) -> TrainingSet:
    """Return sales and degraded copies with structural values from out-of-fold calibrations.

    With few sales a calibration overfits them; residuals would be too small and bands too narrow. `calibration` is that
    of all sales.
    """
    if not calibration:
        return rows
    _, place = np.unique(sales.repeat_sale_group, return_inverse=True)
    fold = assign_folds(len(sales), FOLDS, config.seed, place)
    by_pack = dict(zip(sales.packs, fold.tolist(), strict=True))
    of_row = np.array([by_pack.get(pack, -1) for pack in rows.packs])
    parts, order = [], []
    for k in np.unique(of_row).tolist():
        mine = np.flatnonzero(of_row == k)
        parts.append(
            rows.take(mine).with_calibration(fit_market_calibration(sales.where(fold != k), config, calibration))
        )
        order.append(mine)
    return join(parts).take(np.argsort(np.concatenate(order)))


def _likeliest(dossier: Dossier, price: FloatArray, near: Mapping[str, float], rounds: int) -> dict[str, float]:
    """Return the maximum a posteriori deviations of the constants."""
    spread = np.array([constant.spread for constant in CALIBRATED_CONSTANTS.values()])
    start = np.array([near.get(name, 0.0) for name in CALIBRATED_CONSTANTS])
    lack = partial(_residual, dossier=dossier, wanted=to_scale(price, LINEAR_THRESHOLD_CNY_PER_KWH), spread=spread)
    with threadpool_limits(limits=1):  # more threads would change the last bits
        found = least_squares(lack, start, diff_step=1e-2, x_scale=spread, max_nfev=rounds).x
    return {name: round(float(value), DIGITS) + 0.0 for name, value in zip(CALIBRATED_CONSTANTS, found, strict=True)}


def _residual(moves: FloatArray, dossier: Dossier, wanted: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the residual of each price, then the deviation of each constant over its spread."""
    calibration: Mapping[str, float] = dict(zip(CALIBRATED_CONSTANTS, moves.tolist(), strict=True))
    routes = dossier.priced_routes(apply_calibration(assumptions_for(dossier.market.region), calibration))
    off = (to_scale(routes.structural_per_kwh, LINEAR_THRESHOLD_CNY_PER_KWH) - wanted) / DEAL_SD
    tamed = np.sign(off) * np.sqrt(2.0 * (np.sqrt(1.0 + off * off) - 1.0))  # pseudo-Huber: linear for outliers
    return np.concatenate([tamed, moves / spread])
