from __future__ import annotations

import pytest

from service.store import ledger

CODE = "001PB0A0000001A680000123"
KEY = {"idempotency-key": "9b0c2f6e"}


def _entries(client) -> int:
    with client.app.state.counter.database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []
        return ledger.head(connection)[0]


def test_a_history_is_reported_read_back_and_valued(client):
    first = client.post(
        f"/v1/packs/{CODE}/events",
        json={
            "pack": {"chemistry": "LFP", "rated_energy_kwh": 52.5},
            "events": [{"type": "installed", "on": "2020-07-01"}],
        },
    )
    assert first.status_code == 201, first.text
    assert (first.json()["events_added"], first.json()["pack_updated"]) == (1, True)
    usage = {"type": "usage", "on": "2024-03-31", "soh": 0.84}
    second = client.post(f"/v1/packs/{CODE}/events", json={"events": [usage]})
    assert second.json()["ledger_head"] != first.json()["ledger_head"]
    known = client.get(f"/v1/packs/{CODE}").json()
    assert known["trace"] == {
        "battery_code": CODE,
        "chemistry": "LFP",
        "rated_energy_kwh": 52.5,
        "events": [{"type": "installed", "on": "2020-07-01"}, usage],
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
def test_a_bad_report_enters_nothing(client, report):
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
    again = client.post("/v1/sales", json={"sales": [_sale(), _sale(sale_id="S3")]}).json()
    assert (again["sales_added"], again["sales_known"]) == (1, 1)
    changed = client.post("/v1/sales", json={"sales": [_sale(sale_id="S4"), _sale(price_cny=1.0)]})
    assert changed.status_code == 422
    assert _entries(client) == 3


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
def test_a_bad_sale_enters_nothing(client, change):
    response = client.post("/v1/sales", json={"sales": [_sale(sale_id="S9"), _sale(**change)]})
    assert response.status_code == 422, response.text
    assert _entries(client) == 0


def test_a_lot_s_price_may_stand_for_its_packs(client):
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
