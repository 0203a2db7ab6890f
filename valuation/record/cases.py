"""Packs and their events as columns, cut at the valuation day to exclude look-ahead (评估时点截断).

A :class:`TraceTable` holds everything that was ever reported. :func:`cut` is the only way from it to :class:`Cases`: it
drops events that had not happened, been reported *and* been recorded by `as_of`, puts events in one canonical order and
removes repetitions. Of dropped events only their number and first day of use are kept (:attr:`Cases.not_used`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np

from valuation.numeric import columns
from valuation.numeric.columns import BoolArray, Columns, FloatArray, IntArray, take
from valuation.record.fields import EVENT_TYPES, event_field
from valuation.record.unused_events import (
    NO_LATE_EVENTS,
    LateEvents,
    NotUsedColumns,
    count_not_used,
    known_from_day,
    late_events,
)

Kept = TypeVar("Kept")
Texts = Mapping[str, tuple[str | None, ...]]

_TYPE_CODE = {name: float(code) for code, name in enumerate(EVENT_TYPES)}

RECORDED = "recorded_day"
"""The recording day is not part of an event's content: the same report recorded on another day is a repetition."""

PACK_TEXTS = ("battery_code", "maker", "vehicle_model", "parent_code", "make", "vin")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTable:
    """Packs and all their events as columns, before any cut.

    Attributes
    ----------
    packs : columns of shape (packs,)
        The number, category and day fields of a pack (`made_day` for `made_on`), composition masses in kg, and what is
        derived from its modules (`module_count`, `module_lowest_soh`, `module_mean_soh`, `module_soh_spread`,
        `module_strong_share`, `module_strong_soh`, `module_repeated`, `module_foreign`).
    texts : tuples of length packs
        :data:`PACK_TEXTS` as given.
    events : columns of shape (events,)
        `type`, `on_day`, `reported_day`, `recorded_day`, `reporter`, `reporter_kind` and every own field; texts as
        :func:`valuation.record.fields.text_code` numbers.
    row : integers of shape (events,)
        The pack of each event.
    """

    packs: Columns
    texts: Texts
    events: Columns
    row: IntArray

    @property
    def rows(self) -> int:
        """Number of packs."""
        return len(self.texts["battery_code"])

    def take(self, rows: IntArray) -> TraceTable:
        """Return the packs of these rows in this order, with their events; a row may be repeated.

        A pack that was sold twice is taken twice and cut at two days.
        """
        order = np.argsort(self.row, kind="stable")
        starts = np.searchsorted(self.row[order], np.arange(self.rows + 1))
        counts = (starts[1:] - starts[:-1])[rows]
        new_row = np.repeat(np.arange(len(rows)), counts)
        first = np.cumsum(counts) - counts
        event = order[np.repeat(starts[:-1][rows] - first, counts) + np.arange(len(new_row))]
        return TraceTable(
            packs={name: column[rows] for name, column in self.packs.items()},
            texts={name: tuple(texts[row] for row in rows) for name, texts in self.texts.items()},
            events={name: column[event] for name, column in self.events.items()},
            row=new_row,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Packs on their valuation days (评估对象): only what was known by then, in canonical order."""

    as_of_day: FloatArray
    packs: Columns
    texts: Texts
    events: Columns
    row: IntArray
    late: LateEvents = NO_LATE_EVENTS
    _kept: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Number of packs."""
        return len(self.as_of_day)

    def take(self, rows: IntArray, kept: BoolArray | None = None) -> Cases:
        """Return the packs of these rows, ascending and distinct, with their events or those that are kept."""
        place = np.full(self.rows, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        row = place[self.row]
        index = np.flatnonzero(row >= 0 if kept is None else (row >= 0) & kept)
        return Cases(
            as_of_day=self.as_of_day[rows],
            packs={name: column[rows] for name, column in self.packs.items()},
            texts={name: tuple(texts[row] for row in rows.tolist()) for name, texts in self.texts.items()},
            events=take(self.events, index),
            row=row[index],
        )

    @property
    def counted(self) -> FloatArray:
        """Number of events of each pack."""
        return self.once("counted", lambda: np.bincount(self.row, minlength=self.rows).astype(np.float64))

    @property
    def not_used(self) -> NotUsedColumns:
        """Events and nameplates left out of each pack because they were not known by its valuation day."""
        return self.once("not_used", lambda: count_not_used(self.late, self.packs["superseded_day"], self.as_of_day))

    def is_type(self, *types: str) -> BoolArray:
        """Return which events are of one of these types."""
        return self.once(types, lambda: _any_of(self.events["type"], [_TYPE_CODE[name] for name in types]))

    def is_choice(self, field: str, *choices: str) -> BoolArray:
        """Return which events hold one of these choices in a category field."""
        return self.once((field, choices), lambda: _any_of(self.events[field], _codes_of(field, choices)))

    def first_day(self, *types: str) -> FloatArray:
        """Return the day of each pack's first event of these types."""
        return self.once(("first", types), lambda: self.first("on_day", self.is_type(*types)))

    def last_day(self, *types: str) -> FloatArray:
        """Return the day of each pack's last event of these types."""
        return self.once(("last", types), lambda: self.last("on_day", self.is_type(*types)))

    def once(self, key: object, work: Callable[[], Kept]) -> Kept:
        """Return a read-only value that several steps need, computed once per key."""
        found = self._kept.get(key)
        if found is None:
            found = work()
            if isinstance(found, np.ndarray):
                found.flags.writeable = False
            self._kept[key] = found
        return found  # type: ignore[return-value]  # a key always has the same work

    def when(self, where: BoolArray, values: FloatArray) -> FloatArray:
        """Return the values where the condition is true, NaN elsewhere."""
        return columns.chosen(where, values)

    def known(self, field: str) -> IntArray:
        """Return the positions of the events that have a field."""
        return self.once(("known", field), lambda: columns.known_places(self.events[field]))

    def pairs(self, field: str) -> tuple[IntArray, IntArray]:
        """Return pairs of positions of successive events of a pack that have a field."""
        return self.once(("pairs", field), lambda: columns.successive(self.row, self.known(field)))

    def last(self, field: str, where: BoolArray | None = None) -> FloatArray:
        """Return each pack's last known value of an event field, among the events that satisfy the condition."""
        if where is None:
            return self.once(("last", field), lambda: columns.last(*self._picked(field, None), self.rows))
        return columns.last(*self._picked(field, where), self.rows)

    def first(self, field: str, where: BoolArray | None = None) -> FloatArray:
        """Return each pack's first known value of an event field, among the events that satisfy the condition."""
        return columns.first(*self._picked(field, where), self.rows)

    def highest(self, field: str, where: BoolArray | None = None) -> FloatArray:
        """Return each pack's highest known value of an event field."""
        return columns.highest(*self._picked(field, where), self.rows)

    def lowest(self, field: str, where: BoolArray | None = None) -> FloatArray:
        """Return each pack's lowest known value of an event field."""
        return columns.lowest(*self._picked(field, where), self.rows)

    def total(self, field: str, where: BoolArray | None = None) -> FloatArray:
        """Return the sum of each pack's known values of an event field, zero without any."""
        return columns.total(*self._picked(field, where), self.rows)

    def _picked(self, field: str, where: BoolArray | None) -> tuple[IntArray, FloatArray]:
        """Return pack and value of the selected events; most events do not have most fields."""
        places = self.known(field) if where is None else where.nonzero()[0]
        return self.row[places], self.events[field][places]

    def count(self, where: BoolArray) -> FloatArray:
        """Return how many of each pack's events satisfy the condition."""
        return columns.count(self.row, where, self.rows)


def cut(table: TraceTable, as_of_day: FloatArray) -> Cases:
    """Return the packs as they were known on their valuation days.

    Parameters
    ----------
    table : TraceTable
        Packs with all their events.
    as_of_day : array of shape (packs,)
        Valuation day of each pack, days since 1970-01-01.
    """
    as_of_day = np.asarray(as_of_day, dtype=np.float64)
    is_known = known_from_day(table.events) <= as_of_day[table.row]
    known = np.flatnonzero(is_known)
    index = known[_canonical_order(table.row[known], known, table.events)]
    if len(index) == len(table.row) and bool((index[1:] > index[:-1]).all()):  # all known, and in order already
        row, events = table.row, table.events
    else:
        row, events = table.row[index], take(table.events, index)
    late = NO_LATE_EVENTS
    if len(known) < len(table.row):
        after = np.flatnonzero(~is_known)
        after = after[_canonical_order(table.row[after], after, table.events)]  # repeated reports count once
        late = late_events(table.events, table.row, after, as_of_day)
    return Cases(as_of_day=as_of_day, packs=table.packs, texts=table.texts, events=events, row=row, late=late)


@cache
def _codes_of(field: str, choices: tuple[str, ...]) -> list[float]:
    """Return the codes of choices of an event field."""
    options = event_field(field).choices
    return [float(options.index(choice)) for choice in choices]


def _any_of(column: FloatArray, codes: list[float]) -> BoolArray:
    """Return where a column has one of a few codes; for few codes, comparisons are faster than a set."""
    result: BoolArray = column == codes[0]
    for code in codes[1:]:
        result |= column == code
    return result


def _canonical_order(row: IntArray, known: IntArray, events: Columns) -> IntArray:
    """Return the order by pack, day, type and content, without repeated events.

    It does not depend on the order of input. Content is compared only if pack, day and type are equal.
    """
    kind, day = events["type"][known], events["on_day"][known]
    order = _order(row, day, kind)
    tied = np.flatnonzero(_next_equal(row[order], day[order], kind[order]))
    if not len(tied):
        return order
    together = np.unique(np.concatenate([tied, tied + 1]))
    content = take(events, known[order[together]])
    among = order[together]
    recorded = np.where(np.isnan(content[RECORDED]), -np.inf, content[RECORDED])  # of repetitions the first known stays
    keys = (recorded, _fingerprint(content), kind[among], day[among], row[among])
    order[together] = among[np.lexsort(keys)]
    again = np.zeros(len(order), dtype=np.bool_)
    again[together] = _repeats(row[order[together]], take(events, known[order[together]]))
    return order[~again]


def _order(row: IntArray, day: FloatArray, kind: FloatArray) -> IntArray:
    """Return the order by pack, day and type; input is mostly sorted, and a check is faster than a sort."""
    later, same = row[1:] > row[:-1], row[1:] == row[:-1]
    after, at_once = day[1:] > day[:-1], day[1:] == day[:-1]
    if bool((later | (same & (after | (at_once & (kind[1:] >= kind[:-1]))))).all()):
        return np.arange(len(row))
    whole = day.astype(np.int64)
    if not np.array_equal(whole, day):
        return np.lexsort((kind, day, row))
    low = int(whole.min())
    span = int(whole.max()) - low + 1
    key = (row.astype(np.int64) * span + (whole - low)) * len(EVENT_TYPES) + kind.astype(np.int64)
    order: IntArray = key.argsort(kind="stable")  # sorting one nearly sorted key is many times faster than three
    return order


def _next_equal(*keys: FloatArray | IntArray) -> BoolArray:
    """Return for each entry but the last whether the next one has the same keys."""
    same = np.ones(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    for key in keys:
        same &= key[1:] == key[:-1]
    return same


def _fingerprint(events: Columns) -> IntArray:
    """Return a hash of an event's content, to order events with the same pack, day and type."""
    mixed = np.zeros(len(events["type"]), dtype=np.uint64)
    for name in sorted(events.keys() - {RECORDED}):
        bits = np.ascontiguousarray(np.where(np.isnan(events[name]), np.nan, events[name] + 0.0)).view(np.uint64)
        mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(1)).astype(np.int64)


def _repeats(row: IntArray, events: Columns) -> BoolArray:
    """Return which events equal the event before them in every field."""
    same = np.zeros(len(row), dtype=bool)
    if len(row) > 1:
        same[1:] = row[1:] == row[:-1]
        for name in events.keys() - {RECORDED}:
            column = events[name]
            later, earlier = column[1:], column[:-1]
            same[1:] &= (later == earlier) | (np.isnan(later) & np.isnan(earlier))
    return same
