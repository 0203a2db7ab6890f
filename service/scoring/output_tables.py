"""The output tables of a fleet: one row per valued pack, and one row per rejected pack or code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from service.scoring.job_context import JobContext
from valuation.answer.drivers import driver_names
from valuation.answer.fleet_values import FleetValues
from valuation.numeric.columns import BoolArray, IntArray
from valuation.routes.structural_value import ROUTES

PLACE = "place"
"""Column with the position of each pack in the input; it is not part of the output."""

_TIERS = ("T0", "T1", "T2", "T3", "T4")
_GRADES = ("A", "B", "C", "D")

REJECTED = pa.schema([
    (PLACE, pa.int64()),
    ("battery_code", pa.string()),
    ("reason", pa.string()),
    ("hint", pa.string()),
])  # fmt: skip
"""Packs that are not valued, with the reason and a hint."""


def values_schema(context: JobContext) -> pa.Schema:
    """Return the columns of the output table; with drivers also the base and one effect per driver."""
    names = [
        (PLACE, pa.int64()),
        ("battery_code", pa.string()),
        ("as_of", pa.date32()),
        ("point_cny", pa.float64()),
        ("lower_cny", pa.float64()),
        ("upper_cny", pa.float64()),
        ("level", pa.float64()),
        ("best_route", pa.string()),
        ("evidence_tier", pa.string()),
        ("grade", pa.string()),
        ("caution_ids", pa.list_(pa.string())),
    ]
    if context.valuation_terms.explain:
        names.append(("base_cny", pa.float64()))
        names.extend((f"effect_{name}", pa.float64()) for name in driver_names(context.model))
    return pa.schema(names)


def published(schema: pa.Schema) -> pa.Schema:
    """Return a schema without the position column."""
    return schema.remove(schema.get_field_index(PLACE))


def values_table(
    valued: FleetValues, places: IntArray, codes: pa.Array, notes: Sequence[tuple[str, BoolArray]], context: JobContext
) -> pa.Table:
    """Return the valued packs as a table; `places`, `codes` and `notes` have one value per valued pack."""
    rows = len(valued.rows)
    columns: dict[str, pa.Array] = {
        PLACE: pa.array(places, type=pa.int64()),
        "battery_code": codes,
        "as_of": pa.repeat(pa.scalar(context.valuation_terms.as_of, type=pa.date32()), rows),
        "point_cny": pa.array(valued.point_cny),
        "lower_cny": pa.array(valued.lower_cny),
        "upper_cny": pa.array(valued.upper_cny),
        "level": pa.repeat(pa.scalar(context.valuation_terms.level, type=pa.float64()), rows),
        "best_route": _chosen(ROUTES, valued.best),
        "evidence_tier": _chosen(_TIERS, valued.tier),
        "grade": _chosen(_GRADES, valued.grade),
        "caution_ids": id_lists((*notes, *valued.cautions), rows),
    }
    schema = values_schema(context)
    if context.valuation_terms.explain:
        columns["base_cny"] = pa.array(valued.base_cny)
        for name in driver_names(context.model):
            columns[f"effect_{name}"] = pa.array(valued.effects_cny.get(name, np.zeros(rows)))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def rejected_table(rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Return the rejected packs as a table."""
    return pa.Table.from_pylist(list(rows), schema=REJECTED)


def id_lists(masks: Sequence[tuple[str, BoolArray]], rows: int) -> pa.Array:
    """Return for each row the list of ids whose mask is true, in the order of the masks.

    >>> id_lists([("V01", np.array([True, True])), ("N02", np.array([False, True]))], 2).to_pylist()
    [['V01'], ['V01', 'N02']]
    """
    raised = [(name, mask) for name, mask in masks if mask.any()]
    matrix = np.zeros((rows, len(raised)), dtype=bool)
    for column, (_, mask) in enumerate(raised):
        matrix[:, column] = mask
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(matrix, axis=1))]).astype(np.int32)
    ids = pa.array([name for name, _ in raised], type=pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets), ids.take(pa.array(np.nonzero(matrix)[1])))


def _chosen(names: Sequence[str], codes: IntArray) -> pa.Array:
    """Return names by their codes; null where a code is negative."""
    return pa.array(names, type=pa.string()).take(pa.array(codes, mask=codes < 0))


__all__ = ["PLACE", "REJECTED", "id_lists", "published", "rejected_table", "values_schema", "values_table"]
