"""Quotes that the value of a pack depends on: its metals in their paid form, its payables, its new pack."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from valuation.market.instruments import PAYABLE_ELEMENTS
from valuation.market.payables import PAID_FORMS
from valuation.numeric.columns import BoolArray
from valuation.pack.chemistry import BY_NAME, ROWS, ingredients

MINOR: Final = frozenset({"manganese_sulphate", "manganese", "steel", "graphite", "usd_cny", "eur_cny"})
"""Quotes with little effect on the value; their age is ignored."""

_METAL = dict(zip(PAYABLE_ELEMENTS, ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "graphite"), strict=True))


def _elements_of(code: int) -> frozenset[str]:
    """Return the elements that a chemistry contains."""
    return frozenset(
        element
        for name, _ in ingredients(ROWS[code])
        for element, kg_per_kwh in BY_NAME[name].kg_per_kwh.items()
        if kg_per_kwh > 0.0
    )


_HOLDS = tuple(_elements_of(code) for code in range(len(ROWS)))


@cache
def preferred(instrument: str) -> tuple[str, ...]:
    """Return the forms of the same metal that are preferred to this one."""
    for forms in PAID_FORMS.values():
        names = [form.instrument for form in forms]
        if instrument in names:
            return tuple(names[: names.index(instrument)])
    return ()


@cache
def usage_mask(instrument: str) -> BoolArray:
    """Return the chemistries whose value depends on a quote, as a mask in the order of the table."""
    return np.array([_counts(instrument, code) for code in range(len(ROWS))])


def _counts(instrument: str, code: int) -> bool:
    """Return whether the value of a chemistry depends on a quote: of its metals, payables or new pack."""
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
