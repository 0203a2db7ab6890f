"""A file of quotes as columns of distinct texts (报价表): each text is parsed once; an error names its line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from valuation.errors import UnreadableQuotes
from valuation.ingest.fields.price_units import tidy
from valuation.messages import Message
from valuation.numeric.columns import IntArray

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED: Final = ("quoted_on", "instrument", "price", "unit", "vat_included")
_HEADERS = {
    "quoted_on": ("quoted_on", "date", "日期", "报价日期", "报价日"),
    "instrument": ("instrument", "品种", "品名", "产品"),
    "price": ("price", "价格", "报价", "均价"),
    "unit": ("unit", "单位"),
    "vat_included": ("vat_included", "含税", "是否含税"),
    "region": ("region", "地区", "区域"),
    "source": ("source", "来源", "数据来源"),
}
_HEADER_OF = {spelled: name for name, names in _HEADERS.items() for spelled in names}
_PARQUET_MARK = b"PAR1"
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
        Columns under our names, including all of :data:`REQUIRED`; other columns that are missing are empty.
    """

    def __init__(self, rows: int, columns: Mapping[str, Encoded]) -> None:
        self.rows = rows
        absent: Encoded = ([""], np.zeros(rows, dtype=np.int64))
        self._texts = {name: columns.get(name, absent)[0] for name in _HEADERS}
        self._code = {name: columns.get(name, absent)[1] for name in _HEADERS}

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
        If it is not a CSV or Parquet file, or lacks a column.
    """
    if not isinstance(source, str | os.PathLike | bytes):
        return _from_arrow(source)
    name = Message("quotes.bytes") if isinstance(source, bytes) else str(source)
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        return _read_parquet(content) if content.startswith(_PARQUET_MARK) else _read_csv(content)
    except (OSError, ValueError, csv.Error) as error:
        reason = next((one for one in error.args if isinstance(one, Message)), " ".join(str(error).split()))
        raise UnreadableQuotes("quotes.unreadable", field="market", name=name, reason=reason) from error


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
    columns = {name: _encoded(cells[at :: len(names)]) for name, at in _places(names).items()}
    return QuoteTable(len(cells) // len(names), columns)


def _read_parquet(content: bytes) -> QuoteTable:
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - most quotes are CSV, and Arrow is slow to load

    try:
        return _from_arrow(parquet.read_table(io.BytesIO(content)))
    except ArrowException as error:
        raise ValueError(str(error)) from error


def _from_arrow(table: pa.Table) -> QuoteTable:
    """Return an Arrow table with all cells as texts; null becomes an empty text."""
    import pyarrow as pa  # noqa: PLC0415 - see above

    columns = {}
    for name, at in _places(table.column_names).items():
        texts = table.column(at).cast(pa.string()).to_pylist()
        columns[name] = _encoded([text or "" for text in texts])
    return QuoteTable(table.num_rows, columns)


def _places(spelled: Sequence[str]) -> dict[str, int]:
    """Return the position of each of our columns in a file, in either language.

    Raises
    ------
    UnreadableQuotes
        If one of :data:`REQUIRED` is missing, or one of ours is named twice: neither may be dropped silently.
    """
    place: dict[str, int] = {}
    for at, spelling in enumerate(spelled):
        name = _HEADER_OF.get(tidy(spelling))
        if name is not None and name in place:
            first, second = spelled[place[name]].strip(), spelling.strip()
            raise UnreadableQuotes("quotes.two_columns", field=name, value=second, first=first, second=second)
        if name is not None:
            place[name] = at
    missing = [name for name in REQUIRED if name not in place]
    if missing:
        raise UnreadableQuotes("quotes.no_column", field=missing[0], columns=missing)
    return place


def _encoded(cells: Sequence[str]) -> Encoded:
    """Return the distinct texts of a column in the order of their first row, and each row's position among them."""
    place = {text: number for number, text in enumerate(dict.fromkeys(cells))}
    return list(place), np.fromiter(map(place.__getitem__, cells), dtype=np.int64, count=len(cells))
