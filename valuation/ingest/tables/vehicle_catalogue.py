"""A catalogue of vehicle models (车型目录) from a table: make, model, year, variant, chemistry and energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import choice_name, plain
from valuation.ingest.fields.headings import field_name
from valuation.ingest.tables.open_table import TableSource, open_table
from valuation.ingest.tables.opened_table import OpenTable, column_names
from valuation.messages import Message
from valuation.pack.chemistry import BY_NAME, ingredients
from valuation.pack.vintage import interpolate
from valuation.record.fields import CHEMISTRIES
from valuation.vehicle.catalogue import Variant, built_in

NET_SHARE: Final = 0.95
"""Usable over rated energy, where only the usable energy is listed (judged, 2026, after makers who state both). [1]"""
_SCOPE: Final = ("make", "vehicle_model", "model_year", "chemistry", "rated_energy_kwh")
_REQUIRED: Final = ("make", "vehicle_model")
_MORE: Final[Mapping[str, str]] = {
    plain(spelled): name
    for name, spellings in {
        "make": ("make", "brand", "manufacturer", "品牌", "厂商", "企业名称"),
        "vehicle_model": ("model", "车型名称", "产品型号", "通用名称"),
        "model_year": ("year", "release year", "年份", "上市年份"),
        "variant": ("variant", "version", "配置", "版本", "款型"),
        "trim": ("trim", "trim level"),
        "rated_energy_kwh": (
            "capacity_kwh_gross",
            "gross kwh",
            "battery kwh",
            "电池容量kWh",
            "总储电量kWh",
            "电池能量kWh",
        ),
        "net_energy_kwh": ("capacity_kwh_net", "usable kwh", "net kwh", "usable_battery_size", "可用电量kWh"),
    }.items()
    for spelled in spellings
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCatalogue:
    """The variants of a table, the column each field was read from, and the rows left out by reason."""

    variants: tuple[Variant, ...]
    columns: Mapping[str, str]
    left_out: Mapping[Message, int]
    rows: int


class _Unusable(Exception):
    """A row that cannot be used, and the reason."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason


def read_catalogue(source: TableSource, name: str = "catalogue") -> ReadCatalogue:
    """Return the vehicle models of a table (CSV or Parquet).

    Rated energy is the gross energy if it is listed, else the usable energy divided by 0.95. A row without a definite
    chemistry (such as "li-ion") is divided among the chemistries of its model or make in the built-in table, else among
    those of its year, by their shares.

    Raises
    ------
    FieldError
        If make, model or energy have no column.
    UnreadableRecord
        If the file is no table.
    """
    opened = open_table(source, name, _SCOPE)
    columns = _columns(opened)
    variants: list[Variant] = []
    left_out: Counter[Message] = Counter()
    rows = opened.table.to_pylist()
    for row in rows:
        cells = {field: _text(row.get(spelled)) for field, spelled in columns.items()}
        try:
            variants += _variants(cells, opened.name)
        except _Unusable as unusable:
            left_out[unusable.reason] += 1
    return ReadCatalogue(variants=tuple(variants), columns=columns, left_out=dict(left_out), rows=len(rows))


def _columns(opened: OpenTable) -> dict[str, str]:
    """Return the column of each field.

    Raises
    ------
    FieldError
        If a column that is needed is missing.
    """
    found: dict[str, str] = {}
    for spelled in column_names(opened):
        name = _MORE.get(plain(spelled)) or field_name(spelled, _SCOPE)
        if name is not None:
            found.setdefault(name, spelled)
    missing = [name for name in _REQUIRED if name not in found]
    missing += [] if {"rated_energy_kwh", "net_energy_kwh"} & found.keys() else ["rated_energy_kwh"]
    if missing:
        raise FieldError(
            "table.no_catalogue", hint="table.name_the_columns", field=missing[0], name=opened.name, fields=missing
        )
    return found


def _variants(cells: Mapping[str, str], source: str) -> Iterator[Variant]:
    """Yield the variants of a row: one, or one per likely chemistry if the row states none.

    Raises
    ------
    _Unusable
        If the row cannot be used.
    """
    make, model = cells["make"], cells["vehicle_model"]
    if not make or not model:
        raise _Unusable(Message("table.catalogue_row.no_make_or_model"))
    gross, net = (_number(cells.get(name, "")) for name in ("rated_energy_kwh", "net_energy_kwh"))
    energy = gross if gross == gross else net / NET_SHARE  # noqa: PLR0124 - NaN is not known
    if not 0.001 <= energy <= 2000.0:
        raise _Unusable(Message("table.catalogue_row.no_energy"))
    year = _number(cells.get("model_year", ""))
    span = (year, year) if 1990.0 <= year <= 2100.0 else (2008.0, 2030.0)
    names = tuple(cells[name] for name in ("variant", "trim") if cells.get(name))
    for chemistry, share in _chemistries(cells.get("chemistry", ""), (model, make, sum(span) / 2.0)):
        yield Variant(
            make=make,
            model=model,
            from_year=span[0],
            to_year=span[1],
            variant=names,
            chemistry=chemistry,
            energy_kwh=round(energy, 3),
            share=round(share, 4),
            source=source,
            confidence="high" if gross == gross else "medium",  # noqa: PLR0124 - as above
        )


def _chemistries(text: str, vehicle: tuple[str, str, float]) -> Iterator[tuple[str, float]]:
    """Yield the chemistry of a row, else those of the built-in table for its model or make, else those of its year."""
    known = choice_name(text, "chemistry", CHEMISTRIES) if text else None
    if known is not None and known != "OTHER":
        yield known, 1.0
        return
    found = built_in().find(*vehicle)
    if found is not None and found.match != "year":
        yield from ((part.chemistry, part.share) for part in found.parts)
        return
    shares = {"LFP": 0.0, "NMC": 0.0}
    for name, points in ingredients(BY_NAME["OTHER"]):
        family = {"lfp": "LFP", "ternary": "NMC"}.get(BY_NAME[name].family)
        if family:
            shares[family] += float(interpolate(np.array([vehicle[2]]), points)[0])
    for name, share in shares.items():
        yield name, share / sum(shares.values())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _number(text: str) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan
