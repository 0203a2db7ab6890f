"""Degrade trace records to lower evidence tiers (证据降级), to train bands for every tier.

A ledger contains mostly well-documented packs, but packs with little evidence are valued too. Copies of sales with a
degraded record and the same price show how much the missing facts matter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.record.cases import TraceTable
from valuation.record.fields import EVENT_TYPES


def code_only(table: TraceTable) -> TraceTable:
    """Keep only the battery code (tier T0)."""
    packs = {name: np.full_like(column, np.nan) for name, column in table.packs.items()}
    none = np.zeros(len(table.row), dtype=bool)
    texts = {name: values if name == "battery_code" else (None,) * table.rows for name, values in table.texts.items()}
    return TraceTable(
        packs=packs,
        texts=texts,
        events={name: column[none] for name, column in table.events.items()},
        row=table.row[none],
    )


def nameplate_only(table: TraceTable) -> TraceTable:
    """Keep only code and nameplate, without events (tier T0)."""
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
    """Keep life-cycle events; drop usage readings and tests (tier T1)."""
    return _drop_events(table, ("usage", "tested"))


def readings_only(table: TraceTable) -> TraceTable:
    """Keep usage and health readings; drop tests (tier T2)."""
    return _drop_events(table, ("tested",))


def _drop_events(table: TraceTable, types: tuple[str, ...]) -> TraceTable:
    """Drop the events of the given types and the data of modules."""
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
DEGRADATIONS: tuple[Degradation, ...] = (code_only, nameplate_only, ledger_only, readings_only)
BARE = 2
"""Number of leading degradations that drop all events."""
MOST_BARE = 150.0
"""Largest number of copies of each of these; more of them would dominate the fit."""


def draw_degradation(sales: int, share: float, seed: int) -> FloatArray:
    """Draw the degradation of the copy of each sale; NaN for a sale without a copy.

    >>> draw_degradation(4, 1.0, seed=0).shape
    (4,)
    """
    chance = np.random.default_rng(seed)
    bare = min(1.0 / len(DEGRADATIONS), MOST_BARE / max(sales * share, 1.0))
    shares = np.where(np.arange(len(DEGRADATIONS)) < BARE, bare, (1.0 - BARE * bare) / (len(DEGRADATIONS) - BARE))
    drawn = np.searchsorted(np.cumsum(shares)[:-1], chance.random(sales), side="right").astype(np.float64)
    return np.where(chance.random(sales) < share, drawn, np.nan)
