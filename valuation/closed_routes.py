"""Closed routes are never paid (关闭途径不计价): the most that a pack with a closed route is priced at.

The structural value of a pack counts open routes only. A learned price might still pay for a closed one through its
features, as it did where sales into closed routes taught it. So it is held to what the open routes fetch and what the
market pays over the formula for the same pack without the finding. Packs without a closing finding are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from valuation.dossier import Dossier, dossier_of_twins
from valuation.numeric.asinh_scale import from_scale, to_scale
from valuation.numeric.columns import FloatArray, IntArray

LearnedPrice: TypeAlias = Callable[[Dossier], FloatArray]
"""Returns the learned price of each pack of a dossier. [CNY/kWh]"""

_ROUNDING: Final = 1e-9
"""A price that exceeds its ceiling by no more than this share is the ceiling, summed in another order. [1]"""


def hold_to_open_routes(
    dossier: Dossier, point: FloatArray, quantiles: FloatArray, learned: LearnedPrice | None, softening: float
) -> tuple[FloatArray, FloatArray]:
    """Return points and quantiles in which no route is paid that a finding closes. [CNY/kWh]

    Where a point exceeds its ceiling (:func:`ceilings`) it is the ceiling, and every quantile moves with it by the same
    step on the scale: the band keeps its relative width, and its upper edge promises no more over the open routes than
    it did over the price before. Points and quantiles of all other packs keep their bits.

    Parameters
    ----------
    dossier : Dossier
        Packs worked out on their valuation days.
    point, quantiles : arrays of shape (packs,) and (packs, levels)
        Prices as the model, or the structure, has them.
    learned : function, optional
        The model's price of other packs; none where the structural value answers.
    softening : float
        Softening of the scale. [CNY/kWh]
    """
    rows = np.flatnonzero(dossier.findings.closes & ~dossier.findings.blocked["recycling"])
    if len(rows) == 0:
        return point, quantiles
    most = ceilings(dossier, rows, learned)
    above = point[rows] - most > _ROUNDING * (1.0 + np.abs(most))
    rows, most = rows[above], most[above]
    point, quantiles, before = point.copy(), quantiles.copy(), point[rows]
    point[rows] = most
    step = to_scale(most, softening) - to_scale(before, softening)
    quantiles[rows] = from_scale(to_scale(quantiles[rows], softening) + step[:, None], softening)
    return point, quantiles


def ceilings(dossier: Dossier, rows: IntArray, learned: LearnedPrice | None) -> FloatArray:
    """Return the most that packs with a closed route may be priced at (封顶价). [CNY/kWh]

        ceiling  =  max over open routes r of V_r  +  (P' - V')

    V_r is what the route fetches given that it is taken. P' is the learned price and V' the structural value of the
    sound twin: the same pack on the same day and market, what raises the closing findings left out of its record. Their
    difference, the learned premium, is positive where the market pays more than the formula for such packs and negative
    where it pays less; it is taken as it is. Without a model it is nought.
    """
    routes = dossier.routes
    dearest = np.full(len(rows), -np.inf)
    for route, value in routes.value_per_kwh.items():
        dearest = np.maximum(dearest, np.where(routes.open[route][rows], value[rows], -np.inf))
    if learned is None:
        return dearest
    twins = dossier_of_twins(dossier, rows)
    return dearest + (learned(twins) - twins.routes.structural_per_kwh)
