"""Asking sales how a market's constants differ from the judged ones (市场习惯), before anything else is learned.

What a formula has wrong in one constant, a repurposing cost or the trust in a battery's own readings, is wrong for
every pack and on every day to come; trees would learn it as of the days they saw. The habits are the likeliest given
the sales and the judgement: residuals on the scale with the heavy tails of deals, each habit held back by its spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from models.inference.folds import assign_folds
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet, join
from valuation.battery_code.decoding import decode_many
from valuation.dossier import Dossier
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, to_scale
from valuation.numeric.columns import FloatArray
from valuation.pack.design_sizes import sizes_of_designs, specifications
from valuation.routes.assumptions import assumptions_for
from valuation.routes.market_calibration import CALIBRATED_CONSTANTS, START, apply_calibration
from valuation.routes.structural_value import price_routes

DEAL_SD = 0.20
"""Spread of a deal around what its kind fetches, on the scale: 10 to 15 % mean error, and what the formula lacks."""
CALIBRATION_FROM_SALES = 3_000
"""Below so many sales their own share in the habits shows in what is left over; above, some forty numbers do not."""
FOLDS = 5
ROUNDS, FEW_ROUNDS = 12, 3
"""Steps of the search; it settles in fewer."""
DIGITS = 4
"""Digits that habits are kept to, so that the last bits of a solver decide nothing."""


def fit_market_calibration(
    sales: TrainingSet, config: TrainingConfig, near: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return how the market's constants differ from the judged ones; nothing where none were asked for.

    Parameters
    ----------
    sales : TrainingSet
        Sales whose prices are known; at most `config.habits_rows` of them, drawn evenly, are asked.
    config : TrainingConfig
        Choices of the training.
    near : mapping of habit to move, optional
        Habits of nearly the same sales, from which a few steps will do.
    """
    if config.habits_rows <= 0 or sales.archive is None or not len(sales):
        return {}
    sizes = _sizes(sales)
    chosen = sales.take(np.arange(0, len(sales), max(1, -(-len(sales) // config.habits_rows)))).seen(sizes)
    start = START if near is None else near
    dossier = replace(sales.archive, habits=sizes).dossier(chosen)
    return _likeliest(dossier, chosen.price, start, ROUNDS if near is None else FEW_ROUNDS) | sizes


def _sizes(sales: TrainingSet) -> dict[str, float]:
    """Return the rated energy of every design that the plates of some packs sold tell."""
    if sales.archive is None:
        return {}
    rows = np.unique(sales.pack_row)  # a pack sold twice has one plate
    texts = sales.archive.table.texts["battery_code"]
    codes = tuple(texts[row] for row in rows.tolist())
    designs = specifications(codes, decode_many(codes, np.full(len(rows), np.max(sales.sold_day))).columns)
    told = sales.archive.table.packs["rated_energy_kwh"][rows]
    return sizes_of_designs(designs, told)


def cross_fitted_structural(
    taught: TrainingSet, sales: TrainingSet, config: TrainingConfig, habits: Mapping[str, float]
) -> TrainingSet:
    """Return sales and their thinner copies, each seen with habits that its own price had no part in.

    Where sales are few their habits fit them better than they fit any other; what is left over would look too small,
    and the band made of it too narrow. `habits` are those of all sales.
    """
    if not habits:
        return taught
    _, place = np.unique(sales.together, return_inverse=True)
    fold = assign_folds(len(sales), FOLDS, config.seed, place)
    by_pack = dict(zip(sales.packs, fold.tolist(), strict=True))
    of_row = np.array([by_pack.get(pack, -1) for pack in taught.packs])
    parts, order = [], []
    for k in np.unique(of_row).tolist():
        mine = np.flatnonzero(of_row == k)
        parts.append(taught.take(mine).seen(fit_market_calibration(sales.where(fold != k), config, habits)))
        order.append(mine)
    return join(parts).take(np.argsort(np.concatenate(order)))


def _likeliest(dossier: Dossier, price: FloatArray, near: Mapping[str, float], rounds: int) -> dict[str, float]:
    """Return the habits that sales and judgement together make likeliest."""
    from scipy.optimize import least_squares  # type: ignore[import-untyped]  # noqa: PLC0415 - no stubs; training only
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - training only

    spread = np.array([habit.spread for habit in CALIBRATED_CONSTANTS.values()])
    start = np.array([near.get(name, 0.0) for name in CALIBRATED_CONSTANTS])
    lack = partial(_residual, dossier=dossier, wanted=to_scale(price, LINEAR_THRESHOLD_CNY_PER_KWH), spread=spread)
    with threadpool_limits(limits=1):  # the number of threads would change the last bits
        found = least_squares(lack, start, diff_step=1e-2, x_scale=spread, max_nfev=rounds).x
    return {name: round(float(value), DIGITS) + 0.0 for name, value in zip(CALIBRATED_CONSTANTS, found, strict=True)}


def _residual(moves: FloatArray, dossier: Dossier, wanted: FloatArray, spread: FloatArray) -> FloatArray:
    """Return what the structural value lacks of each price, then how far each habit is from nought, in spreads."""
    habits: Mapping[str, float] = dict(zip(CALIBRATED_CONSTANTS, moves.tolist(), strict=True))
    routes = price_routes(
        dossier.cases,
        dossier.nameplate,
        dossier.health,
        dossier.market,
        dossier.metals,
        dossier.findings,
        assumptions=apply_calibration(assumptions_for(dossier.market.region), habits),
        earlier=dossier.earlier_market,
    )
    off = (to_scale(routes.structural_per_kwh, LINEAR_THRESHOLD_CNY_PER_KWH) - wanted) / DEAL_SD
    tamed = np.sign(off) * np.sqrt(2.0 * (np.sqrt(1.0 + off * off) - 1.0))  # far ones pull like a straight line
    return np.concatenate([tamed, moves / spread])
