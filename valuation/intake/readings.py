"""What was read: packs in the order they came, what there is to say about each, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from valuation.columns import UNKNOWN, Stacked
from valuation.intake.digest import digest_of, input_digest, write_events, write_trace
from valuation.intake.notes import IntakeNote, Problem
from valuation.intake.typed_fields import EVENT_KINDS, EVENT_OWN, TypedEvent
from valuation.intake.typed_records import Reading, history_of
from valuation.record.cases import PACK_TEXTS, TraceTable
from valuation.record.history import PackHistory
from valuation.record.tabulation import EVENT_PLACES, column_name, pack_columns, tabulate
from valuation.result import Caution

Notes = tuple[IntakeNote, ...]


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Packs that could be read, in the order they came, what there is to say about each, and what was set aside."""

    histories: tuple[PackHistory, ...]
    notes: tuple[Notes, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def packs(self) -> int:
        """Number of packs."""
        return len(self.notes)

    @cached_property
    def table(self) -> TraceTable:
        """The histories as columns."""
        return tabulate(self.histories)

    @cached_property
    def _written(self) -> dict[int, tuple[bytes, ...]]:
        return {}

    def written_events(self, row: int) -> tuple[bytes, ...]:
        """Return one pack's events as canonical JSON, written once for all who ask."""
        if row not in self._written:
            self._written[row] = write_events(self.histories[row])
        return self._written[row]

    def written(self, row: int) -> bytes:
        """Return one pack's history as a canonical trace record."""
        return write_trace(self.histories[row], self.written_events(row))

    def digest(self, row: int, as_of: date) -> str:
        """Return the name of what one pack's history says that was known on a day."""
        history, events = self.histories[row], self.written_events(row)
        known = history.known_by(as_of)
        if known is not history:
            known_too = zip(history.events, events, strict=True)
            events = tuple(written for event, written in known_too if event.known_by(as_of))
        return input_digest(known, events)

    def cautions(self, row: int, as_of: date) -> tuple[Caution, ...]:
        """Return what there is to say about one pack on a day; notes on events not known by then are left out."""
        if not self.notes[row]:
            return ()
        return tuple(note.caution for note in self.notes[row] if (note.known_from or as_of) <= as_of)


class TypedTraces(Traces):
    """Packs that compiled code read; they become columns at once, and objects only where somebody asks for them."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.__dict__.update(readings=tuple(readings), notes=tuple([one.notes for one in readings]), problems=())

    readings: tuple[Reading, ...]

    @cached_property
    def histories(self) -> tuple[PackHistory, ...]:
        """The packs as objects."""
        return tuple(history_of(one.pack) for one in self.readings)

    @cached_property
    def table(self) -> TraceTable:
        """The packs as columns."""
        packs = [one.pack for one in self.readings]
        events = [event for pack in packs for event in pack.events]
        counts = np.array([len(pack.events) for pack in packs], dtype=np.int64)
        return TraceTable(
            packs=pack_columns(packs),  # type: ignore[arg-type]  # it asks for fields by their names
            texts={name: tuple([getattr(pack, name) for pack in packs]) for name in PACK_TEXTS},
            events=_event_columns(events, self.readings),
            row=np.repeat(np.arange(len(packs), dtype=np.int64), counts),
        )

    def written(self, row: int) -> bytes:
        """Return one pack's history as a canonical trace record."""
        return self.readings[row].written

    def digest(self, row: int, as_of: date) -> str:
        """Return the name of what one pack's history says that was known on a day."""
        reading = self.readings[row]
        if reading.last_known_on <= as_of:
            return reading.digest
        events = [
            written
            for written, one in zip(reading.events, reading.pack.events, strict=True)
            if one.on <= as_of and (one.reported_on or as_of) <= as_of
        ]
        return digest_of(reading.without_events, events)


def _event_columns(events: Sequence[TypedEvent], readings: Sequence[Reading]) -> Stacked:
    """Return the fields of events as columns: only those that their types have are looked at."""
    matrix = np.full((len(EVENT_PLACES), len(events)), np.nan)
    if not events:
        return Stacked(EVENT_PLACES, matrix)
    kinds = [_CODE[event.__class__] for event in events]
    matrix[0] = kinds
    places = np.concatenate([_PLACES[kind] for kind in kinds])
    of_event = np.repeat(np.arange(len(events)), _WIDTHS[kinds])
    told = [UNKNOWN if one is None else one for reading in readings for one in reading.values]
    matrix[places, of_event] = np.fromiter(told, dtype=np.float64, count=len(told))
    return Stacked(EVENT_PLACES, matrix)


_CODE = {kind: code for code, kind in enumerate(EVENT_KINDS)}
_PLACES = [np.array([EVENT_PLACES[column_name(field)] for field in EVENT_OWN[kind]]) for kind in EVENT_KINDS]
_WIDTHS = np.array([len(places) for places in _PLACES])


def join_traces(parts: Sequence[Traces]) -> Traces:
    """Return several readings as one, in their order."""
    typed = [part for part in parts if isinstance(part, TypedTraces)]
    if len(typed) == len(parts):
        return TypedTraces([one for part in typed for one in part.readings])
    return Traces(
        histories=tuple(history for part in parts for history in part.histories),
        notes=tuple(notes for part in parts for notes in part.notes),
    )
