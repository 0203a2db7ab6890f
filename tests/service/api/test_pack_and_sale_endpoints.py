from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from service.reproduction import reproduce_valuation
from service.sale_reports.reporting import SalesReport
from service.sales.sale_types import Sale
from service.store import ledger

CODE = "001PB0A0000001A680000123"
INSTALLED = {"type": "installed", "on": "2020-07-01", "reported_on": "2020-07-03"}
FIRE = {"type": "negative", "on": "2025-03-31", "kind": "fire", "severity": 1.0}
KEY = {"idempotency-key": "9b0c2f6e"}


def _entries(client) -> int:
    with client.app.state.refresher.service.database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []
        return ledger.head(connection)[0]


def test_a_history_is_reported_read_back_and_valued(client, set_clock):
    set_clock(date(2026, 11, 19))
    first = client.post(
        f"/v1/packs/{CODE}/events",
        json={
            "pack": {"chemistry": "LFP", "rated_energy_kwh": 52.5},
            "events": [INSTALLED],
        },
    )
    assert first.status_code == 201, first.text
    assert (first.json()["events_added"], first.json()["pack_updated"]) == (1, True)
    usage = {"type": "usage", "on": "2024-03-31", "reported_on": "2024-04-02", "soh": 0.84}
    second = client.post(f"/v1/packs/{CODE}/events", json={"events": [usage]})
    assert second.json()["ledger_head"] != first.json()["ledger_head"]
    known = client.get(f"/v1/packs/{CODE}").json()
    assert known["trace"] == {
        "battery_code": CODE,
        "chemistry": "LFP",
        "rated_energy_kwh": 52.5,
        "events": [one | {"recorded_on": "2026-11-19"} for one in (INSTALLED, usage)],
    }
    assert (known["reports"], known["events"]) == (3, 2)
    stored = client.post("/v1/valuations", json={"battery_code": CODE, "as_of": "2026-11-20"}).json()
    sent = client.post("/v1/valuations", json={"trace": known["trace"], "as_of": "2026-11-20"}).json()
    assert {**stored, "valuation_id": ""} == {**sent, "valuation_id": ""}
    assert _entries(client) == 5


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"events": []},
        {"events": [{"type": "nonsense", "on": "2024-01-01"}]},
        {"events": [{"type": "usage", "on": "2024-01-01", "soh": 84}]},
        {"events": [{"type": "usage", "on": "2024-01-01"}, 7]},
        {"pack": {"battery_code": "another"}},
        {"pack": {"events": []}},
        {"pack": 3},
        {"pack": {"rated_energy_kwh": -7}},
        {"surprise": 1},
    ],
    ids=str,
)
def test_an_invalid_report_records_nothing(client, report):
    response = client.post(f"/v1/packs/{CODE}/events", json=report)
    assert response.status_code == 422, response.text
    assert response.json()["hint"]
    assert _entries(client) == 0


def _sale(**changes):
    sale = {"sale_id": "S1", "battery_code": CODE, "sold_on": "2026-10-01", "price_cny": -120.5, "vat_included": True}
    return sale | changes


def test_sales_are_entered_once(client):
    first = client.post("/v1/sales", json={"sales": [_sale(), _sale(sale_id="S2")]})
    assert first.status_code == 201, first.text
    assert first.json()["sales_added"] == 2
    assert {one["unused"]["message_id"] for one in first.json()["sales"]} == {"sale.unused.no_history"}
    client.post(f"/v1/packs/{CODE}/events", json={"events": [INSTALLED]})
    again = client.post("/v1/sales", json={"sales": [_sale(), _sale(sale_id="S3")]}).json()
    assert (again["sales_added"], again["sales_known"]) == (1, 1)
    assert {one["unused"]["message_id"] for one in again["sales"]} == {"sale.unused.no_model"}
    changed = client.post("/v1/sales", json={"sales": [_sale(sale_id="S4"), _sale(price_cny=1.0)]})
    assert changed.status_code == 422
    assert _entries(client) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"price_cny": None},
        {"sold_on": "yesterday"},
        {"price_cny": "12"},
        {"vat_included": 1},
        {"sale_id": ""},
        {"x": 1},
    ],
    ids=str,
)
def test_an_invalid_sale_records_nothing(client, change):
    response = client.post("/v1/sales", json={"sales": [_sale(sale_id="S9"), _sale(**change)]})
    assert response.status_code == 422, response.text
    assert _entries(client) == 0


