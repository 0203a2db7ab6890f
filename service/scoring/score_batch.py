"""`score`: values a batch of packs and events for every engine; every pack is valued or rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.code_join_key import join_key
from service.scoring.job_context import JobContext
from service.scoring.output_tables import rejected_table, values_schema, values_table
from valuation.answer.fleet_values import appraise_fleet
from valuation.errors import CanzhiError
from valuation.ingest import TableTraces, read_tables
from valuation.ingest.tables.event_columns import runs_of
from valuation.ingest.tables.row_per_pack import unknown_pack
from valuation.numeric.columns import BoolArray, IntArray

UNPLACED = np.iinfo(np.int64).max
"""Position of rejected codes without a pack, after all packs."""
NO_EVENTS = pa.schema([(name, pa.string()) for name in ("battery_code", "type", "on")]).empty_table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Valued and rejected packs (see :mod:`service.scoring.output_tables`)."""

    values: pa.Table
    rejected: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packs, all their events, and each pack's place among all packs; all packs of one code are in one batch."""

    packs: pa.Table
    events: pa.Table
    places: IntArray


def score(batch: Batch, context: JobContext) -> Scored:
    """Value a batch of packs (批量评估).

    Parameters
    ----------
    batch : Batch
        Packs with all events of their codes; an event of another code has no pack.
    context : JobContext
        Quotes, model and terms.
    """
    events, strays = _drop_misplaced(batch)
    if batch.packs.num_rows == 0:
        return Scored(values=values_schema(context).empty_table(), rejected=rejected_table(strays))
    traces = read_tables(batch.packs, events)
    valued = appraise_fleet(traces.table, context.market, context.model, context.valuation_terms)
    rows = valued.rows
    codes = pa.array(traces.table.texts["battery_code"], type=pa.string())
    notes = [(name, mask[rows]) for name, mask in _note_masks(traces, context)]
    values = values_table(valued, batch.places[traces.kept[rows]], codes.take(pa.array(rows)), notes, context)
    written = {row: traces.table.texts["battery_code"][row] for row in valued.refused}
    rejected = [
        *_problems(traces, batch.places),
        *(_row(int(batch.places[traces.kept[row]]), written[row], [why]) for row, why in valued.refused.items()),
    ]
    return Scored(values=values, rejected=rejected_table([*sorted(rejected, key=_place), *strays]))


def _drop_misplaced(batch: Batch) -> tuple[pa.Table, list[Mapping[str, object]]]:
    """Return the events of the packs, and one row for each code of events without a pack."""
    if batch.events.num_rows == 0:
        return batch.events, []
    known = join_key(batch.packs)
    codes = join_key(batch.events)
    runs, lengths = runs_of(pa.chunked_array([codes]))
    of_runs = pc.and_(pc.is_in(runs, value_set=known.drop_null()), pc.not_equal(pc.fill_null(runs, ""), ""))
    if pc.all(of_runs).as_py():
        return batch.events, []
    ours = pa.array(np.repeat(of_runs.to_numpy(zero_copy_only=False), lengths))
    counted = pc.value_counts(codes.filter(pc.invert(ours)))
    rows = []
    for one in sorted(counted.to_pylist(), key=lambda one: one["values"] or ""):
        error = unknown_pack("", one["values"]).error
        rows.append(_row(UNPLACED, one["values"], [error], f" ({one['counts']} event(s))"))
    return batch.events.filter(ours), rows


def _note_masks(traces: TableTraces, context: JobContext) -> Iterator[tuple[str, BoolArray]]:
    """Yield the ids of notes with their packs, without notes on events after the day."""
    masks: dict[str, BoolArray] = {}
    for caution in traces.column_notes:
        masks[caution.id] = np.ones(traces.table.rows, dtype=bool)
    day = context.valuation_terms.as_of
    for row, notes in traces.notes.items():
        for note in notes:
            if (note.known_from or day) <= day:
                mask = masks.setdefault(note.caution.id, np.zeros(traces.table.rows, dtype=bool))
                mask[row] = True
    yield from sorted(masks.items())


def _problems(traces: TableTraces, places: IntArray) -> Iterator[Mapping[str, object]]:
    """Yield the packs that were rejected when they were read, all reasons of a pack in one row."""
    by_row: dict[int, list[CanzhiError]] = {}
    codes: dict[int, str | None] = {}
    for problem in traces.problems:
        if problem.row is None:
            yield _row(UNPLACED, problem.battery_code, [problem.error])
        else:
            by_row.setdefault(problem.row, []).append(problem.error)
            codes[problem.row] = problem.battery_code
    for row, errors in by_row.items():
        yield _row(int(places[row]), codes[row], errors)


def _row(place: int, code: str | None, errors: list[CanzhiError], more: str = "") -> Mapping[str, object]:
    """Return the row of a rejected pack; each reason and each hint once."""
    reasons = dict.fromkeys(error.message for error in errors)
    hints = dict.fromkeys(error.hint for error in errors)
    return {"place": place, "battery_code": code, "reason": "; ".join(reasons) + more, "hint": "; ".join(hints)}


def _place(row: Mapping[str, object]) -> tuple[int, str]:
    return int(str(row["place"])), str(row["reason"])
