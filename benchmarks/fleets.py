"""Create synthetic fleets of any size for measurements from a simulated market.

The simulator writes about twelve events per pack. More usage reports are interpolated between those of a pack. The
packs are then repeated with other serial numbers and with readings changed by up to two per cent per pack, so that the
files compress no better than real ones. Both tables are in order of the battery codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write

ROW_GROUP = 131_072
_READINGS = (
    "odometer_km", "full_cycles", "energy_throughput_kwh", "charge_throughput_ah", "fast_charge_share",
    "mean_temperature_c", "hours_above_45c", "hours_below_0c", "mean_soc", "mean_depth_of_discharge", "soh",
    "resistance_growth", "cell_spread_mv",
)  # fmt: skip
_PACKS_AT_ONCE = 4096


@dataclass(frozen=True)
class Seed:
    """Packs of a simulated market with their events; those of a pack are the rows `first` to `last`."""

    packs: pa.Table
    events: pa.Table
    first: np.ndarray
    last: np.ndarray


def seed_of(folder: Path, packs: int, events_a_pack: float, seed: int = 7) -> Seed:
    """Return a simulated market with the given mean number of events per pack, created on first use."""
    if not (folder / "events.parquet").exists():
        write(simulate(SimulationPlan(packs=packs, seed=seed)), folder)
    table, events = pq.read_table(folder / "packs.parquet"), pq.read_table(folder / "events.parquet")
    row = _rows(table, events)
    between = (events_a_pack * table.num_rows - events.num_rows) / max(1, _pairs(events, row).sum())
    if between > 0:
        events = _with_more_usage(events, row, between)
        row = _rows(table, events)
    edges = np.searchsorted(row, np.arange(table.num_rows + 1))
    return Seed(packs=table, events=events, first=edges[:-1], last=edges[1:])


def write_fleet(seed: Seed, folder: Path, packs: int, *, group: int = ROW_GROUP) -> tuple[Path, Path, int]:
    """Write a fleet in order of the codes; return both files and the number of events."""
    folder.mkdir(parents=True, exist_ok=True)
    source, codes = _codes(seed, packs)
    paths = folder / f"packs-{packs}.parquet", folder / f"events-{packs}.parquet"
    rng = np.random.default_rng(packs)
    options = {"compression": "zstd", "compression_level": 3, "version": "2.6"}
    held, events = [], 0
    with (
        pq.ParquetWriter(paths[0], seed.packs.schema, **options) as for_packs,
        pq.ParquetWriter(paths[1], seed.events.schema, **options) as for_events,
    ):
        for start in range(0, packs, _PACKS_AT_ONCE):
            rows = source[start : start + _PACKS_AT_ONCE]
            names = pa.array(codes[start : start + _PACKS_AT_ONCE])
            held.append(seed.packs.take(pa.array(rows)).set_column(0, "battery_code", names))
            counts = seed.last[rows] - seed.first[rows]
            owner = np.repeat(np.arange(len(rows)), counts)
            place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
            table = seed.events.take(pa.array(np.repeat(seed.first[rows], counts) + place))
            table = table.set_column(0, "battery_code", names.take(pa.array(owner)))
            for_events.write_table(_moved(table, owner, rng), row_group_size=group)
            events += len(owner)
            if len(held) * _PACKS_AT_ONCE >= ROW_GROUP:
                for_packs.write_table(pa.concat_tables(held), row_group_size=ROW_GROUP)
                held = []
        if held:
            for_packs.write_table(pa.concat_tables(held), row_group_size=ROW_GROUP)
    return *paths, events


def write_mixed(events: Path, target: Path, *, group: int = ROW_GROUP) -> None:
    """Write the events of a fleet in random order."""
    table = pq.read_table(events)
    order = np.random.default_rng(table.num_rows).permutation(table.num_rows)
    options = {"compression": "zstd", "compression_level": 3, "version": "2.6"}
    with pq.ParquetWriter(target, table.schema, **options) as writer:
        for start in range(0, table.num_rows, group):
            writer.write_table(table.take(pa.array(order[start : start + group])), row_group_size=group)


def _moved(events: pa.Table, owner: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Return events with the readings of each pack scaled by one random factor per column."""
    for name in _READINGS:
        column = events.column(name)
        factor = 1.0 - 0.02 * rng.random(int(owner[-1]) + 1)[owner] if len(owner) else np.zeros(0)
        values = np.round(column.to_numpy() * factor, 3)
        moved = pa.array(values, mask=np.isnan(values))
        events = events.set_column(events.column_names.index(name), name, moved)
    return events


def _codes(seed: Seed, packs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seed pack and the new code of each pack in order of code; copies differ in the serial number."""
    count = seed.packs.num_rows
    source = np.arange(packs) % count
    own = np.array([code[:-7] for code in seed.packs["battery_code"].to_pylist()])
    serial = np.char.zfill(np.arange(packs).astype(str), 7)
    codes = np.char.add(own[source], serial)
    order = np.argsort(codes)
    return source[order], codes[order]


def _rows(packs: pa.Table, events: pa.Table) -> np.ndarray:
    places = {code: place for place, code in enumerate(packs["battery_code"].to_pylist())}
    encoded = events["battery_code"].combine_chunks().dictionary_encode()
    known = np.array([places[code] for code in encoded.dictionary.to_pylist()])
    return known[encoded.indices.to_numpy()]


def _pairs(events: pa.Table, row: np.ndarray) -> np.ndarray:
    """Return a mask of the usage reports that are followed by another of the same pack."""
    usage = np.array([one == "usage" for one in events["type"].to_pylist()])
    pair = np.zeros(len(row), dtype=bool)
    places = np.flatnonzero(usage)
    pair[places[:-1]] = row[places[:-1]] == row[places[1:]]
    return pair


def _with_more_usage(events: pa.Table, row: np.ndarray, between: float) -> pa.Table:
    """Return the events with the given mean number of interpolated usage reports between two of one pack."""
    pair = _pairs(events, row)
    usage = np.flatnonzero(np.array([one == "usage" for one in events["type"].to_pylist()]))
    following = dict(zip(usage[:-1].tolist(), usage[1:].tolist(), strict=True))
    places = np.flatnonzero(pair)
    later = np.array([following[place] for place in places.tolist()])
    counts = np.floor(between * np.arange(1, len(places) + 1)).astype(int)
    counts = np.diff(np.concatenate([[0], counts]))
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (step + 1.0) / np.repeat(counts + 1.0, counts)
    one, other = np.repeat(places, counts), np.repeat(later, counts)
    added = events.take(pa.array(one))
    for name in ("on", "reported_on"):
        days = events[name].cast(pa.int32()).to_numpy()
        between_days = (days[one] + (days[other] - days[one]) * share).astype(np.int32)
        added = added.set_column(events.column_names.index(name), name, pa.array(between_days).cast(pa.date32()))
    for name in _READINGS:
        values = events[name].to_numpy()
        line = np.round(values[one] + (values[other] - values[one]) * share, 3)
        added = added.set_column(events.column_names.index(name), name, pa.array(line, mask=np.isnan(line)))
    both = pa.concat_tables([events, added])
    day = both["on"].cast(pa.int32()).to_numpy()
    order = np.lexsort((day, np.concatenate([row, row[one]])))
    return both.take(pa.array(order)).combine_chunks()
