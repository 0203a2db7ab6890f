"""A pack known by its vehicle alone is valued at every entrance, the same everywhere."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service import cli
from valuation.vehicle.catalogue import install

CAR = {"vehicle_model": "秦EV", "make": "比亚迪", "model_year": 2019, "odometer_km": 90000}
DAY = "2026-11-20"


@pytest.fixture(autouse=True)
def nothing_imported():
    yield
    install(())


def ids(answer):
    return {one["id"] for one in answer["cautions"]}


@pytest.mark.usefixtures("home")
def test_http_page_and_command_line_agree(client, tmp_path, capsys):
    answer = client.post("/v1/valuations", json={"trace": CAR, "as_of": DAY}).json()
    assert answer["evidence"]["tier"] == "T0"
    assert "N05" in ids(answer)
    (item,) = client.post("/v1/valuations/batch", json={"items": [{"trace": CAR, "as_of": DAY}]}).json()["items"]
    assert item["valuation"]["residual_value"] == answer["residual_value"]
    form = {name: str(value) for name, value in CAR.items()}
    shown = client.post("/", data={**form, "as_of": DAY})
    assert json.loads(client.get(f"{shown.url.path}/answer.json").content)["residual_value"] == answer["residual_value"]
    table = tmp_path / "cars.csv"
    table.write_text("品牌,车型,年款,行驶里程\n比亚迪,秦EV,2019,90000\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.run(["value", str(table), "--as-of", DAY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["residual_value"] == answer["residual_value"]
    refused = client.post("/v1/valuations", json={"trace": {"vehicle_model": "宏光NIMI EV"}, "as_of": DAY})
    assert refused.status_code == 422
    assert "Wuling Hongguang MINIEV" in refused.text


@pytest.mark.usefixtures("home")
def test_a_fleet_is_valued_by_its_vehicles(tmp_path):
    packs, events, out = (tmp_path / f"{name}.parquet" for name in ("packs", "events", "out"))
    cars = [{"battery_code": "CAR-1", **CAR}, {"battery_code": "CAR-2", "vehicle_model": "unheard of"}]
    pq.write_table(
        pa.Table.from_pylist(
            cars,
            schema=pa.schema(
                [(name, pa.string()) for name in ("battery_code", "vehicle_model", "make")]
                + [(name, pa.float64()) for name in ("model_year", "odometer_km")]
            ),
        ),
        packs,
    )
    pq.write_table(
        pa.table(
            {
                "battery_code": pa.array([], pa.string()),
                "type": pa.array([], pa.string()),
                "on": pa.array([], pa.date32()),
            }
        ),
        events,
    )
    assert cli.run(["score", str(packs), str(events), str(out), "--as-of", DAY, "--processes", "1"]) == 0
    (row,) = pq.read_table(out).to_pylist()
    assert (row["battery_code"], row["evidence_tier"]) == ("CAR-1", "T0")
    assert "N05" in row["caution_ids"]


@pytest.mark.usefixtures("home")
def test_an_imported_catalogue_is_used_by_every_entrance(tmp_path, capsys):
    file = tmp_path / "catalogue.csv"
    file.write_text("make,model,year,kWh gross,chemistry\nAcme,Road Runner,2022,77,LFP\n", encoding="utf-8")
    assert cli.run(["catalogue", "import", str(file)]) == 1
    file.write_text("make,model,year,gross kWh,chemistry\nAcme,Road Runner,2022,77,LFP\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.run(["catalogue", "import", str(file)]) == 0
    assert "from column gross kWh" in capsys.readouterr().out
    install(())
    record = tmp_path / "car.json"
    record.write_text(json.dumps({"vehicle_model": "Acme Road Runner 2022"}), encoding="utf-8")
    assert cli.run(["value", str(record), "--as-of", DAY, "--json"]) == 0
    cautions = {one["id"]: one["message_en"] for one in json.loads(capsys.readouterr().out)["cautions"]}
    assert "Acme Road Runner" in cautions["N05"]


def test_a_running_service_uses_a_catalogue_imported_meanwhile(home, client, tmp_path):
    asked = {"trace": {"vehicle_model": "Acme Road Runner 2022"}, "as_of": DAY}
    assert client.post("/v1/valuations", json=asked).status_code == 422
    file = tmp_path / "catalogue.csv"
    file.write_text("make,model,year,gross kWh,chemistry\nAcme,Road Runner,2022,77,LFP\n", encoding="utf-8")
    assert cli.run(["catalogue", "import", str(file)]) == 0
    for _ in range(100):
        answer = client.post("/v1/valuations", json=asked)
        if answer.status_code == 200:
            break
        time.sleep(0.1)
    assert "Acme Road Runner" in answer.text
