"""Reads and values the packs of the form: a code (typed, scanned or photographed), a record, or files."""

from __future__ import annotations

from datetime import date

import msgspec

from service.clock import today
from service.store import packs
from service.valuation_service import Answer, RequestTerms, ValuationService
from service.web.form import FormEntry
from service.web.label_photo import is_photo, read_codes
from service.web.page_refusal import PageRefusal
from valuation.battery_code.decoding import decode
from valuation.errors import CanzhiError, UnknownPack
from valuation.ingest import Document, Traces, read_trace
from valuation.messages import Message

CHANNEL = "page"


def value_entry(service: ValuationService, entry: FormEntry) -> tuple[Traces, list[Answer | CanzhiError]]:
    """Return the packs of the form, and the answer or error of each; nothing is stored.

    Raises
    ------
    PageRefusal
        If the form contains no pack, or packs in several ways.
    CanzhiError
        If nothing can be read.
    """
    day = entry.day(today())
    terms = RequestTerms(as_of=day, level=entry.level_fraction())
    traces = read_packs(service, entry, day)
    limit = service.settings.batch_limit
    if len(traces.histories) > limit:
        raise PageRefusal("too_many", field="files", count=len(traces.histories), limit=limit)
    if not traces.histories:
        return traces, []
    return traces, service.value_many(traces, terms, channel=CHANNEL)


def read_packs(service: ValuationService, entry: FormEntry, day: date) -> Traces:
    """Return the packs of the form.

    Raises
    ------
    PageRefusal
        If it contains none, or packs in several ways.
    CanzhiError
        If the only record is invalid.
    """
    if entry.empty:
        raise PageRefusal("nothing", field="code")
    photos = [one for one in entry.files if is_photo(one.content)]
    documents = [one for one in entry.files if not is_photo(one.content)]
    if documents and entry.record:
        raise PageRefusal("mixed", field="code")
    code = _code(entry, photos, day)
    if entry.record:
        documents = [Document(name=Message("file.record"), content=entry.record.encode("utf-8", "replace"))]
    if documents:
        facts = entry.given(day, code)
        return read_trace(documents[0] if len(documents) == 1 else documents, undated_on=day, given=facts)
    return read_trace(_record_of_code(service, code, day), undated_on=day, given=entry.given(day))


def _code(entry: FormEntry, photos: list[Document], day: date) -> str:
    """Return the typed or photographed code; empty if only a nameplate was given."""
    shown = dict.fromkeys(code for photo in photos for code in read_codes(photo.name, photo.content, day))
    if entry.code:  # a typed, scanned or selected code takes precedence over a photo
        return entry.code
    if len(shown) > 1:
        raise PageRefusal("photo.several", field="files", choices=tuple(shown))
    return next(iter(shown), "")


def _record_of_code(service: ValuationService, code: str, day: date) -> dict[str, object]:
    """Return the record of a code: its stored history, if any."""
    record: dict[str, object] = {"battery_code": code} if code else {}
    name = decode(code, day).identity if code else None
    if name is not None:
        try:
            with service.database.reading() as connection:
                record = msgspec.json.decode(packs.find(connection, name, as_of=day).record)
        except UnknownPack as unknown:
            if unknown.field == "as_of":  # the pack was not identified on that day
                raise
            # a code without a history is valued too
    return record