def test_a_lot_price_is_shared_among_its_packs(client):
    sale = _sale(price_cny=None, lot_id="L1", lot_price_cny=1e5)
    assert client.post("/v1/sales", json={"sales": [sale]}).status_code == 201


def _storing(pack):
    return [
        ("/v1/valuations", {"trace": pack, "as_of": "2026-11-20"}),
        ("/v1/valuations/batch", {"items": [{"trace": pack, "as_of": "2026-11-20"}]}),
        (f"/v1/packs/{CODE}/events", {"events": [{"type": "retired", "on": "2025-01-01"}]}),
        ("/v1/sales", {"sales": [_sale()]}),
    ]


@pytest.mark.parametrize("which", range(4))
def test_every_storing_post_is_done_once_under_its_key(client, pack, which):
    path, body = _storing(pack)[which]
    first = client.post(path, json=body, headers=KEY)
    entries = _entries(client)
    second = client.post(path, json=body, headers=KEY)
    assert first.status_code == second.status_code
    assert first.status_code in {200, 201}
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert _entries(client) == entries


@pytest.mark.parametrize("which", range(4))
def test_a_key_with_another_body_is_a_conflict(client, pack, which):
    path, body = _storing(pack)[which]
    client.post(path, json=body, headers=KEY)
    entries = _entries(client)
    other = client.post(path, json=body | {"surprise": 1} if which else {"trace": {**pack, "maker": "x"}}, headers=KEY)
    assert other.status_code == 422
    assert _entries(client) == entries


def test_a_refused_request_does_not_use_its_key_up(client, pack):
    assert client.post("/v1/valuations", json={"trace": {}}, headers=KEY).status_code in {400, 422}
    assert client.post("/v1/valuations", json={"trace": pack}, headers=KEY).status_code == 200


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(client, pack, key):
    response = client.post("/v1/valuations", json={"trace": pack}, headers={"idempotency-key": key})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency-key")


def _report(client, code, **report):
    return client.post(f"/v1/packs/{code}/events", json=report)


def _value_of(client, code):
    return client.post("/v1/valuations", json={"battery_code": code}).json()


@pytest.mark.parametrize(
    "spelled", [CODE.lower(), f" {CODE} ", f"{CODE[:12]} {CODE[12:]}", CODE.replace("P", "\uff30")]
)
def test_one_pack_has_one_history_however_its_code_is_spelled(client, spelled):
    plain = _report(client, CODE, pack={"rated_energy_kwh": 52.5}, events=[{"type": "usage", "on": "2024-03-31"}])
    fire = {"type": "negative", "on": "2025-03-31", "reported_on": "2025-04-01", "kind": "fire", "severity": 1.0}
    burned = _report(client, spelled, pack={"battery_code": spelled}, events=[fire])
    assert (plain.status_code, burned.status_code) == (201, 201), burned.text
    assert burned.json()["battery_code"] == CODE
    assert client.get(f"/v1/packs/{spelled}").json() == client.get(f"/v1/packs/{CODE}").json()
    assert client.get(f"/v1/packs/{CODE}").json()["events"] == 2
    assert _value_of(client, spelled)["input_digest"] == _value_of(client, CODE)["input_digest"]
    assert "U10" in {caution["id"] for caution in _value_of(client, CODE)["cautions"]}


@pytest.mark.parametrize("nothing", ["-", "无", "0000000", f"{CODE} {CODE[:-1]}9"])
def test_a_record_without_a_code_stores_no_history(client, nothing):
    assert _report(client, nothing, pack={"chemistry": "LFP", "rated_energy_kwh": 5.0}).status_code == 422
    assert client.get(f"/v1/packs/{nothing}").status_code == 422
    assert client.post("/v1/sales", json={"sales": [_sale(battery_code=nothing)]}).status_code == 422
    assert _entries(client) == 0


