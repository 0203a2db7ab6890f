"""`canzhi import` writes trace records that `canzhi value` reads, and says what it read."""

from __future__ import annotations

import json

import pytest

from service import cli

CHARGES = (
    "start_date,end_date,charge_energy_added,start_battery_level,end_battery_level,odometer,fast_charger_present\n"
    + (
        "".join(
            f"2026-03-{day:02d} 10:00:00,2026-03-{day:02d} 11:00:00,27.0,20,70,{90_000 + day},f\n"
            for day in range(1, 20)
        )
    )
)


@pytest.mark.usefixtures("home")
def test_a_log_is_imported_and_valued(tmp_path, capsys):
    log, out = tmp_path / "charges.csv", tmp_path / "record.jsonl"
    log.write_text(CHARGES, encoding="utf-8")
    plate = ["--vehicle-model", "秦EV 2019款", "--rated-energy-kwh", "60", "--chemistry", "NMC"]
    assert cli.run(["import", str(log), *plate, "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "TeslaMate" in said
    assert "odometer_km from odometer" in said
    record = json.loads(out.read_text("utf-8"))
    assert record["events"][-1]["soh"] == pytest.approx(0.9, abs=0.001)
    assert cli.run(["value", str(out), "--as-of", "2026-11-20", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evidence"]["tier"] == "T2"
    assert answer["state"]["soh"]["value"] == pytest.approx(0.88, abs=0.05)


@pytest.mark.usefixtures("home")
def test_other_files_become_canonical_records(tmp_path, capsysbinary):
    table, broken = tmp_path / "packs.csv", tmp_path / "broken.csv"
    table.write_text("电池类型,额定能量\n磷酸铁锂,50\n", encoding="utf-8")
    assert cli.run(["import", str(table)]) == 0
    assert json.loads(capsysbinary.readouterr().out)["chemistry"] == "LFP"
    broken.write_bytes(b"\x00\x01")
    assert cli.run(["import", str(broken)]) == 1
