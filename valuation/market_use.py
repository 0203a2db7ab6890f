"""Which quotes the value of which pack rests on: its metals in the form that is paid, its payables, its new pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from valuation.chemistry import BY_NAME, ROWS, ingredients
from valuation.columns import BoolArray
from valuation.instruments import PAYABLE_ELEMENTS
from valuation.payables import PAID_FORMS

if TYPE_CHECKING:
    from valuation.market import Market

MINOR: Final = ("Mn", "Fe", "graphite")
"""Metals that hardly count: an old quote of theirs weakens nothing."""

_METAL = dict(zip(PAYABLE_ELEMENTS, ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "graphite"), strict=True))


def _elements_of(code: int) -> frozenset[str]:
    """Return the elements that a chemistry holds."""
    return frozenset(
        element
        for name, _ in ingredients(ROWS[code])
        for element, kg_per_kwh in BY_NAME[name].kg_per_kwh.items()
        if kg_per_kwh > 0.0 and element not in MINOR
    )


_HOLDS = tuple(_elements_of(code) for code in range(len(ROWS)))


def is_used(market: Market, instrument: str) -> BoolArray:
    """Return for which packs a quote is there and counts; chemistry aside where the market is not told it."""
    known: BoolArray = ~np.isnan(market.quoted_day[instrument])
    for element, forms in PAID_FORMS.items():
        names = [form.instrument for form in forms]
        if instrument in names:
            for better in names[: names.index(instrument)]:
                known &= np.isnan(market.quoted_day[better])
            return known & _packs(market, _holds(element))
    if instrument.startswith("payable_"):
        _, element, family = instrument.split("_", 2)
        holds = _holds(_METAL[element])
        return known & _packs(market, lambda code: ROWS[code].family == family and holds(code))
    if instrument == "second_life_discount":
        return known & _packs(market, lambda code: ROWS[code].second_life)
    anchor = instrument.removeprefix("new_pack_")
    return known & _packs(market, lambda code: ROWS[code].second_life and ROWS[code].new_pack == anchor)


def _holds(element: str) -> Callable[[int], bool]:
    """Return whether a chemistry holds an element that counts."""
    return lambda code: element in _HOLDS[code]


def _packs(market: Market, condition: Callable[[int], bool]) -> BoolArray:
    """Return which packs are of a chemistry that satisfies the condition; all where chemistries are not told."""
    if market.chemistry is None:
        return np.ones(len(market.row), dtype=bool)
    return np.array([condition(code) for code in range(len(ROWS))])[market.chemistry.astype(np.int64)]
