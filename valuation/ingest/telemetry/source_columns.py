"""Recognises the program that wrote a log by the headings (来源识别), and reads the columns as numbers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, TypedDict

import numpy as np

from valuation.ingest.fields.aliases import plain
from valuation.ingest.fields.units import CURRENT, Unit, tidy_unit, units_of
from valuation.ingest.tables.opened_table import OpenTable
from valuation.numeric.columns import FloatArray

_TEXTS: Final = frozenset({"vin", "is_fast"})
_DAYS: Final = frozenset({"time", "start"})
_SAMPLE: Final = 200
_UNIX_LEAST, _UNIX_MS, _UNIX_MOST = 1e8, 1e11, 1e13
_FORMATS: Final = (
    *("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S"),
    *("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M:%S"),
    *("%Y-%m-%d", "%Y/%m/%d"),
)
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    # Outside: GB/T 32960 writes all ones for "invalid", other programs 0 or a large number.
    "odometer_km": (0.1, 4_000_000.0),
    "voltage_v": (1.0, 2000.0),
    "current_a": (-5000.0, 5000.0),
    "temperature_c": (-50.0, 100.0),
    "highest_cell_v": (0.5, 5.0),
    "lowest_cell_v": (0.5, 5.0),
    "cell_spread_mv": (0.0, 5000.0),
}


_UNIT_AFTER: Final = re.compile(r"(.+?)[\s_/(（\[【]+([^\s_/()（）\[\]【】]+)[)）\]】]?")
"""A heading with its unit behind it: ``Odo(mi)``, ``Pack T1 F``, ``total_voltage/V``."""

_SAME_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("voltage_v", "highest_cell_v", "lowest_cell_v"), "nominal_voltage_v"),
    **dict.fromkeys(("temperature_c", "outside_c"), "temperature_c"),
    **dict.fromkeys(("added_kwh", "charged_kwh", "discharged_kwh"), "rated_energy_kwh"),
    **dict.fromkeys(("charged_ah", "discharged_ah", "capacity_ah"), "rated_capacity_ah"),
    "odometer_km": "odometer_km",
    "cell_spread_mv": "cell_spread_mv",
    **dict.fromkeys(("soc", "soh", "start_soc", "end_soc"), "soh"),
}
"""By quantity, a field of records with the same units; shares are scaled later, by their highest value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumns:
    """A log as columns in the order of time.

    Attributes
    ----------
    source
        Name of the program or standard.
    numbers
        By quantity, shape (rows,); NaN where not known. `time` and `start` in seconds since 1970, shares of charge and
        health as fractions.
    texts
        By quantity, the texts of a column.
    taken
        By quantity, the headings that it was read from.
    unused
        Headings that are not read.
    """

    source: str
    numbers: Mapping[str, FloatArray]
    texts: Mapping[str, tuple[str, ...]]
    taken: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...]


class _Source(TypedDict):
    marks: list[str]
    columns: dict[str, str]


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, _Source]:
    return tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))


def source_of(names: Sequence[str]) -> str | None:
    """Return the program or standard with the headings of a table; None if the table is not a known log.

    >>> source_of(["Cycle_Index", "Discharge_Capacity (Ah)"]), source_of(["battery_code", "chemistry"])
    ('Battery Archive', None)
    """
    given = {plain(name) for name in names} | {plain(_parts(name)[0]) for name in names}
    found = [name for name, one in _sources().items() if {plain(mark) for mark in one["marks"]} <= given]
    return found[0] if found else None


def _parts(heading: str) -> tuple[str, str]:
    """Return a heading without the last word, and that word as a unit; the whole heading if it has one word."""
    match = _UNIT_AFTER.fullmatch(heading.strip())
    return (match[1], tidy_unit(match[2])) if match else (heading, "")


def _quantity_of(heading: str, columns: Mapping[str, str]) -> tuple[str, Unit | None] | None:
    """Return the quantity of a heading and the unit to convert from; None if the heading is not known.

    >>> columns = {"Odo(km)": "odometer_km", "voltage": "voltage_v"}
    >>> _quantity_of("Odo(mi)", columns)[1].name, _quantity_of("voltage [V]", columns), _quantity_of("Odo(h)", columns)
    ('mi', ('voltage_v', None), None)
    """
    exact = {plain(name): quantity for name, quantity in columns.items()}
    if plain(heading) in exact:
        return exact[plain(heading)], None
    base, spelled = _parts(heading)
    bases = exact | {
        plain(_parts(name)[0]): quantity for name, quantity in columns.items() if _has_unit(name, quantity)
    }
    quantity = bases.get(plain(base))
    unit = None if quantity is None else _units_of(quantity).get(spelled)
    if quantity is None or unit is None:
        return None
    return quantity, None if unit.own or _SAME_UNITS.get(quantity) == "soh" else unit


