import json
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from training.commands.simulate import simulate as simulate_command
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.records import record_tables as tables
from training.simulation.sample_packs import write_samples
from training.simulation.write_files import FILES, write
from valuation.market.instruments import vat_rate_on

SMALL = SimulationPlan(packs=600, seed=21)
SAMPLES = Path(__file__).parents[3] / "data_samples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("market")
    write(simulate(SMALL), out)
    return out


def test_the_same_plan_gives_the_same_bytes_and_another_seed_does_not(folder, tmp_path):
    write(simulate(SMALL), tmp_path / "again")
    write(simulate(SimulationPlan(packs=600, seed=22)), tmp_path / "other")
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
        assert (folder / name).read_bytes() != (tmp_path / "other" / name).read_bytes(), name


def test_ledger_and_truth_have_matching_rows(folder):
    sales, truth = (pq.read_table(folder / f"{name}.parquet") for name in ("sales", "truth"))
    assert sales.column_names == [
        "sale_id", "battery_code", "sold_on", "price_cny", "vat_included", "region", "buyer_kind", "seller_kind",
        "lot_id", "route", "lot_price_cny",
    ]  # fmt: skip
    assert truth.column_names[:7] == [
        "sale_id", "expected_price_cny", "lower90_cny", "upper90_cny", "true_soh", "tampered", "route",
    ]  # fmt: skip
    assert sales["sale_id"].equals(truth["sale_id"])
    assert sales["route"].equals(truth["route"])
    assert set(sales["route"].to_pylist()) <= {"recycling", "second_life", "reuse"}
    sold_day = sales["sold_on"].cast(pa.int32()).to_numpy().astype(float)
    net = pc.if_else(
        sales["vat_included"], pc.divide(sales["price_cny"], 1.0 + vat_rate_on(sold_day)), sales["price_cny"]
    )
    assert pc.max(pc.abs(pc.subtract(net, truth["price_without_vat_cny"]))).as_py() < 0.011
    assert sales.schema.field("sold_on").type == pa.date32()


def test_packs_and_events_join_and_are_ordered(folder):
    packs, events = (pq.read_table(folder / f"{name}.parquet") for name in ("packs", "events"))
    codes = packs["battery_code"].to_pylist()
    assert codes == sorted(set(codes))
    assert set(events["battery_code"].to_pylist()) <= set(codes)
    keys = list(zip(events["battery_code"].to_pylist(), events["on"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert packs.schema.field("modules").type == pa.list_(
        pa.struct([("battery_code", pa.string()), ("soh", pa.float64())])
    )
    assert {"lithium_kg", "nickel_kg", "cobalt_kg", "manganese_kg", "copper_kg"} <= set(packs.column_names)
    assert packs["parent_code"].drop_null().length() > 0
    sound = packs.filter(pc.equal(pc.utf8_length(packs["battery_code"]), 17))
    assert sound["chemistry"].null_count == sound["rated_energy_kwh"].null_count == 0  # a legacy code tells neither


def test_fractions_are_fractions_and_nothing_is_negative(folder):
    events = pq.read_table(folder / "events.parquet")
    for name in ("soh", "fast_charge_share", "mean_soc", "mean_depth_of_discharge", "severity"):
        values = events[name].drop_null()
        assert 0.0 <= pc.min(values).as_py() <= pc.max(values).as_py() <= 1.05, name
    for name in (
        "odometer_km",
        "full_cycles",
        "energy_throughput_kwh",
        "hours_above_45c",
        "cost_cny",
        "resistance_growth",
    ):
        assert pc.min(events[name]).as_py() >= 0.0, name


def test_about_states_that_all_is_synthetic(folder):
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    assert "synthetic" in about["what"]
    assert about["plan"]["seed"] == 21
    assert (folder / "quotes.csv").read_text(encoding="utf-8").splitlines()[0] == (
        "quoted_on,instrument,price,unit,vat_included,region,source"
    )


def test_the_command_writes_a_market_and_states_that_it_is_synthetic(tmp_path):
    recorded = CliRunner().invoke(
        simulate_command,
        [str(tmp_path / "out"), "--packs", "200", "--seed", "3", "--years", "8", "--through", "2025-06-30"],
    )
    assert recorded.exit_code == 0, recorded.output
    assert "synthetic market" in recorded.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    sold_on = pq.read_table(tmp_path / "out" / "sales.parquet")["sold_on"].to_pylist()
    assert date(2017, 6, 29) <= min(sold_on) <= max(sold_on) <= date(2025, 6, 30)


def test_the_sample_files_come_from_the_simulation(tmp_path):
    write_samples(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (SAMPLES / path.name).read_bytes(), path.name
    assert (SAMPLES / "quotes.csv").stat().st_size < 1_000_000
    recycled = json.loads((SAMPLES / "recycled.json").read_text(encoding="utf-8"))
    assert recycled["events"][-1]["type"] == "recycled_done"
    laboratory = json.loads((SAMPLES / "private_nmc811_laboratory.json").read_text(encoding="utf-8"))
    assert any(event["type"] == "tested" and event["method"] == "lab" for event in laboratory["events"])
    assert "parent_code" in json.loads((SAMPLES / "second_life_product.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_hundred_thousand_packs_over_ten_years_take_less_than_a_minute(tmp_path):
    begun = time.perf_counter()
    write(simulate(SimulationPlan(packs=100_000, seed=1)), tmp_path)
    assert time.perf_counter() - begun < 60.0


def test_long_columns_of_codes_have_one_chunk():
    column = tables.text_column(np.full(1_500_000, b"T01PB0A0000001A680000123"))
    assert isinstance(column, pa.Array)
    assert column.null_count == 0
