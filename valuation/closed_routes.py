"""Cap the price of packs with a closed route (关闭途径不计价), so that closed routes are never paid for.

The structural value counts open routes only. A learned price might still include the value of a closed route through
its features, for example if the training sales went into closed routes. So it is capped at the value of the open
routes plus the premium that the market pays for the same pack without the closing findings. Packs without such a
finding are not affected.
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
"""Relative excess over the cap that is only rounding: the same sum in another order. [1]"""


def cap_at_open_routes(
    dossier: Dossier, point: FloatArray, quantiles: FloatArray, learned: LearnedPrice | None, linear_threshold: float
) -> tuple[FloatArray, FloatArray]:
    """Return points and quantiles capped so that no route closed by a finding is paid for. [CNY/kWh]

    A point above its cap (:func:`price_caps`) becomes the cap, and its quantiles shift by the same step on the scale,
    so the band keeps its relative width. Points and quantiles of all other packs are unchanged to the bit.

    Parameters
    ----------
    dossier : Dossier
        Dossier of the packs on their valuation days.
    point, quantiles : arrays of shape (packs,) and (packs, levels)
        Prices from the model or from the structural value.
    learned : function, optional
        The model's prices for another dossier; None if the prices are structural.
    linear_threshold : float
        Linear threshold of the scale. [CNY/kWh]
    """
    rows = np.flatnonzero(dossier.findings.closes & ~dossier.findings.blocked["recycling"])
    if len(rows) == 0:
        return point, quantiles
    caps = price_caps(dossier, rows, learned)
    above = point[rows] - caps > _ROUNDING * (1.0 + np.abs(caps))
    rows, caps = rows[above], caps[above]
    point, quantiles, before = point.copy(), quantiles.copy(), point[rows]
    point[rows] = caps
    step = to_scale(caps, linear_threshold) - to_scale(before, linear_threshold)
    quantiles[rows] = from_scale(to_scale(quantiles[rows], linear_threshold) + step[:, None], linear_threshold)
    return point, quantiles


def price_caps(dossier: Dossier, rows: IntArray, learned: LearnedPrice | None) -> FloatArray:
    """Return the highest admissible price of packs with a closed route (封顶价). [CNY/kWh]

        cap  =  max over open routes r of V_r  +  (P' - V')

    V_r is the value of a route that is taken. P' and V' are the learned price and the structural value of the sound
    twin: the same pack on the same day and market, with the evidence of its closing findings removed from the record.
    Their difference is the learned premium of the market over the formula; it may be negative and is not bounded.
    Without a model it is zero.
    """
    routes = dossier.routes
    best_open = np.full(len(rows), -np.inf)
    for route, value in routes.value_per_kwh.items():
        best_open = np.maximum(best_open, np.where(routes.open[route][rows], value[rows], -np.inf))
    if learned is None:
        return best_open
    twins = dossier_of_twins(dossier, rows)
    return best_open + (learned(twins) - twins.routes.structural_per_kwh)
