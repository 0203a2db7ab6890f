"""Trace records from any source (溯源记录读取): JSON, JSONL, lists, passports and tables, with notes and problems."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from msgspec.structs import replace

from valuation.errors import CanzhiError, FieldError, UnreadableRecord
from valuation.ingest import passports
from valuation.ingest.decode_bytes import (
    Document,
    Limits,
    check_size,
    decode_json,
    decode_json_bytes,
    decode_text,
    open_document,
    split_lines,
)
from valuation.ingest.decoded_record import DecodedRecord
from valuation.ingest.fields.aliases import PACK_SCOPE, ROW_SCOPE
from valuation.ingest.fields.headings import recognised
from valuation.ingest.given_facts import GivenFacts
from valuation.ingest.lenient_record import read_record
from valuation.ingest.notes import IntakeNote, RecordProblem, make_note, repeated_code
from valuation.ingest.passports import aas
from valuation.ingest.passports.wrappers import SIGNED, is_token
from valuation.ingest.record_decoder import decode_record
from valuation.ingest.tables.open_table import ARROW_MARK, PARQUET_MARK, WORKBOOK_MARKS, open_sheets
from valuation.ingest.tables.opened_table import OpenTable
from valuation.ingest.tables.row_per_pack import is_event_table, join_events, known_columns, row_records
from valuation.ingest.trace_set import DecodedTraces, Traces
from valuation.messages import Message, fixed, shown_value

Source: TypeAlias = "str | os.PathLike[str] | bytes | Document | Mapping[str, object] | Sequence[object]"

_Notes: TypeAlias = tuple[IntakeNote, ...]


_TRACE = frozenset({"battery_code", "chemistry", "rated_energy_kwh", "events"})
"""Names of which a trace record has at least one; no passport has any at its top."""

_CONTINUED = re.compile(r"\n\s*[\]},]")
"""A line that continues or closes an object of an earlier line, so the text is not JSONL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """One record before it is read: its place, its content, and the notes made so far."""

    where: str
    content: Mapping[str, object]
    decoded: DecodedRecord | None = None
    from_text: bool = False
    passport: bool = False
    notes: _Notes = ()


def read_trace(
    source: Source,
    *,
    limits: Limits | None = None,
    undated_on: date | None = None,
    given: GivenFacts | None = None,
) -> Traces:
    """Return the packs in a trace record, JSONL, list, passport or table; the content determines the format.

    Parameters
    ----------
    source
        A path; the bytes of a file; JSON as text; a decoded object; or a list of these, whose passport documents are
        joined and whose table of events is joined to the table of packs.
    limits
        The most that is read.
    undated_on
        The day as of which a health without a date counts, as the weakest evidence: the valuation day. Not used if
        None, as in training and back-tests.
    given
        Facts given beside the source, which complete its records.

    Raises
    ------
    UnreadableRecord
        When the source cannot be read at all.
    FieldError, RefusedPack
        When its only record has an invalid value or cannot be valued; of several records, those that are rejected are
        listed in `problems`.

    >>> traces = read_trace('{"电池类型": "三元", "额定能量(kWh)": 52.5}')
    >>> traces.histories[0].chemistry, traces.histories[0].rated_energy_kwh
    ('NMC', 52.5)
    """
    limits = limits or Limits()
    if isinstance(source, bytes) and given is None and len(source) <= limits.source_bytes and limits.records:
        record = decode_record(source, limits.events)
        if record is not None:
            return DecodedTraces((record,))
    collector = _SourceCollector(limits, undated_on, given)
    collector.add(source)
    return collector.traces()


def read_passports(
    documents: Sequence[Source], *, limits: Limits | None = None, given: GivenFacts | None = None
) -> Traces:
    """Return the batteries in passport documents; the topic documents of one battery are joined.

    Raises
    ------
    UnreadableRecord
        When a document is not a passport; see :func:`read_trace` for the rest.
    """
    limits = limits or Limits()
    collector = _SourceCollector(limits, given=given)
    for document in documents:
        collector.add(document)
    for record in collector.records:
        passports.read_document({}) if not record.passport else None
    return collector.traces()


def read_passport(document: Source, *, limits: Limits | None = None, given: GivenFacts | None = None) -> Traces:
    """Return the battery in one passport document; see :func:`read_passports`."""
    return read_passports([document], limits=limits, given=given)


