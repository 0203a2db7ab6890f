"""Logs of vehicles as trace records: synthetic logs with a known health, in the form of each program."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pytest

from valuation.errors import UnreadableRecord
from valuation.ingest import Document, read_trace
from valuation.ingest.telemetry.source_columns import source_of
from valuation.ingest.telemetry.trace_of_log import import_log

START = datetime(2024, 3, 1, 8)  # noqa: DTZ001 - logs have local times
RATED = 50.0


def drive_and_charge(soh, *, days=40, sign=1.0, noise=0.0):
    """Yield time, distance, voltage, current, state of charge and whether it charges."""
    draw = np.random.default_rng(3)
    time, km, soc = START, 80_000.0, 80.0
    capacity_wh = RATED * soh * 1000.0
    for _ in range(days):
        for _ in range(60):
            time, km, soc = time + timedelta(seconds=60), km + 0.5, soc - 8000.0 / 60.0 / capacity_wh * 100.0
            yield time, km, 350.0, sign * 8000.0 / 350.0 * (1.0 + noise * draw.normal()), soc, False
        time += timedelta(hours=1)
        until = 95.0 if soc < 35.0 else 0.0
        while soc < until:
            time, soc = time + timedelta(seconds=30), soc + 30_000.0 * 30.0 / 3600.0 / capacity_wh * 100.0
            yield time, km, 370.0, -sign * 30_000.0 / 370.0 * (1.0 + noise * draw.normal()), soc, True
        time += timedelta(hours=11)


def gbt_32960(soh, **how):
    lines = [
        "数据采集时间,车架号,累计里程,总电压,总电流,SOC,充电状态,最高温度值,最低温度值,电池单体电压最高值,电池单体电压最低值"
    ]
    for time, km, volt, ampere, soc, charging in drive_and_charge(soh, **how):
        state = f"{km:.1f},{volt},{ampere:.2f},{soc:.0f},{1 if charging else 3}"
        lines.append(f"{time:%Y-%m-%d %H:%M:%S},LGXC16DF4K0123456,{state},25,21,3.652,3.640")
    return "\n".join(lines).encode()


def health_of(imported):
    (event,) = [event for event in imported.record["events"] if "soh_sd" in event]
    return event


@pytest.mark.parametrize("soh", [0.95, 0.8, 0.62])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_health_of_a_log_is_found_within_its_uncertainty(soh, sign):
    imported = import_log(gbt_32960(soh, sign=sign, noise=0.02), "log.csv", {"rated_energy_kwh": RATED})
    event = health_of(imported)
    assert abs(event["soh"] - soh) < 2.0 * event["soh_sd"]
    assert 0.005 < event["soh_sd"] < 0.03
    assert (event["soh_source"], event["soh_definition"]) == ("bms", "energy")
    assert any("odometer_km from 累计里程" in sentence for sentence in imported.taken)


def test_a_log_becomes_one_event_a_month():
    imported = import_log(gbt_32960(0.8), "log.csv", {"rated_energy_kwh": RATED})
    usage = [event for event in imported.record["events"] if "odometer_km" in event]
    assert [event["on"][:7] for event in usage] == ["2024-03", "2024-04"][: len(usage)]
    assert usage[-1]["odometer_km"] > usage[0]["odometer_km"] - 1.0
    assert usage[0]["mean_temperature_c"] == pytest.approx(23.0)
    assert usage[0]["cell_spread_mv"] == pytest.approx(12.0)
    assert imported.record["vin"] == "LGXC16DF4K0123456"


def test_without_rated_energy_the_remaining_energy_is_reported():
    imported = import_log(gbt_32960(0.8), "log.csv")
    (event,) = [event for event in imported.record["events"] if event["type"] == "tested"]
    assert event["remaining_energy_kwh"] == pytest.approx(40.0, rel=0.03)
    assert any("rated energy is not known" in sentence for sentence in imported.taken)


def test_invalid_readings_are_left_out():
    content = gbt_32960(0.8).decode().splitlines()
    spoiled = [content[0], *(line.replace(",25,21,", ",255,254,") for line in content[1:])]
    imported = import_log("\n".join(spoiled).encode(), "log.csv")
    assert all("mean_temperature_c" not in event for event in imported.record["events"])


def test_teslamate_charges_give_the_health():
    lines = [
        "start_date,end_date,charge_energy_added,start_battery_level,end_battery_level,odometer,fast_charger_present"
    ]
    for day in range(1, 28):
        window = 35 + day
        lines.append(
            f"2024-01-{day:02d} 10:00:00,2024-01-{day:02d} 11:00:00,{60.0 * 0.9 * window / 100:.2f},20,{20 + window},"
            f"{10_000 + 100 * day},{'t' if day % 2 else 'f'}"
        )
    imported = import_log("\n".join(lines).encode(), "charges.csv", {"rated_energy_kwh": 60.0})
    event = health_of(imported)
    assert imported.source == "TeslaMate"
    assert abs(event["soh"] - 0.9) < 2.0 * event["soh_sd"]
    assert imported.record["events"][0]["fast_charge_share"] == pytest.approx(0.5, abs=0.1)


def test_leafspy_units_are_read():
    lines = ["Date/Time,Gids,SOC,AHr,Pack Volts,Pack Amps,CP mV Diff,Pack T1 C,Pack T2 C,VIN,Odo(km),QC,L1/L2,SOH"]
    lines += [
        f"06/{day:02d}/2019 10:00:00,200,800000,524000,360.5,20,12,21,23,X,{45_000 + day},12,36,81.5"
        for day in range(9, 20)
    ]
    (event,) = import_log("\n".join(lines).encode(), "leaf.csv").record["events"]
    assert event["on"] == "2019-06-19"
    assert (event["soh"], event["mean_soc"], event["odometer_km"]) == (0.815, 0.8, 45_019.0)
    assert (event["fast_charge_share"], event["mean_temperature_c"]) == (0.25, 22.0)


@pytest.mark.parametrize(
    "layout", ["{name}({unit})", "{name}（{unit}）", "{name}/{unit}", "{name}_{unit}", "{name} [{unit}]"]
)
def test_headings_with_units_are_read_as_those_without(layout):
    head, *lines = gbt_32960(0.8).decode().splitlines()
    units = {"累计里程": "km", "总电压": "V", "总电流": "A", "SOC": "%", "最高温度值": "℃", "最低温度值": "℃"}
    names = [layout.format(name=name, unit=units[name]) if name in units else name for name in head.split(",")]
    written = "\n".join([",".join(names), *lines]).encode()
    plate = {"rated_energy_kwh": RATED}
    assert import_log(written, "log.csv", plate).record == import_log(gbt_32960(0.8), "log.csv", plate).record


def test_miles_fahrenheit_and_milliamperes_are_converted():
    head, *lines = gbt_32960(0.8).decode().splitlines()
    place = head.split(",").index("累计里程")
    rows = [line.split(",") for line in lines]
    for row in rows:
        row[place] = f"{float(row[place]) / 1.609344:.6f}"
    written = "\n".join([head.replace("累计里程", "累计里程(mile)"), *map(",".join, rows)]).encode()
    (plain, miles) = (import_log(one, "log.csv").record["events"] for one in (gbt_32960(0.8), written))
    assert [one.get("odometer_km") for one in miles] == pytest.approx([one.get("odometer_km") for one in plain])
    hot = b"Date/Time,Gids,AHr,Pack Volts,Pack T1 F,Odo(mi)\n06/19/2019 10:00:00,200,52.4,360.5,77,1000\n"
    (event,) = import_log(hot, "leaf.csv").record["events"]
    assert (event["mean_temperature_c"], event["odometer_km"]) == (25.0, 1609.344)


def test_what_is_not_read_is_named_and_a_unit_of_another_quantity_is_not_read():
    content = b"Date/Time,Gids,AHr,Pack Volts,Odo(h),Lat\n06/19/2019 10:00:00,200,52.4,360.5,77,30\n"
    imported = import_log(content, "leaf.csv")
    assert "not used: Gids, Odo(h), Lat" in str(imported.taken[-1])
    assert all("odometer_km" not in event for event in imported.record["events"])


def test_a_log_of_several_vehicles_is_refused():
    lines = gbt_32960(0.8).decode().replace("LGXC16DF4K0123456", "LGXC16DF4K0123457", 5)
    with pytest.raises(UnreadableRecord, match="2 vehicles"):
        import_log(lines.encode(), "log.csv")


def test_a_rated_capacity_that_is_not_of_the_battery_in_the_log_is_not_used():
    lines = ["Cycle_Index,Start_Time,End_Time,Discharge_Capacity (Ah)"]
    lines += [f"{n},2020-01-01 00:00:00,2020-01-01 02:00:00,{1.1 - 0.001 * n:.4f}" for n in range(1, 101)]
    (event,) = import_log("\n".join(lines).encode(), "cycles.csv", {"rated_capacity_ah": 150.0}).record["events"]
    assert event["soh"] == pytest.approx(1.002 / 1.099, abs=0.003)


def test_evnotify_is_read_from_its_json():
    rows = [
        {"timestamp": 1_700_000_000 + 60 * i, "socDisplay": 20 + 0.5 * i, "soh": 97, "odo": 60_000,
         "dcBatteryVoltage": 360, "dcBatteryCurrent": -49.3, "cumulativeEnergyDischarged": 8000 + i}
        for i in range(140)
    ]  # fmt: skip
    document = Document(name="log.json", content=json.dumps(rows).encode())
    imported = import_log(document, "log.json", {"rated_energy_kwh": 64.0})
    event = health_of(imported)
    assert event["soh"] == pytest.approx(360 * 49.3 / 1000 / 60 / 0.005 / 64.0, rel=0.02)
    assert imported.record["events"][0]["energy_throughput_kwh"] == 8139.0


def test_battery_archive_cycles_give_health_and_throughput():
    lines = ["Cycle_Index,Start_Time,End_Time,Charge_Capacity (Ah),Discharge_Capacity (Ah)"]
    lines += [
        f"{n},2020-01-{1 + n // 10:02d} 00:00:00,2020-01-{1 + n // 10:02d} 02:00:00,1.0,{1.1 - 0.001 * n:.4f}"
        for n in range(1, 201)
    ]
    imported = import_log("\n".join(lines).encode(), "cycles.csv", {"rated_capacity_ah": 1.1, "chemistry": "NMC"})
    (event,) = imported.record["events"]
    assert event["soh"] == pytest.approx(0.902 / 1.1, abs=0.002)
    assert event["full_cycles"] == pytest.approx((1.1 - 0.1005) * 200 / 1.1, rel=0.01)
    assert event["soh_source"] == "lab_test"


def test_an_imported_record_is_a_trace_record():
    plate = {"battery_code": "001PB0A0000001A680000123", "rated_energy_kwh": RATED}
    imported = import_log(gbt_32960(0.8), "log.csv", plate)
    (history,) = read_trace(dict(imported.record)).histories
    assert history.vin == "LGXC16DF4K0123456"
    assert history.events[-1].facts["soh"] == pytest.approx(0.8, abs=0.03)


def test_another_table_is_no_log():
    assert source_of(["battery_code", "SOC"]) is None
    assert import_log(b"battery_code,chemistry\nX,LFP\n", "packs.csv") is None
    with pytest.raises(UnreadableRecord, match="no row with a time"):
        import_log("time,累计里程,总电压,总电流\n,1,2,3\n".encode(), "log.csv")
