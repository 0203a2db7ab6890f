"""Read the trace records of the packs sold from a folder of tables (溯源数据): Parquet, CSV or Excel.

:func:`valuation.ingest.read_tables` reads them as it reads every table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from valuation.errors import UnreadableRecord
from valuation.ingest import Limits, TableTraces, read_tables
from valuation.messages import Message

_ENDINGS = ("parquet", "csv", "xlsx")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "packs": ("packs", "电池", "电池包", "电池信息", "电池档案"),
    "events": ("events", "事件", "溯源事件", "溯源记录", "溯源节点", "溯源信息"),
}
_LARGEST = 2 << 30


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
        raise UnreadableRecord(
            "training.no_table",
            field="traces",
            folder=traces,
            lacking=[Message(f"training.table.{kind}") for kind in lacking],
            found=[path.name for path in list(there.values())[:6]] or Message("training.no_file"),
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
    return read_tables(files["packs"], files["events"], limits=Limits(source_bytes=_LARGEST))


def unread_codes(traces: TableTraces) -> set[str]:
    """Return the codes of packs whose records were rejected."""
    return {problem.battery_code for problem in traces.problems if problem.battery_code is not None}