class _SourceCollector:
    """Collects sources one by one and reads them together."""

    def __init__(self, limits: Limits, undated_on: date | None = None, given: GivenFacts | None = None) -> None:
        self.limits = limits
        self.undated_on = undated_on
        self.given = given
        self.records: list[_Record] = []
        self.tables: list[OpenTable] = []
        self.problems: list[RecordProblem] = []

    def add(self, source: object, where: str | None = None) -> None:
        """Add a source of any kind."""
        where = where or fixed("file.record")
        if isinstance(source, Mapping):
            self._add_record(_Record(where=where, content=source))
        elif isinstance(source, list | tuple):
            self._refuse_too_many(len(source))
            for index, item in enumerate(source):
                self._add_item(item, Message("file.item", name=where, number=index + 1))
        elif isinstance(source, bytes | bytearray | memoryview):
            check_size(where, len(source), self.limits)
            self._add_document(Document(name=where, content=bytes(source)))
        elif isinstance(source, Document):
            check_size(source.name, len(source.content), self.limits)
            self._add_document(source)
        elif isinstance(source, str) and source.lstrip()[:1] in ("{", "["):
            self.add(source.encode("utf-8", "replace"), where)
        elif isinstance(source, str | os.PathLike):
            self._add_document(open_document(source, self.limits))
        else:
            raise UnreadableRecord("file.not_a_record", name=where, found=shown_value(source))

    def _add_item(self, item: object, where: str) -> None:
        """Add one of several sources; one that cannot be read is reported and does not affect the others."""
        try:
            self.add(item, where)
        except CanzhiError as error:
            self.problems.append(RecordProblem(where=where, battery_code=None, error=error))

    def _add_document(self, document: Document) -> None:
        """Add a file; its first bytes determine the format."""
        start = document.content[:8]
        packed = aas.documents_of_package(document.content, document.name) if start[:2] == b"PK" else None
        if packed is not None:
            self._add_shells(packed, document.name)
            return
        if start[:4] == PARQUET_MARK or start[:6] == ARROW_MARK or start[:4] in WORKBOOK_MARKS:
            self._add_table(document)
            return
        text = decode_text(document, chinese=start.lstrip()[:1] not in (b"{", b"["))
        begun = text.lstrip()[:1]
        if not begun:
            raise UnreadableRecord("file.empty", name=document.name)
        if begun in "{[":
            self._add_json(document, text)
        elif is_token(text) and passports.documents_in({"": text}):
            self._add_record(_Record(where=document.name, content={"": text}))
        elif begun == "<" and "submodel" in text:
            self._add_shells(aas.documents_of_xml(text.encode(), document.name), document.name)
        else:
            self._add_table(document)

    def _add_json(self, document: Document, text: str) -> None:
        """Add JSON: one value, or one object per line."""
        try:
            value = decode_json(document)
        except UnreadableRecord:
            if _CONTINUED.search(text):
                raise
            lines = list(self._lines(text, document.name))
            if len(lines) < 2 or not any(isinstance(line, _Record) for _, line in lines):
                raise
            for where, line in lines:
                if isinstance(line, _Record):
                    self._add_record(line)
                else:
                    self.problems.append(RecordProblem(where=where, battery_code=None, error=line))
            return
        self.add(value, document.name)

    def _lines(self, text: str, name: str) -> Iterator[tuple[str, _Record | UnreadableRecord]]:
        """Yield each line of JSONL with its place: a record, or why it could not be read."""
        for line in split_lines(text, name):
            decoded = decode_record(line.content, self.limits.events)
            try:
                value = decode_json_bytes(line.content, line.name) if decoded is None else {}
            except UnreadableRecord as error:
                yield line.name, error
                continue
            if isinstance(value, Mapping):
                yield line.name, _Record(where=line.name, content=value, decoded=decoded)
            else:
                yield line.name, UnreadableRecord("file.line_not_an_object", name=line.name, found=shown_value(value))

    def _add_table(self, document: Document) -> None:
        """Add a table; its columns determine whether it holds packs or events."""
        for opened in open_sheets(document, document.name, ROW_SCOPE, self.limits):
            if known_columns(opened) == 0:
                raise UnreadableRecord("file.unknown_format", name=document.name)
            self._refuse_too_many(len(self.records) + opened.table.num_rows)
            self.tables.append(opened)
            self.problems.extend(opened.problems)

    def _add_shells(self, documents: Iterable[Mapping[str, object]], where: str) -> None:
        """Add the documents of shells."""
        for content in documents:
            self._add_record(_Record(where=where, content=content))

    def _add_record(self, record: _Record) -> None:
        """Keep a record to be read; an object that holds passports becomes a record for each of them."""
        found = [] if record.decoded or _is_trace(record.content) else passports.documents_in(record.content)
        self._refuse_too_many(len(self.records) + max(1, len(found)))
        if not found:
            self.records.append(record)
        for place, content in found:
            identity = "I25" if SIGNED in place else "I24"
            notes = (make_note(identity, path=place),) if place else ()
            self.records.append(_Record(where=record.where, content=content, passport=True, notes=notes))

    def _refuse_too_many(self, records: int) -> None:
        """Raise if there are more records than the limit."""
        if records > self.limits.records:
            raise UnreadableRecord("file.too_many_records", most=self.limits.records)

    def traces(self) -> Traces:
        """Return the packs in all sources that were added."""
        records = [*_with_passports_joined(self.records), *self._table_records()]
        if self.given is not None and "battery_code" in self.given.pack and len(records) > 1:
            raise FieldError(
                "given.one_code_many_packs",
                field="battery_code",
                value=str(self.given.pack["battery_code"]),
                count=len(records),
            )
        read: list[tuple[str, DecodedRecord]] = []
        for record in records:
            try:
                read.append((record.where, self._read(record)))
            except CanzhiError as error:
                code = record.content.get("battery_code")
                named = code if isinstance(code, str) else None
                self.problems.append(RecordProblem(where=record.where, battery_code=named, error=error))
        kept, repeated = _without_repeated(read)
        self.problems.extend(repeated)
        unreadable = all(isinstance(problem.error, UnreadableRecord) for problem in self.problems)
        if not kept and self.problems and (unreadable or len(self.problems) == 1):
            raise self.problems[0].error
        if not kept and not self.problems:
            raise UnreadableRecord("file.no_record")
        return DecodedTraces(kept, self.problems)

    def _read(self, record: _Record) -> DecodedRecord:
        """Return one record, decoded, with its notes."""
        if record.decoded is not None:
            return record.decoded
        if record.passport:
            decoded = passports.read_document(record.content, self.given)
        else:
            decoded = read_record(
                record.content,
                from_text=record.from_text,
                limits=self.limits,
                undated_on=self.undated_on,
                given=self.given,
            )
        return replace(decoded, notes=(*record.notes, *decoded.notes)) if record.notes else decoded

    def _table_records(self) -> Iterable[_Record]:
        """Yield the records of the tables: events joined to packs, other tables row by row."""
        events = [opened for opened in self.tables if is_event_table(opened)]
        others = [opened for opened in self.tables if not is_event_table(opened)]
        for opened in events:
            packs = others.pop(0) if others else None
            joined, problems = join_events(packs, opened)
            self.problems.extend(problems)
            for where, content in joined:
                yield _Record(where=where, content=content, from_text=opened.from_text)
        for opened in others:
            for where, content, notes in row_records(opened, opened.stated_day):
                yield _Record(where=where, content=content, from_text=opened.from_text, notes=notes)


