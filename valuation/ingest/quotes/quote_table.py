"""A file of quotes as columns of distinct texts (报价表): each text is parsed once; an error names its line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from valuation.errors import FieldError, UnreadableQuotes, UnreadableRecord
from valuation.ingest.fields.aliases import QUOTE_SCOPE
from valuation.ingest.fields.headings import Heading, read_heading
from valuation.ingest.fields.price_units import unit_of_price
from valuation.ingest.tables.open_table import WORKBOOK_MARKS, open_table
from valuation.messages import Message
from valuation.numeric.columns import IntArray

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED: Final = ("quoted_on", "instrument", "price", "unit", "vat_included")
_PARQUET_MARK = b"PAR1"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_GB18030 = "gb18030"  # what spreadsheets in China save a CSV in

QuoteSource: TypeAlias = "str | os.PathLike[str] | bytes | pa.Table"
Encoded: TypeAlias = tuple[list[str], IntArray]
"""The distinct texts of a column, and each row's position among them."""
Parsed = TypeVar("Parsed")


class QuoteTable:
    """Rows of quotes as written.

    Parameters
    ----------
    rows
        Number of rows.
    columns
        Columns by canonical name, including all of :data:`REQUIRED`; other missing columns are empty.
    """

    def __init__(self, rows: int, columns: Mapping[str, Encoded]) -> None:
        self.rows = rows
        absent: Encoded = ([""], np.zeros(rows, dtype=np.int64))
        self._texts = {name: columns.get(name, absent)[0] for name in QUOTE_SCOPE}
        self._code = {name: columns.get(name, absent)[1] for name in QUOTE_SCOPE}

    def parse(self, name: str, read: Callable[[str], Parsed | None], hint: str) -> tuple[list[Parsed], IntArray]:
        """Return the parsed distinct texts of a column, and for each row the index of its text.

        Raises
        ------
        UnreadableQuotes
            If a text cannot be parsed; names its first line.
        """
        meanings = []
        for position, text in enumerate(self._texts[name]):
            meaning = read(text.strip())
            if meaning is None:
                raise self.error(int(np.flatnonzero(self._code[name] == position)[0]), name, hint)
            meanings.append(meaning)
        return meanings, self._code[name]

    def combinations(self, names: Iterable[str]) -> tuple[IntArray, IntArray]:
        """Return the first row of each distinct combination of columns, and for each row its combination."""
        key = np.zeros(self.rows, dtype=np.int64)
        for name in names:
            key = key * len(self._texts[name]) + self._code[name]
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        return first.astype(np.int64), which.astype(np.int64)

    def texts(self, name: str) -> list[str]:
        """Return the distinct texts of a column."""
        return self._texts[name]

    def text(self, row: int, name: str) -> str:
        """Return a cell as written."""
        return self._texts[name][int(self._code[name][row])]

    def error(self, row: int, name: str, hint: str) -> UnreadableQuotes:
        """Return the error that names line, instrument, field and value; the header is line 1."""
        value = self.text(row, name)
        instrument = self.text(row, "instrument") or Message("quotes.no_instrument")
        return UnreadableQuotes("quotes.cell", hint=hint, field=name, value=value, line=row + 2, instrument=instrument)


def open_quotes(source: QuoteSource) -> QuoteTable:
    """Return a file, bytes or table of quotes as columns of text.

    Raises
    ------
    UnreadableQuotes
        If it is not a CSV, Excel or Parquet file, or lacks a column.
    """
    if not isinstance(source, str | os.PathLike | bytes):
        return _from_arrow(source)
    name = Message("quotes.bytes") if isinstance(source, bytes) else str(source)
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        if content.startswith(_PARQUET_MARK):
            return _read_parquet(content)
        if content[:4] in WORKBOOK_MARKS or (content.strip() and not _has_commas(content)):
            return _from_arrow(open_table(content, name, QUOTE_SCOPE).table)
        return _read_csv(content)
    except (OSError, ValueError, csv.Error, UnreadableRecord) as error:
        reason = next((one for one in error.args if isinstance(one, Message)), " ".join(str(error).split()))
        raise UnreadableQuotes("quotes.unreadable", field="market", name=name, reason=reason) from error


