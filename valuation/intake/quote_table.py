"""A file of quotes as columns of distinct texts (报价表): each text is parsed once, and an error names its line."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from valuation.columns import IntArray
from valuation.errors import UnreadableQuotes
from valuation.intake.quote_units import tidy

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

QuoteSource: TypeAlias = str | os.PathLike[str] | bytes | pa.Table
Parsed = TypeVar("Parsed")


class QuoteTable:
    """Rows of quotes as they were written.

    Parameters
    ----------
    table : pyarrow.Table
        At least the columns of :data:`REQUIRED`, in either language.

    Raises
    ------
    UnreadableQuotes
        If a column is missing.
    """

    def __init__(self, table: pa.Table) -> None:
        spelled = {_HEADER_OF[tidy(name)]: name for name in table.column_names if tidy(name) in _HEADER_OF}
        missing = [name for name in REQUIRED if name not in spelled]
        if missing:
            raise UnreadableQuotes(
                f"the quotes have no column {', '.join(missing)}",
                hint="write the columns quoted_on,instrument,price,unit,vat_included,region,source",
                field=missing[0],
            )
        self.rows: int = table.num_rows
        self._texts: dict[str, list[str]] = {}
        self._code: dict[str, IntArray] = {}
        for name in _HEADERS:
            texts, code = _encoded(table[spelled[name]]) if name in spelled else ([""], np.zeros(self.rows, np.int64))
            self._texts[name], self._code[name] = texts, code

    def parse(self, name: str, read: Callable[[str], Parsed | None], hint: str) -> tuple[list[Parsed], IntArray]:
        """Return what the distinct texts of a column mean, and for each row which of them it holds.

        Raises
        ------
        UnreadableQuotes
            If a text means nothing; names its first line.
        """
        meanings = []
        for position, text in enumerate(self._texts[name]):
            meaning = read(text.strip())
            if meaning is None:
                raise self.error(int(np.flatnonzero(self._code[name] == position)[0]), name, hint)
            meanings.append(meaning)
        return meanings, self._code[name]

    def combinations(self, names: Iterable[str]) -> tuple[IntArray, IntArray]:
        """Return the first row of each distinct combination of columns, and for each row which combination it is."""
        key = np.zeros(self.rows, dtype=np.int64)
        for name in names:
            key = key * len(self._texts[name]) + self._code[name]
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        return first.astype(np.int64), which.astype(np.int64)

    def texts(self, name: str) -> list[str]:
        """Return the distinct texts of a column."""
        return self._texts[name]

    def text(self, row: int, name: str) -> str:
        """Return what stands in a row, as it was written."""
        return self._texts[name][int(self._code[name][row])]

    def error(self, row: int, name: str, hint: str) -> UnreadableQuotes:
        """Return the error that names line, instrument, field and value; the header is line 1."""
        value = self.text(row, name)
        return UnreadableQuotes(
            f"line {row + 2} ({self.text(row, 'instrument') or 'no instrument'}): {name} is {value!r}",
            hint=hint,
            field=name,
            value=value,
        )


def open_quotes(source: QuoteSource) -> QuoteTable:
    """Return a file, bytes or table of quotes as columns of text.

    Raises
    ------
    UnreadableQuotes
        If it is no CSV or Parquet file, or lacks a column.
    """
    if isinstance(source, pa.Table):
        return QuoteTable(source)
    name = "the bytes given" if isinstance(source, bytes) else str(source)
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        if content.startswith(_PARQUET_MARK):
            return QuoteTable(pq.read_table(io.BytesIO(content)))
        return QuoteTable(_read_csv(content))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise UnreadableQuotes(
            f"no quotes can be read from {name}: {' '.join(str(error).split())}",
            hint="give a CSV file in UTF-8 or a Parquet file",
            field="market",
        ) from error


def _read_csv(content: bytes) -> pa.Table:
    """Return a CSV with every column as text; UTF-8, else the encoding of Chinese spreadsheets."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode(_GB18030)
    plain = text.encode()
    header = next(iter(text.splitlines()), "")
    names = [name.strip().strip('"') for name in header.split(",")]
    options = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    table = pa_csv.read_csv(io.BytesIO(plain), convert_options=options)
    return table.rename_columns([name.strip() for name in table.column_names])


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], IntArray]:
    """Return the distinct texts of a column and each row's position among them; nothing becomes an empty text."""
    if len(column) == 0:
        return [], np.zeros(0, dtype=np.int64)
    # Arrow's fill_null and to_numpy import pandas where it is installed, which takes a second at every start.
    encoded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode(null_encoding="encode")
    found = [text or "" for text in encoded.dictionary.to_pylist()]
    place = {text: number for number, text in enumerate(dict.fromkeys(found))}
    position = np.array([place[text] for text in found], dtype=np.int64)
    return list(place), position[_plain_numbers(encoded.indices)]


def _plain_numbers(indices: pa.Array) -> IntArray:
    """Return the places that a dictionary's indices hold; none of them is null."""
    end = indices.offset + len(indices)
    return np.frombuffer(indices.buffers()[1], dtype=np.int32, count=end)[indices.offset :].astype(np.int64)