def test_a_field_may_be_spelled_otherwise_in_every_report(client):
    _report(client, CODE, pack={"额定能量": 52.5, "composition": {"lithium_kg": 4.0}})
    assert _report(client, CODE, pack={"rated_energy_kwh": 60.0}).status_code == 201
    assert client.get(f"/v1/packs/{CODE}").json()["trace"]["rated_energy_kwh"] == 60.0
    assert "residual_value" in _value_of(client, CODE)


@pytest.mark.parametrize(
    "pack",
    [
        '{"rated_energy_kwh": 5.0, "rated_energy_kwh": 50.0}',
        '{"rated_energy_kwh": 5.0, "额定能量": 50.0}',
        '{"额定能量": 5.0, "rated_energy_kwh": 50.0}',
        '{"额定能量": 5.0, "电量": 50.0}',
        '{"composition": {"lithium_kg": 1, "lithium_kg": 2}}',
        '{"电池编码": "T01PB0A0000001A680000999"}',
        '{"battery_code": "T01PB0A0000001A680000999"}',
        '{"事件": []}',
        '{"额定能量(Wh)": 5000}',
    ],
)
def test_a_contradictory_nameplate_records_nothing(client, pack):
    body = f'{{"pack": {pack}}}'.encode()
    response = client.post(f"/v1/packs/{CODE}/events", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422), response.text
    assert _entries(client) == 0


def test_no_more_events_are_taken_than_can_be_read_again(client):
    many = [{"type": "usage", "on": "2024-03-31"}] * 10_000
    assert [_report(client, CODE, events=many).status_code for _ in range(3)] == [201, 201, 422]
    assert _report(client, CODE, events=many[:1]).json()["field"] == "events"
    assert "residual_value" in _value_of(client, CODE)


@pytest.mark.parametrize("day", ["1900-01-01", "2099-01-01"])
def test_a_sale_on_an_impossible_day_is_refused(client, day):
    response = client.post("/v1/sales", json={"sales": [_sale(sold_on=day)]})
    assert (response.status_code, response.json()["field"]) == (422, "sold_on")


def test_a_sale_is_stored_under_the_code_of_its_pack(client):
    client.post("/v1/sales", json={"sales": [_sale(battery_code=CODE.lower())]})
    again = client.post("/v1/sales", json={"sales": [_sale()]}).json()
    assert (again["sales_added"], again["sales_known"]) == (0, 1)


@pytest.mark.parametrize("undated", [{}, {"reported_on": None}, {"上报日期": "-"}], ids=str)
def test_an_event_is_not_known_before_the_day_it_was_recorded(client, set_clock, undated):
    set_clock(date(2026, 10, 1))
    _report(client, CODE, pack={"chemistry": "LFP", "rated_energy_kwh": 52.5}, events=[INSTALLED])

    def value(as_of):
        return client.post("/v1/valuations", json={"battery_code": CODE, "as_of": as_of}).json()

    before = {as_of: value(as_of) for as_of in ("2026-10-01", "2026-10-31", "2026-11-01")}
    set_clock(date(2026, 11, 1), hour=1)  # still October in UTC
    assert _report(client, CODE, events=[FIRE | undated]).status_code == 201
    for as_of in ("2026-10-01", "2026-10-31"):
        answer = value(as_of)
        assert _but_late(answer) == _but_late(before[as_of])
        assert _late(answer) == (1, "2026-11-01")
        assert _late(before[as_of]) == (0, None)
    assert value("2026-11-01")["residual_value"] != before["2026-11-01"]["residual_value"]
    assert _late(value("2026-11-01")) == (0, None)
    kept = client.get(f"/v1/packs/{CODE}").json()["trace"]["events"]
    first, second = {"recorded_on": "2026-10-01"}, {"reported_on": "2026-11-01", "recorded_on": "2026-11-01"}
    assert kept == [INSTALLED | first, FIRE | second]