def _has_commas(content: bytes) -> bool:
    """Return whether the first line of a text has commas; else it is UTF-16, has a title, or other separators."""
    return b"," in content.partition(b"\n")[0] and content[:2] not in _UTF16_MARKS


def _read_csv(content: bytes) -> QuoteTable:
    """Return a CSV with every column as text; UTF-8, else the encoding of Chinese spreadsheets."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode(_GB18030)
    lines = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))  # empty lines are no rows
    names = next(lines, None)
    if names is None:
        raise ValueError(Message("quotes.nothing"))
    cells: list[str] = []
    for line in lines:
        if len(line) != len(names):
            shown = ",".join(line)[:200]
            raise ValueError(Message("quotes.cells", cells=len(line), wanted=len(names), line=shown))
        cells += line
    place, stated = _places(names)
    columns = {name: _encoded(cells[at :: len(names)]) for name, at in place.items()}
    return _with_stated(len(cells) // len(names), columns, stated)


def _read_parquet(content: bytes) -> QuoteTable:
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - most quotes are CSV, and Arrow is slow to load

    try:
        return _from_arrow(parquet.read_table(io.BytesIO(content)))
    except ArrowException as error:
        raise ValueError(str(error)) from error


def _from_arrow(table: pa.Table) -> QuoteTable:
    """Return an Arrow table with all cells as texts; null becomes an empty text."""
    place, stated = _places(table.column_names)
    columns = {}
    for name, at in place.items():
        texts = table.column(at).cast("string").to_pylist()
        columns[name] = _encoded([text or "" for text in texts])
    return _with_stated(table.num_rows, columns, stated)


def _with_stated(rows: int, columns: Mapping[str, Encoded], stated: Mapping[str, str]) -> QuoteTable:
    """Return a table of quotes whose unit or VAT the heading of the prices may state for all rows."""
    everywhere = {name: ([text], np.zeros(rows, dtype=np.int64)) for name, text in stated.items()}
    return QuoteTable(rows, {**everywhere, **columns})


def _places(spelled: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return the position of each of our columns in a file, and what the heading of the prices states for all rows.

    Raises
    ------
    UnreadableQuotes
        If one of :data:`REQUIRED` is missing, one of ours is named twice, or a heading states an unknown unit: nothing
        may be dropped silently.
    """
    place: dict[str, int] = {}
    stated: dict[str, str] = {}
    for at, spelling in enumerate(spelled):
        heading = _heading(spelling)
        if heading is None:
            continue
        name = heading.name
        if name in place:
            first, second = spelled[place[name]].strip(), spelling.strip()
            raise UnreadableQuotes("quotes.two_columns", field=name, value=second, first=first, second=second)
        place[name] = at
        if heading.price is not None:
            stated = _stated(heading)
    if "unit" in stated and "unit" in place:
        first, second = spelled[place["price"]].strip(), spelled[place["unit"]].strip()
        raise UnreadableQuotes("quotes.two_columns", field="unit", value=second, first=first, second=second)
    missing = [name for name in REQUIRED if name not in place and name not in stated]
    if missing:
        raise UnreadableQuotes("quotes.no_column", field=missing[0], columns=missing)
    return place, {name: text for name, text in stated.items() if name not in place}


def _heading(spelling: str) -> Heading | None:
    """Return what a heading means; one with an unknown unit is refused by name."""
    try:
        return read_heading(spelling, QUOTE_SCOPE)
    except FieldError as error:
        parameters = {name: value for name, value in error.text.parameters.items() if name not in {"field", "value"}}
        message_id, hint = error.message_id, error.hint_text
        raise UnreadableQuotes(message_id, hint=hint, field=error.field, value=spelling, **parameters) from error


def _stated(heading: Heading) -> dict[str, str]:
    """Return the unit and the VAT that the heading of the prices states."""
    basis, stated = heading.price, {}
    if basis is not None and basis.per:
        stated["unit"] = unit_of_price(basis)
    if basis is not None and basis.vat_included is not None:
        stated["vat_included"] = "true" if basis.vat_included else "false"
    return stated


def _encoded(cells: Sequence[str]) -> Encoded:
    """Return the distinct texts of a column in the order of their first row, and each row's position among them."""
    place = {text: number for number, text in enumerate(dict.fromkeys(cells))}
    return list(place), np.fromiter(map(place.__getitem__, cells), dtype=np.int64, count=len(cells))
