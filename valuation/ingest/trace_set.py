"""Packs that were read, in order, with their notes, columns, canonical JSON and digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain

import numpy as np

from valuation.ingest.canonical_json import digest_of, input_digest, write_events, write_trace
from valuation.ingest.decoded_record import DecodedRecord, history_of
from valuation.ingest.notes import IntakeNote, RecordProblem
from valuation.ingest.record_schema import EVENT_KINDS, EVENT_OWN, TypedEvent
from valuation.numeric import columns
from valuation.numeric.columns import ColumnMatrix, IntArray
from valuation.record.cases import PACK_TEXTS, TraceTable
from valuation.record.history import PackHistory, known_from
from valuation.record.to_columns import EVENT_PLACES, column_name, day_number, pack_columns, tabulate
from valuation.record.unused_events import known_from_day
from valuation.result import Caution

Notes = tuple[IntakeNote, ...]


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Packs in the order of the source, the notes on each, and the records that were rejected."""

    histories: tuple[PackHistory, ...]
    notes: tuple[Notes, ...]
    problems: tuple[RecordProblem, ...] = ()

    @property
    def packs(self) -> int:
        """Number of packs."""
        return len(self.notes)

    def part(self, rows: slice) -> Traces:
        """Return the packs of a range of rows, without the rejected records."""
        return Traces(histories=self.histories[rows], notes=self.notes[rows])

    @cached_property
    def table(self) -> TraceTable:
        """The histories as columns."""
        return tabulate(self.histories)

    @cached_property
    def _written(self) -> dict[int, tuple[bytes, ...]]:
        return {}

    def written_events(self, row: int) -> tuple[bytes, ...]:
        """Return one pack's events as canonical JSON, computed once."""
        if row not in self._written:
            self._written[row] = write_events(self.histories[row])
        return self._written[row]

    def written(self, row: int) -> bytes:
        """Return one pack's history as a canonical trace record."""
        return write_trace(self.histories[row], self.written_events(row))

    def digest(self, row: int, as_of: date) -> str:
        """Return the digest of the part of one pack's history that was known on a day."""
        history, events = self.histories[row], self.written_events(row)
        known = history.known_by(as_of)
        if known is not history:
            known_too = zip(history.events, events, strict=True)
            events = tuple(written for event, written in known_too if event.known_by(as_of))
        return input_digest(known, events)

    def cautions(self, row: int, as_of: date) -> tuple[Caution, ...]:
        """Return the notes on one pack on a day, without notes on events that were not yet known."""
        if not self.notes[row]:
            return ()
        return tuple(note.caution for note in self.notes[row] if (note.known_from or as_of) <= as_of)


class DecodedTraces(Traces):
    """Packs that were read from a source; they become columns directly, and objects only on request."""

    def __init__(self, records: Sequence[DecodedRecord], problems: Sequence[RecordProblem] = ()) -> None:
        notes = tuple([one.notes for one in records])
        self.__dict__.update(records=tuple(records), notes=notes, problems=tuple(problems))

    records: tuple[DecodedRecord, ...]

    def part(self, rows: slice) -> DecodedTraces:
        """Return the packs of a range of rows, without the rejected records."""
        return DecodedTraces(self.records[rows])

    @cached_property
    def histories(self) -> tuple[PackHistory, ...]:
        """The packs as objects."""
        return tuple(history_of(one) for one in self.records)

    @cached_property
    def table(self) -> TraceTable:
        """The packs as columns."""
        packs = [one.pack for one in self.records]
        events = [event for pack in packs for event in pack.events]
        counts = np.array([len(pack.events) for pack in packs], dtype=np.int64)
        return TraceTable(
            packs=pack_columns(packs),  # type: ignore[arg-type]  # it asks for fields by their names
            texts={name: tuple([getattr(pack, name) for pack in packs]) for name in PACK_TEXTS},
            events=_event_columns(events, self.records),
            row=np.repeat(np.arange(len(packs), dtype=np.int64), counts),
        )

    @cached_property
    def _all_known_day(self) -> list[float]:
        """The day from which all events of a pack were known, one per pack; NaN without events."""
        table = self.table
        known_day = known_from_day(table.events)
        days: list[float] = columns.highest(table.row, known_day, table.rows).tolist()
        return days

    def written(self, row: int) -> bytes:
        """Return one pack's history as a canonical trace record."""
        return self.records[row].written

    def digest(self, row: int, as_of: date) -> str:
        """Return the digest of the part of one pack's history that was known on a day."""
        record = self.records[row]
        if not self._all_known_day[row] > day_number(as_of):
            return record.digest
        events = [
            written
            for written, one in zip(record.events, record.pack.events, strict=True)
            if known_from(one.on, one.reported_on, one.recorded_on) <= as_of
        ]
        return digest_of(record.without_events, events)


def _event_columns(events: Sequence[TypedEvent], records: Sequence[DecodedRecord]) -> ColumnMatrix:
    """Return the fields of events as columns; each event sets only the fields of its type."""
    matrix = np.full((len(EVENT_PLACES), len(events)), np.nan)
    if not events:
        return ColumnMatrix(EVENT_PLACES, matrix)
    kinds = [_CODE[event.__class__] for event in events]
    matrix[0] = kinds
    places = _PLACES[kinds]
    of_event, of_member = (places >= 0).nonzero()
    values = chain.from_iterable([record.values for record in records])
    matrix[places[of_event, of_member], of_event] = np.fromiter(values, dtype=np.float64, count=len(of_event))
    return ColumnMatrix(EVENT_PLACES, matrix)


def _places() -> IntArray:
    """Return the column of each member of every type of event; -1 beyond the last member."""
    places = np.full((len(EVENT_KINDS), max(len(EVENT_OWN[kind]) for kind in EVENT_KINDS)), -1)
    for code, kind in enumerate(EVENT_KINDS):
        own = EVENT_OWN[kind]
        places[code, : len(own)] = [EVENT_PLACES[column_name(field)] for field in own]
    return places


_CODE = {kind: code for code, kind in enumerate(EVENT_KINDS)}
_PLACES = _places()


def join_traces(parts: Sequence[Traces]) -> Traces:
    """Return several sets of packs as one, in their order."""
    typed = [part for part in parts if isinstance(part, DecodedTraces)]
    if len(typed) == len(parts):
        return DecodedTraces([one for part in typed for one in part.records])
    return Traces(
        histories=tuple(history for part in parts for history in part.histories),
        notes=tuple(notes for part in parts for notes in part.notes),
    )
