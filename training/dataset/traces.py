"""Read the trace records of the packs sold from a folder of tables (溯源数据): Parquet, CSV or Excel.

Parquet is passed on unchanged. CSV and Excel are opened like the ledger (title rows, GB18030, merged cells); days
written year first are converted to ISO dates and thousands separators are removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from training.sales_ledger.open_workbook import as_csv, open_worksheet
from valuation.errors import UnreadableRecord
from valuation.ingest import TableTraces, read_tables
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE, TABLE_SCOPE, field_name, recognised
from valuation.ingest.tables.open_table import TableSource
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_COMMON_FIELDS, EVENT_FIELDS, PACK_FIELDS

_ENDINGS = ("parquet", "csv", "xlsx")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "packs": ("packs", "电池", "电池包", "电池信息", "电池档案"),
    "events": ("events", "事件", "溯源事件", "溯源记录", "溯源节点", "溯源信息"),
}
_FIELDS = (*PACK_FIELDS, *COMPOSITION_FIELDS, *EVENT_COMMON_FIELDS, *EVENT_FIELDS)
_DAYS = {field.name for field in _FIELDS if field.kind == "day"}
_NUMBERS = {field.name for field in _FIELDS if field.kind == "number"}
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s].*)?$")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?$")


def trace_files(traces: Path) -> dict[str, Path]:
    """Return the files of the tables of packs and events in a folder.

    Raises
    ------
    UnreadableRecord
        If one of the tables is missing.
    """
    there = {path.name.casefold(): path for path in sorted(traces.iterdir()) if path.is_file()}
    found = {
        kind: there[name]
        for kind, names in _NAMES.items()
        for name in reversed([f"{name}.{ending}" for ending in _ENDINGS for name in names])
        if name in there
    }
    if lacking := [kind for kind in _NAMES if kind not in found]:
        has = ", ".join(path.name for path in list(there.values())[:6]) or "nothing"
        raise UnreadableRecord(
            f"{traces} has no table of {' and no table of '.join(lacking)}; it contains {has}",
            hint="give the folder with packs and events (电池, 事件) as Parquet, CSV or Excel",
            field="traces",
        )
    return {kind: found[kind] for kind in _NAMES}


def read_traces(traces: Path) -> TableTraces:
    """Read the trace records of a folder, and the rejected records with reasons.

    Raises
    ------
    UnreadableRecord
        If a table is missing or cannot be read.
    """
    files = trace_files(traces)
    return read_tables(_source(files["packs"], TABLE_SCOPE), _source(files["events"], EVENT_TABLE_SCOPE))


def unread_codes(traces: TableTraces) -> set[str]:
    """Return the codes of packs whose records were rejected."""
    return {problem.battery_code for problem in traces.problems if problem.battery_code is not None}


def _source(path: Path, scope: tuple[str, ...]) -> TableSource:
    """Return a table in the form that :func:`valuation.ingest.read_tables` reads."""
    if path.suffix.casefold() == ".parquet":
        return path

    def count_known(names: Sequence[str]) -> int:
        return recognised(names, scope)

    sheet = open_worksheet(path, count_known)
    table = sheet.table
    for at, spelled in enumerate(table.column_names):
        name = field_name(spelled, scope)
        if name in _DAYS:
            table = table.set_column(at, spelled, _convert_texts(table[spelled], _iso_day))
        elif name in _NUMBERS:
            table = table.set_column(at, spelled, _convert_texts(table[spelled], _bare_number))
    return as_csv(table)


def _convert_texts(column: pa.ChunkedArray, spell: Callable[[str], str]) -> pa.ChunkedArray:
    """Return a text column with each distinct text converted."""
    if not kinds.is_string(column.type):
        return column
    encoded = pc.dictionary_encode(column).combine_chunks()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    spelled = pa.array([spell(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([spelled.take(encoded.indices)])


def _iso_day(text: str) -> str:
    """Convert a day written year first to an ISO date; return any other text unchanged.

    >>> _iso_day("2026/3/5"), _iso_day("2026年3月5日"), _iso_day("5.3.2026")
    ('2026-03-05', '2026-03-05', '5.3.2026')
    """
    match = _DAY.match(unicodedata.normalize("NFKC", text).strip())
    return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}" if match else text


def _bare_number(text: str) -> str:
    """Remove thousands separators and full-width characters from a number; return any other text unchanged.

    >>> _bare_number("81,234"), _bare_number("５２.５"), _bare_number("12,5")
    ('81234', '52.5', '12,5')
    """
    spelled = unicodedata.normalize("NFKC", text).strip()
    return spelled.replace(",", "") if _THOUSANDS.match(spelled) else spelled