def test_backdated_reports_do_not_change_an_earlier_day(client, set_clock):
    set_clock(date(2026, 10, 1))
    _report(client, CODE, pack={"chemistry": "LFP", "rated_energy_kwh": 52.5}, events=[INSTALLED])
    set_clock(date(2026, 11, 2))
    dated_back = FIRE | {"reported_on": "2025-04-01", "recorded_on": "2025-04-01"}
    _report(client, CODE, pack={"rated_energy_kwh": 30.0}, events=[dated_back])
    asked = {"battery_code": CODE, "as_of": "2026-11-01"}
    answer = client.post("/v1/valuations", json=asked).json()
    assert answer["not_used"] == {
        "events_after_as_of": 1,
        "happened_after": 0,
        "reported_after": 0,
        "recorded_after": 1,
        "nameplate_counts_on": "2026-11-02",
        "first_counts_on": "2026-11-02",
    }
    (item,) = client.post("/v1/valuations/batch", json={"items": [asked]}).json()["items"]
    assert {**item["valuation"], "valuation_id": ""} == {**answer, "valuation_id": ""}
    checked = client.post("/v1/checks", json=asked).json()
    assert checked["not_used"] == answer["not_used"]
    assert {"D01", "D02"} <= {caution["id"] for caution in checked["cautions"]}
    service = client.app.state.refresher.service
    assert reproduce_valuation(service.database, answer["valuation_id"], service.settings.home).identical
    page = client.post("/", data={"code": CODE, "as_of": "2026-11-01"}, headers={"accept-language": "zh"})
    assert "1 条在其后入库" in page.text
    assert "铭牌信息于 2026-11-02 更新" in page.text
    report = client.get(f"/v1/valuations/{answer['valuation_id']}/report", headers={"accept-language": "zh"})
    assert "1 条在其后入库" in report.text
    now = client.post("/v1/valuations", json={"battery_code": CODE}).json()
    assert (now["as_of"], _late(now)) == ("2026-11-02", (0, None))
    assert now["residual_value"]["point"] < answer["residual_value"]["point"]


def test_a_pack_recorded_later_is_valued_by_its_code_alone(client, set_clock):
    set_clock(date(2026, 11, 2))
    _report(client, CODE, pack={"chemistry": "LFP", "rated_energy_kwh": 52.5}, events=[INSTALLED, FIRE])
    answer = client.post("/v1/valuations", json={"battery_code": CODE, "as_of": "2026-11-01"}).json()
    alone = client.post("/v1/valuations", json={"trace": {"battery_code": CODE}, "as_of": "2026-11-01"}).json()
    assert answer["residual_value"] == alone["residual_value"]
    assert _late(answer) == (2, "2026-11-02")


def test_an_undecodable_code_has_no_value_before_its_nameplate_was_recorded(client, set_clock):
    set_clock(date(2026, 11, 2))
    assert _report(client, "YARD-7", pack={"chemistry": "LFP", "rated_energy_kwh": 52.5}).status_code == 201
    early = client.post("/v1/valuations", json={"battery_code": "YARD-7", "as_of": "2026-11-01"})
    assert (early.status_code, early.json()["code"]) == (404, "unknown-pack")
    assert "2026-11-02" in early.json()["detail"]
    page = client.post("/", data={"code": "YARD-7", "as_of": "2026-11-01"}, headers={"accept-language": "zh"})
    assert "尚无铭牌信息（最早登记于 2026-11-02）" in page.text
    assert "residual_value" in _value_of(client, "YARD-7")


def _late(answer):
    return answer["not_used"]["events_after_as_of"], answer["not_used"]["first_counts_on"]


def _but_late(answer):
    """Return an answer without id, input digest and late reports."""
    cautions = [caution for caution in answer["cautions"] if caution["id"] not in ("D01", "D02")]
    return {**answer, "cautions": cautions, "valuation_id": "", "input_digest": "", "not_used": None}


def test_the_reported_day_is_stored_as_given(client, set_clock):
    set_clock(date(2026, 11, 1))
    usage = {"type": "usage", "on": "2024-03-31", "上报日期": "2024-04-02"}
    _report(client, CODE, events=[usage])
    assert client.get(f"/v1/packs/{CODE}").json()["trace"]["events"] == [usage | {"recorded_on": "2026-11-01"}]


def test_the_reference_names_every_field_of_a_sale():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "report-sales.md").read_text("utf-8")
    assert all(f"`{field}`" in page for field in (*Sale.__struct_fields__, *SalesReport.__struct_fields__))
