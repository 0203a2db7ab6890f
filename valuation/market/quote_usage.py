"""Which quotes the value of which pack rests on: its metals in the form that is paid, its payables, its new pack."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from valuation.market.instruments import PAYABLE_ELEMENTS
from valuation.market.payables import PAID_FORMS
from valuation.numeric.columns import BoolArray
from valuation.pack.chemistry import BY_NAME, ROWS, ingredients

MINOR: Final = frozenset({"manganese_sulphate", "manganese", "steel", "graphite", "usd_cny", "eur_cny"})
"""Quotes that hardly count: an old one weakens nothing."""

_METAL = dict(zip(PAYABLE_ELEMENTS, ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "graphite"), strict=True))


def _elements_of(code: int) -> frozenset[str]:
    """Return the elements that a chemistry holds."""
    return frozenset(
        element
        for name, _ in ingredients(ROWS[code])
        for element, kg_per_kwh in BY_NAME[name].kg_per_kwh.items()
        if kg_per_kwh > 0.0
    )


_HOLDS = tuple(_elements_of(code) for code in range(len(ROWS)))


@cache
def preferred(instrument: str) -> tuple[str, ...]:
    """Return the forms of the same metal that are paid on before this one."""
    for forms in PAID_FORMS.values():
        names = [form.instrument for form in forms]
        if instrument in names:
            return tuple(names[: names.index(instrument)])
    return ()


@cache
def usage_mask(instrument: str) -> BoolArray:
    """Return for which chemistries a quote counts, in the order of the table."""
    return np.array([_counts(instrument, code) for code in range(len(ROWS))])


def _counts(instrument: str, code: int) -> bool:
    """Tell whether a quote counts for a chemistry: its metals, its payables, its new pack."""
    row = ROWS[code]
    if instrument.startswith("payable_"):
        _, element, family = instrument.split("_", 2)
        return row.family == family and _METAL[element] in _HOLDS[code]
    if instrument == "second_life_discount":
        return row.second_life
    if instrument.startswith("new_pack_"):
        return row.second_life and instrument in {"new_pack_lfp", f"new_pack_{row.new_pack}"}
    return any(
        element in _HOLDS[code]
        for element, forms in PAID_FORMS.items()
        if instrument in {form.instrument for form in forms}
    )
