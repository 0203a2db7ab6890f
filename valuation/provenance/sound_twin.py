"""Copies of packs without the evidence of their route-closing findings (无关闭项的同一电池), for price comparison.

A twin keeps all other facts on record: age, use, readings, tests, milder incidents. Each check declares its evidence
(:class:`valuation.provenance.check.Evidence`), so a new check needs no change here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, IntArray
from valuation.provenance.catalogue import CHECKS
from valuation.provenance.check import Evidence
from valuation.record.cases import Cases

_CLOSING: Final[tuple[Evidence, ...]] = tuple(check.evidence for check in CHECKS if check.evidence is not None)
_CONDITIONS: Final = tuple(sorted({name for one in _CLOSING for name in one.conditions}))
_EVENT_FIELDS: Final = tuple(sorted({name for one in _CLOSING for name in one.event_fields}))
_PACK_FIELDS: Final = frozenset(name for one in _CLOSING for name in one.pack_fields)


def sound_twins(cases: Cases, rows: IntArray) -> Cases:
    """Return the packs of these rows without the evidence of route-closing findings.

    Parameters
    ----------
    cases : Cases
        Packs on their valuation days.
    rows : integers of shape (twins,)
        Rows of the packs, ascending and distinct.
    """
    twins = cases.take(rows, ~_closing_events(cases))
    events = dict(twins.events)
    events["condition"] = np.where(twins.is_choice("condition", *_CONDITIONS), np.nan, events["condition"])
    for name in _EVENT_FIELDS:
        events[name] = np.full(len(twins.row), np.nan)
    packs = {
        name: np.full(len(rows), np.nan) if name in _PACK_FIELDS else column for name, column in twins.packs.items()
    }
    return Cases(as_of_day=twins.as_of_day, packs=packs, texts=twins.texts, events=events, row=twins.row)


def _closing_events(cases: Cases) -> BoolArray:
    """Return the events that raise a route-closing finding."""
    found = np.zeros(len(cases.row), dtype=np.bool_)
    for where in _by_evidence(cases):
        found |= where
    return found


def _by_evidence(cases: Cases) -> Iterator[BoolArray]:
    """Yield, for each kind of evidence, the mask of its events."""
    for one in _CLOSING:
        if one.event_types:
            yield cases.is_type(*one.event_types)
        if one.kinds:
            yield cases.is_choice("kind", *one.kinds) & ~(cases.events["severity"] < one.from_severity)
