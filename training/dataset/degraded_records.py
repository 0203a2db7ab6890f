"""Thinner records of the same sales, so that a band is learned for every tier of evidence (余证分级).

A ledger holds mostly well-documented packs, yet a code alone must be valued too, with a band that covers. A sale whose
record is cut down to what a thinner tier would show, at the same price, teaches how much the missing facts matter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.record.cases import TraceTable
from valuation.record.fields import EVENT_TYPES


def code_alone(table: TraceTable) -> TraceTable:
    """Return the packs as if nothing but their codes were known (tier T0)."""
    packs = {name: np.full_like(column, np.nan) for name, column in table.packs.items()}
    none = np.zeros(len(table.row), dtype=bool)
    texts = {name: values if name == "battery_code" else (None,) * table.rows for name, values in table.texts.items()}
    return TraceTable(
        packs=packs,
        texts=texts,
        events={name: column[none] for name, column in table.events.items()},
        row=table.row[none],
    )


def plate_alone(table: TraceTable) -> TraceTable:
    """Return the packs as if only code and nameplate were known: what they are, nothing of their lives (tier T0)."""
    packs = {
        name: np.full_like(column, np.nan) if name.startswith("module_") else column
        for name, column in table.packs.items()
    }
    none = np.zeros(len(table.row), dtype=bool)
    return TraceTable(
        packs=packs,
        texts=table.texts,
        events={name: column[none] for name, column in table.events.items()},
        row=table.row[none],
    )


def ledger_only(table: TraceTable) -> TraceTable:
    """Return the packs with their life's stations but without readings of use, health or tests (tier T1)."""
    return _drop_events(table, ("usage", "tested"))


def readings_only(table: TraceTable) -> TraceTable:
    """Return the packs with their readings of use and health but without tests (tier T2)."""
    return _drop_events(table, ("tested",))


def _drop_events(table: TraceTable, types: tuple[str, ...]) -> TraceTable:
    """Return the packs without the events of some types."""
    codes = [float(EVENT_TYPES.index(name)) for name in types]
    keep = ~np.isin(table.events["type"], codes)
    packs = {
        name: np.full_like(column, np.nan) if name.startswith("module_") else column
        for name, column in table.packs.items()
    }
    return TraceTable(
        packs=packs,
        texts=table.texts,
        events={name: column[keep] for name, column in table.events.items()},
        row=table.row[keep],
    )


Degradation = Callable[[TraceTable], TraceTable]
DEGRADATIONS: tuple[Degradation, ...] = (code_alone, plate_alone, ledger_only, readings_only)
BARE = 2
"""How many of them, from the first on, leave nothing of a life."""
MOST_BARE = 150.0
"""Copies of one such kind at most: they are far off, and more of them would drown what the others teach."""


def draw_degradation(sales: int, share: float, seed: int) -> FloatArray:
    """Return for each sale which thinning it gets as well, not known where none.

    >>> draw_degradation(4, 1.0, seed=0).shape
    (4,)
    """
    chance = np.random.default_rng(seed)
    bare = min(1.0 / len(DEGRADATIONS), MOST_BARE / max(sales * share, 1.0))
    shares = np.where(np.arange(len(DEGRADATIONS)) < BARE, bare, (1.0 - BARE * bare) / (len(DEGRADATIONS) - BARE))
    drawn = np.searchsorted(np.cumsum(shares)[:-1], chance.random(sales), side="right").astype(np.float64)
    return np.where(chance.random(sales) < share, drawn, np.nan)
