"""The default valuation day is today in China at every entry point, whatever the quotes and the time zone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from models.artifact.pyfunc import Valuer
from service import cli
from valuation.ingest import read_market

ROOT = Path(__file__).parents[2]
CODE = "001PB0A0000001A680000123"
DAY = date(2026, 12, 5)
YEAR_LATER = date(2027, 11, 20)


@pytest.fixture
def morning(set_clock):
    """One o'clock at night in China, which is the previous day in UTC."""
    set_clock(DAY, hour=1)


@pytest.mark.usefixtures("morning")
def test_every_way_of_asking_over_http_means_today(client, pack):
    day = DAY.isoformat()
    assert client.post("/v1/valuations", json={"trace": pack}).json()["as_of"] == day
    (item,) = client.post("/v1/valuations/batch", json={"items": [{"trace": pack}]}).json()["items"]
    assert item["valuation"]["as_of"] == day
    assert client.post("/v1/checks", json={"trace": pack}).json()["as_of"] == day
    assert client.get("/v1/market").json()["as_of"] == day
    client.post(f"/v1/packs/{CODE}/events", json={"events": pack["events"]})
    assert client.post("/v1/valuations", json={"battery_code": CODE}).json()["as_of"] == day


@pytest.mark.usefixtures("morning")
def test_the_page_means_today_and_names_it(client):
    assert "2026年12月5日" in client.get("/", headers={"accept-language": "zh"}).text
    shown = client.post("/", data={"code": CODE})
    assert json.loads(client.get(f"{shown.url.path}/answer.json").content)["as_of"] == DAY.isoformat()


@pytest.mark.usefixtures("morning", "home")
def test_the_command_line_means_today(tmp_path, pack_file, capsys):
    assert cli.run(["value", str(pack_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["as_of"] == DAY.isoformat()
    cli.run(["check", str(pack_file), "--json"])
    assert json.loads(capsys.readouterr().out)["as_of"] == DAY.isoformat()
    packs, events, out = (tmp_path / f"{name}.parquet" for name in ("packs", "events", "out"))
    pq.write_table(pa.table({"battery_code": [CODE]}), packs)
    life = {"battery_code": [CODE] * 2, "type": ["installed"] * 2, "on": [date(2020, 7, 1), date(2027, 1, 1)]}
    pq.write_table(pa.table(life), events)
    assert cli.run(["score", str(packs), str(events), str(out), "--processes", "1"]) == 0
    (row,) = pq.read_table(out).to_pylist()
    assert row["as_of"] == DAY
    assert "D01" in row["caution_ids"]


@pytest.mark.usefixtures("morning")
def test_a_model_in_mlflow_means_today():
    valuer = Valuer(Predictor(read_bundle(ROOT / "tests/golden/bundle")), read_market(ROOT / "data_samples/quotes.csv"))
    table = valuer.predict(pd.DataFrame({"trace": [json.dumps({"battery_code": CODE})]}))
    assert table["as_of"].tolist() == [DAY.isoformat()]


def test_quotes_that_are_a_year_old_widen_the_band_and_are_named(client, pack, set_clock):
    fresh = client.post("/v1/valuations", json={"trace": pack, "as_of": "2026-11-20"}).json()
    set_clock(YEAR_LATER)
    stale = client.post("/v1/valuations", json={"trace": pack}).json()
    assert stale["as_of"] == YEAR_LATER.isoformat()
    assert stale["market"]["oldest_quote_days"] >= 365.0
    assert "M01" in {caution["id"] for caution in stale["cautions"]}
    assert "M01" not in {caution["id"] for caution in fresh["cautions"]}
    fresh_band, stale_band = fresh["residual_value"], stale["residual_value"]
    width = (fresh_band["upper"] - fresh_band["lower"]) / fresh_band["point"]
    assert (stale_band["upper"] - stale_band["lower"]) / stale_band["point"] > width, "for each CNY of the value"


@pytest.mark.usefixtures("morning")
def test_reports_of_today_count_and_those_of_tomorrow_are_named(client):
    nameplate = {"chemistry": "LFP", "rated_energy_kwh": 52.5}
    dry = client.post("/v1/valuations", json={"trace": {"battery_code": CODE, **nameplate}}).json()
    flood = {"type": "negative", "kind": "water", "severity": 0.6}
    events = [flood | {"on": DAY.isoformat()}, flood | {"on": "2026-12-06"}]
    assert client.post(f"/v1/packs/{CODE}/events", json={"pack": nameplate, "events": events}).status_code == 201
    wet = client.post("/v1/valuations", json={"battery_code": CODE}).json()
    assert wet["residual_value"]["point"] < dry["residual_value"]["point"]
    assert (wet["not_used"]["happened_after"], wet["not_used"]["first_counts_on"]) == (1, "2026-12-06")
