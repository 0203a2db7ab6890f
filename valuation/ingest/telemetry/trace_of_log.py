"""Converts logs of vehicles to trace records (日志转溯源记录): monthly usage, and health estimated from charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from valuation.errors import UnreadableRecord
from valuation.ingest.decode_bytes import Document
from valuation.ingest.tables.open_table import TableSource, open_table
from valuation.ingest.telemetry.charge_windows import Held, held_energy_kwh
from valuation.ingest.telemetry.source_columns import SourceColumns, read_columns, source_of, table_of_json
from valuation.messages import Message
from valuation.numeric.columns import FloatArray
from valuation.record.fields import event_field

_BATTERY_ARCHIVE: Final = "Battery Archive"
_MOST_NAMED: Final = 12
_POSSIBLE_HEALTH: Final = (0.05, 1.2)
"""Outside, the rated capacity is not that of the battery in the log: a cell's log beside the plate of a pack. [1]"""
_FIRST_CYCLES: Final = 5
"""Cycles whose best capacity stands for the rated one where that is not known (judged, 2026). [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLog:
    """A trace record made from a log, with its sources.

    Attributes
    ----------
    record
        Trace record (contract, section 2).
    source
        Program or standard that wrote the log.
    taken
        One sentence per field: the column that it was read from.
    """

    record: Mapping[str, object]
    source: str
    taken: tuple[Message, ...]


def import_log(source: TableSource, name: str, nameplate: Mapping[str, object] | None = None) -> ImportedLog | None:
    """Return a log or export of a vehicle as a trace record; None if its format is unknown.

    Parameters
    ----------
    source
        A CSV, Excel, Parquet or JSON file, or its bytes.
    name
        Its name in messages.
    nameplate
        Fields of the pack that are known beside the log, such as `battery_code` or `rated_energy_kwh`. With the rated
        energy the charges give the state of health, without it the remaining energy.

    Raises
    ------
    UnreadableRecord
        If a known log has no row with a time, or is of several vehicles.
    """
    if isinstance(source, Document):
        rows = table_of_json(source.content) if source.content.lstrip()[:1] == b"[" else None
        if rows is not None:
            import pyarrow as pa  # noqa: PLC0415 - slow to load

            source = pa.Table.from_pylist([{key: str(value) for key, value in row.items()} for row in rows])
    opened = open_table(source, name, ())
    found = source_of(opened.table.column_names)
    if found is None:
        return None
    log = read_columns(opened, found)
    plate = dict(nameplate or {})
    if found == _BATTERY_ARCHIVE:
        return _of_cycles(log, plate)
    if "time" not in log.numbers or np.all(np.isnan(log.numbers["time"])):
        raise UnreadableRecord("file.log_without_time", name=name)
    vins = list(dict.fromkeys(one for one in log.texts.get("vin", ()) if one))
    if len(vins) > 1:
        raise UnreadableRecord("file.log_of_several_vehicles", name=name, count=len(vins), vins=vins[:3])
    return _of_vehicle(log, plate, vins)


def _of_vehicle(log: SourceColumns, plate: dict[str, object], vins: Sequence[str]) -> ImportedLog:
    """Return the record of a vehicle's log; `vins` holds its VIN if the log states it."""
    taken = _columns_taken(log)
    events = _monthly(log)
    held = held_energy_kwh(log)
    if held is not None:
        event, found = _health_event(held, plate)
        events.append(event)
        taken.append(found)
    else:
        taken.append(Message("log.no_health"))
    record = {**({"vin": vins[0]} if vins else {}), **plate, "events": events}
    unread = (
        [Message("log.unused_columns", count=len(log.unused), names=log.unused[:_MOST_NAMED])] if log.unused else []
    )
    return ImportedLog(record=record, source=log.source, taken=(*taken, *unread))


def _monthly(log: SourceColumns) -> list[dict[str, object]]:
    """Return one usage event per calendar month: last readings, mean temperature and mean state of charge."""
    time = log.numbers["time"]
    known = np.flatnonzero(~np.isnan(time))
    months = np.array([_moment(time[row]).strftime("%Y-%m") for row in known.tolist()])
    numbers = {name: column[known] for name, column in log.numbers.items()}
    if {"highest_cell_v", "lowest_cell_v"} <= numbers.keys():
        numbers["cell_spread_mv"] = 1000.0 * (numbers["highest_cell_v"] - numbers["lowest_cell_v"])
    if "odometer_km" in numbers:
        numbers["odometer_km"] = _never_back(numbers["odometer_km"])
    events: list[dict[str, object]] = []
    for month in dict.fromkeys(months.tolist()):
        here = months == month
        part = {name: column[here] for name, column in numbers.items()}
        facts: dict[str, object] = {
            "odometer_km": _last(part.get("odometer_km")),
            "energy_throughput_kwh": _last(part.get("discharged_kwh")),
            "mean_temperature_c": _mean(part.get("temperature_c")),
            "mean_soc": _mean(part.get("soc")),
            "cell_spread_mv": _median(part.get("cell_spread_mv")),
            "soh": _last(part.get("soh")),
            "fast_charge_share": _fast_share(part, log, known[here]),
        }
        possible = {name: _within(name, value) for name, value in facts.items() if value is not None}
        given = {name: value for name, value in possible.items() if value is not None}
        if given:
            source = {"soh_source": "bms"} if "soh" in given else {}
            day = _moment(float(part["time"][-1])).date().isoformat()
            events.append({"type": "usage", "on": day, **given, **source})
    return events