def _is_trace(content: Mapping[str, object]) -> bool:
    """Return whether an object has a code, events or a nameplate, and so is a trace record."""
    return not _TRACE.isdisjoint(content) or recognised(content, ("battery_code", "events")) > 0


def _with_passports_joined(records: Sequence[_Record]) -> list[_Record]:
    """Return the records with the topic documents of each passport joined into one."""
    documents = [record for record in records if record.passport]
    if not documents:
        return list(records)
    traces = [record for record in records if not record.passport]
    joined = passports.join([record.content for record in documents])
    where = documents[0].where
    names = where if len(documents) == 1 else Message("file.passport_documents", name=where)
    notes = tuple(note for record in documents for note in record.notes) if len(joined) == 1 else ()
    return [*traces, *(_Record(where=names, content=content, passport=True, notes=notes) for content in joined)]


def _without_repeated(read: Sequence[tuple[str, DecodedRecord]]) -> tuple[list[DecodedRecord], list[RecordProblem]]:
    """Return the packs whose code is given once, and the refusal of those that share a code."""
    times = Counter(record.pack.battery_code for _, record in read if record.pack.battery_code)
    kept: list[DecodedRecord] = []
    problems: list[RecordProblem] = []
    for where, record in read:
        code = record.pack.battery_code
        if code and times[code] > 1:
            problems.append(repeated_code(where, code))
        else:
            kept.append(record)
    return kept, problems


__all__ = ["PACK_SCOPE", "Source", "Traces", "read_passport", "read_passports", "read_trace"]
