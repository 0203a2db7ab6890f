"""Ranges of codes read where they lie: each pack once, with all its events, whatever the order of files and rows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.scoring.key_ranges import NotPartitionable, OutOfOrder, batches_in_range, plan_ranges, sorted_range
from service.scoring.remote_table import OutOfReach, inspect_table, joined, reached, written

PACKS = 300


def tables(seed=1):
    """Return packs and events in the order of their codes; some packs have no event, some events no pack."""
    rng = np.random.default_rng(seed)
    codes = np.array([f"T01PB0A0000001A68{number:07d}" for number in range(PACKS + 5)])
    owner = np.sort(rng.integers(0, PACKS + 5, 2000))
    packs = pa.table({"battery_code": codes[:PACKS], "maker": ["车厂 甲"] * PACKS})
    events = pa.table({"battery_code": codes[owner], "type": ["usage"] * 2000, "soh": rng.random(2000)})
    return packs, events


def placed(folder, packs, events, *, files=2, group=150):
    """Return both tables written into files, whose places have a blank in them, and looked at again."""
    folder = folder / "a fleet"
    folder.mkdir()
    found = []
    for name, table in (("packs", packs), ("events", events)):
        step = -(-table.num_rows // files)
        paths = []
        for number in reversed(range(files)):  # no order of files is relied upon
            paths.append(folder / f"{name}-{number}.parquet")
            pq.write_table(table.slice(number * step, step), paths[-1], row_group_size=group)
        found.append(joined([inspect_table(path.as_uri(), name) for path in paths]))
    return found


def read(ranges, packs, events, how=batches_in_range):
    """Return the packs and the events that all ranges together read, each pack's events beside it."""
    plates, found = [], []
    for part in ranges:
        for batch in how(part, packs, events, frozenset()):
            own = set(batch.packs["battery_code"].to_pylist())
            strays = set(batch.events["battery_code"].to_pylist()) - own
            assert all(code >= f"T01PB0A0000001A68{PACKS:07d}" for code in strays)
            plates.append(batch.packs)
            found += batch.events.select(["battery_code", "soh"]).to_pylist()
    return pa.concat_tables(plates), sorted(found, key=lambda row: (row["battery_code"], row["soh"]))


def whole(events):
    return sorted(events.select(["battery_code", "soh"]).to_pylist(), key=lambda row: (row["battery_code"], row["soh"]))


@pytest.mark.parametrize("least", [1, 3, 7])
@pytest.mark.parametrize("how", [batches_in_range, sorted_range])
def test_ranges_hold_every_row_once(tmp_path, least, how, monkeypatch):
    monkeypatch.setattr("service.scoring.key_ranges.EVENTS_AT_ONCE", 64)
    monkeypatch.setattr("service.scoring.reading.EVENTS_AT_ONCE", 64)
    packs, events = tables()
    near = placed(tmp_path, packs, events)
    ranges = plan_ranges(*near, least)
    assert len(ranges) >= min(least, 4)
    plates, found = read(ranges, *near, how)
    assert plates["battery_code"].to_pylist() == packs["battery_code"].to_pylist()
    assert found == whole(events)


def test_groups_in_themselves_may_stand_in_any_order(tmp_path):
    packs, events = tables()
    rng = np.random.default_rng(2)
    mixed = [
        table.take(pa.array(np.concatenate([at + rng.permutation(100) for at in range(0, table.num_rows, 100)])))
        for table in (packs, events)
    ]
    near = placed(tmp_path, *mixed, group=100)
    ranges = plan_ranges(*near, 3)
    with pytest.raises(OutOfOrder):
        read(ranges, *near)
    plates, found = read(ranges, *near, sorted_range)
    assert plates["battery_code"].to_pylist() == packs["battery_code"].to_pylist()
    assert found == whole(events)


def test_two_files_over_the_same_codes_are_never_broken_off_early(tmp_path):
    packs, events = tables()
    folder = tmp_path / "interleaved"
    folder.mkdir()
    halves = [events.take(pa.array(np.arange(start, 2000, 2))) for start in (0, 1)]
    paths = [folder / f"{number}.parquet" for number in range(2)]
    for path, half in zip(paths, halves, strict=True):
        pq.write_table(half, path, row_group_size=1000)
    pq.write_table(packs, folder / "packs.parquet", row_group_size=100)
    near = (
        inspect_table((folder / "packs.parquet").as_uri(), "packs"),
        joined([inspect_table(path.as_uri(), "events") for path in paths]),
    )
    ranges = plan_ranges(*near, 1)
    with pytest.raises(OutOfOrder):
        read(ranges, *near)
    assert read(ranges, *near, sorted_range)[1] == whole(events)


def test_rows_in_no_order_are_dealt_not_read_many_times(tmp_path):
    packs, events = tables()
    order = np.random.default_rng(3).permutation(events.num_rows)
    assert plan_ranges(*placed(tmp_path, packs, events.take(pa.array(order))), 4) is None


@pytest.mark.parametrize("spoiled", [None, " T01PB0A0000001A680000003", "T01PB0A0000001A680000003 "])
@pytest.mark.parametrize("where", ["packs", "events"])
def test_codes_outside_their_stated_range_are_reported(tmp_path, spoiled, where):
    both = dict(zip(("packs", "events"), tables(), strict=True))
    codes = both[where]["battery_code"].to_pylist()
    codes[3] = spoiled
    both[where] = both[where].set_column(0, "battery_code", pa.array(codes))
    near = placed(tmp_path, *both.values())
    ranges = plan_ranges(*near, 1)
    if spoiled is None:
        assert ranges is None
        return
    with pytest.raises(NotPartitionable):
        read(ranges, *near, sorted_range)


def test_what_arrow_does_not_reach_is_left_to_others(tmp_path):
    for place in ("wasb://container/packs.parquet", "ftp://host/packs.parquet", (tmp_path / "none.parquet").as_uri()):
        with pytest.raises(OutOfReach):
            inspect_table(place, "packs")
    with pytest.raises(OutOfReach):
        written(pa.table({"a": [1]}), (tmp_path / "no folder" / "a.parquet").as_uri())
    assert reached("file:/srv/a%20b")[1] == reached("file:///srv/a%20b")[1] == "/srv/a b"


def test_codes_stored_as_a_category_are_left_to_others(tmp_path):
    table = pa.table({"battery_code": pa.array(["A", "B"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "packs.parquet")
    with pytest.raises(OutOfReach):
        inspect_table((tmp_path / "packs.parquet").as_uri(), "packs")


def test_files_of_different_columns_are_no_one_table(tmp_path):
    for number, kind in enumerate((pa.int32(), pa.float64())):
        pq.write_table(pa.table({"battery_code": ["A"], "soh": pa.array([1], kind)}), tmp_path / f"{number}.parquet")
    assert joined([inspect_table((tmp_path / f"{number}.parquet").as_uri(), "events") for number in range(2)]) is None