def _health_event(held: Held, plate: Mapping[str, object]) -> tuple[dict[str, object], Message]:
    """Return the event with the health or energy estimated from charges, and a sentence on the method."""
    day = _moment(held.last_s).date().isoformat()
    rated = plate.get("rated_energy_kwh")
    if isinstance(rated, (int, float)) and rated > 0.0:
        soh, sd = held.value / rated, held.sd / rated
        event = {"type": "usage", "on": day, "soh": round(soh, 4), "soh_source": "bms", "soh_definition": "energy"}
        found = Message("log.health", soh=soh, sd=sd, charges=held.charges, rated=rated)
        return event | {"soh_sd": round(sd, 4)}, found
    event = {"type": "tested", "on": day, "method": "bms", "remaining_energy_kwh": round(held.value, 3)}
    found = Message("log.remaining_energy", energy=held.value, sd=held.sd, charges=held.charges)
    return event | {"remaining_energy_sd_kwh": round(held.sd, 3)}, found


def _of_cycles(log: SourceColumns, plate: dict[str, object]) -> ImportedLog:
    """Return the record of a cycle table; health is the capacity of the last cycles over the rated capacity."""
    numbers = log.numbers
    capacity = numbers["discharged_ah"]
    whole = capacity > 0.0
    if not whole.any():
        raise UnreadableRecord("file.log_without_capacity", name=log.source)
    capacity, cycle = capacity[whole], numbers["cycle"][whole]
    first = float(np.max(capacity[:_FIRST_CYCLES]))
    rated = plate.get("rated_capacity_ah")
    base = float(rated) if isinstance(rated, (int, float)) and rated > 0.0 else first
    now = float(np.median(capacity[-_FIRST_CYCLES:]))
    base = base if _POSSIBLE_HEALTH[0] <= now / base <= _POSSIBLE_HEALTH[1] else first
    sd = float(np.std(capacity[-_FIRST_CYCLES:])) / base
    times = numbers.get("time", numbers.get("start"))
    moments = [] if times is None else times[~np.isnan(times)].tolist()
    day = _moment(max(moments)).date().isoformat() if moments else None
    event: dict[str, object] = {
        "type": "usage",
        "on": day,
        "full_cycles": round(float(np.sum(capacity)) / base, 1),
        "charge_throughput_ah": round(float(np.sum(capacity)), 3),
        "soh": round(now / base, 4),
        "soh_source": "lab_test",
        "soh_definition": "capacity",
        "soh_sd": round(max(sd, 0.002), 4),
    }
    identity = "log.cycle_health" if base != first else "log.cycle_health_over_first"
    health = Message(identity, soh=now / base, last=_FIRST_CYCLES, cycles=int(cycle[-1]), first=_FIRST_CYCLES)
    taken = [*_columns_taken(log), health]
    events = [{name: value for name, value in event.items() if value is not None}]
    return ImportedLog(record={**plate, "events": events if day else []}, source=log.source, taken=tuple(taken))


def _columns_taken(log: SourceColumns) -> list[Message]:
    return [Message("log.column", quantity=quantity, columns=names) for quantity, names in log.taken.items()]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _never_back(column: FloatArray) -> FloatArray:
    """Return a cumulative reading such as mileage; readings far above later ones are removed."""
    later = np.fmin.accumulate(column[::-1])[::-1]
    return np.where(column > later + 1.0, np.nan, column)


def _within(name: str, value: object) -> float | None:
    """Return a value if it is possible for its field."""
    field, number = event_field(name), float(value)  # type: ignore[arg-type]  # numbers only
    return round(number, 4) if field.low <= number <= field.high else None


def _known(column: FloatArray | None) -> FloatArray:
    return np.zeros(0) if column is None else column[~np.isnan(column)]


def _last(column: FloatArray | None) -> float | None:
    known = _known(column)
    return float(known[-1]) if len(known) else None


def _mean(column: FloatArray | None) -> float | None:
    known = _known(column)
    return float(np.mean(known)) if len(known) else None


def _median(column: FloatArray | None) -> float | None:
    known = _known(column)
    return float(np.median(known)) if len(known) else None


def _fast_share(part: Mapping[str, FloatArray], log: SourceColumns, rows: FloatArray) -> float | None:
    """Return the share of fast charging: of all charges so far if they are counted, else of the month's energy."""
    fast, slow = _last(part.get("fast_charges")), _last(part.get("slow_charges"))
    if fast is not None and slow is not None and fast + slow > 0.0:
        return fast / (fast + slow)
    if "is_fast" not in log.texts or "added_kwh" not in part:
        return None
    is_fast = np.array([log.texts["is_fast"][row].lower() in {"1", "t", "true", "yes"} for row in rows.tolist()])
    energy = np.where(np.isnan(part["added_kwh"]), 0.0, part["added_kwh"])
    total = float(np.sum(energy))
    return float(np.sum(energy[is_fast])) / total if total > 0.0 else None