def _units_of(quantity: str) -> Mapping[str, Unit]:
    """Return the units of a quantity by spelling."""
    return CURRENT if quantity == "current_a" else units_of(_SAME_UNITS.get(quantity, ""))


def _has_unit(name: str, quantity: str) -> bool:
    """Return whether a heading of a source ends with a unit of its quantity."""
    return _parts(name)[1] in _units_of(quantity)


def read_columns(opened: OpenTable, source: str) -> SourceColumns:
    """Read the known columns of a log; rows are sorted by time."""
    taken: dict[str, list[str]] = {}
    unused: list[str] = []
    units: dict[str, Unit] = {}
    for name in opened.table.column_names:
        quantity, unit = _quantity_of(name, _sources()[source]["columns"]) or (None, None)
        (unused if quantity is None else taken.setdefault(quantity, [])).append(name)
        if unit is not None:
            units[name] = unit
    cells = {
        name: [_text(value) for value in opened.table.column(name).to_pylist()]
        for names in taken.values()
        for name in names
    }
    numbers = {}
    for quantity, names in taken.items():
        if quantity in _TEXTS:
            continue
        parse = _seconds if quantity in _DAYS else _numbers
        columns = np.array([_converted(parse(cells[name]), units.get(name)) for name in names])
        low, high = _BOUNDS.get(quantity, (-np.inf, np.inf))
        columns[(columns < low) | (columns > high)] = np.nan
        numbers[quantity] = _mean_known(columns)
    for quantity in {"soc", "soh", "start_soc", "end_soc", "capacity_ah"} & numbers.keys():
        numbers[quantity] = _scaled(quantity, numbers[quantity])
    order = np.argsort(numbers["time"], kind="stable") if "time" in numbers else np.arange(opened.table.num_rows)
    return SourceColumns(
        source=source,
        numbers={name: column[order] for name, column in numbers.items()},
        texts={name: tuple(cells[taken[name][0]][row] for row in order.tolist()) for name in _TEXTS & taken.keys()},
        taken={name: tuple(names) for name, names in taken.items()},
        unused=tuple(unused),
    )


def _converted(column: FloatArray, unit: Unit | None) -> FloatArray:
    return column if unit is None else unit.convert_many(column)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _numbers(cells: list[str]) -> FloatArray:
    """Return cells as numbers, NaN if a cell is not a number."""
    found = [re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", cell) for cell in cells]
    return np.array([float(one[0]) if one else np.nan for one in found], dtype=np.float64)


def _seconds(cells: list[str]) -> FloatArray:
    """Return times in seconds since 1970, read in the format that fits most cells and keeps them in ascending order."""
    unix = _numbers(cells)
    known_unix = unix[~np.isnan(unix)]
    if len(known_unix) and known_unix.min() > _UNIX_LEAST and known_unix.max() < _UNIX_MOST:
        return np.where(unix > _UNIX_MS, unix / 1000.0, unix)
    sample = [cell for cell in cells if cell][:: max(1, len(cells) // _SAMPLE)]
    ranks = {pattern: _rank([_moment(cell, pattern) for cell in sample]) for pattern in (None, *_FORMATS)}
    best = max(ranks, key=lambda pattern: ranks[pattern])
    return np.array([_moment(cell, best) for cell in cells])


def _rank(moments: list[float]) -> tuple[int, float]:
    """Return how many cells a time format can read, and the share of rows that are not earlier than the row before."""
    known = [one for one in moments if one == one]  # noqa: PLR0124 - NaN differs from itself
    forward = [later >= earlier for earlier, later in pairwise(known)]
    return len(known), sum(forward) / max(len(forward), 1)


def _moment(cell: str, pattern: str | None) -> float:
    try:
        moment = datetime.fromisoformat(cell) if pattern is None else datetime.strptime(cell, pattern)  # noqa: DTZ007 - set below
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _mean_known(columns: FloatArray) -> FloatArray:
    """Return the mean of the known values of several columns."""
    known = ~np.isnan(columns)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, columns, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _scaled(quantity: str, column: FloatArray) -> FloatArray:
    """Return a share as a fraction, or a capacity in Ah; LeafSpy writes both in units of a ten-thousandth."""
    highest = float(np.nanmax(column, initial=0.0))
    if highest > 1000.0:
        column = column / 1e4
        highest /= 1e4
    if quantity == "capacity_ah":
        return column
    fraction = column if highest <= 1.2 else column / 100.0
    return np.where((fraction < 0.0) | (fraction > 1.2), np.nan, fraction)


def table_of_json(content: bytes) -> list[dict[str, object]] | None:
    """Return the rows of a JSON list of flat objects; None if the document is not such a list."""
    try:
        rows = json.loads(content)
    except ValueError:
        return None
    flat = isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)
    return rows if flat else None
