"""The short way answers what the long way answers, byte for byte, and takes nobody in whom the gate would not."""

from __future__ import annotations

import json

import msgspec
import pytest

from service import door
from service.answers import ValuationAnswer
from service.door import PATH
from service.valuation_service import ValuationService
from valuation.errors import StoreNotReady

LONG = {"content-encoding": "identity"}
"""A header that means nothing and is not plain."""


@pytest.fixture
def short(monkeypatch):
    """The statuses of requests that were answered on the short way."""
    taken = []
    answer = door.ShortWay._answer

    async def noted(self, read, *rest):
        taken.append(await answer(self, read, *rest))
        return taken[-1]

    monkeypatch.setattr(door.ShortWay, "_answer", noted)
    return taken


def said(response):
    """Return status, headers and body of an answer, but for its id."""
    content = json.loads(response.content)
    content.pop("valuation_id", None)
    return response.status_code, dict(response.headers), list(content), content


def bodies(pack):
    recycled = {**pack, "events": [{"type": "recycled_done", "on": "2025-01-01"}]}
    return {
        "plain": ({"trace": pack, "as_of": "2026-11-20"}, True),
        "explained": ({"trace": pack, "as_of": "2026-11-20", "level": 0.8, "region": "CN-GD"}, True),
        "scenario": ({"trace": pack, "market_shift": {"lithium_carbonate": 1.1}, "explain": False}, True),
        "chinese": ({"trace": {"电池类型": "三元", "额定能量(kWh)": 52.5}, "as_of": "2026-11-20"}, True),
        "refused": ({"trace": recycled, "as_of": "2026-11-20"}, True),
        "level": ({"trace": pack, "level": 2}, False),
        "unknown": ({"trace": pack, "levels": 0.9}, False),
        "nothing": ({}, False),
        "two": ({"trace": pack, "battery_code": pack["battery_code"]}, False),
        "wrong": ({"trace": {**pack, "rated_energy_kwh": "x"}}, False),
        "passport": ({"passport": {}}, False),
        "kept": ({"battery_code": pack["battery_code"]}, False),
    }


@pytest.mark.parametrize("name", list(bodies({"battery_code": ""})))
def test_both_ways_answer_the_same(shared_client, pack, short, name):
    body, on_short_way = bodies(pack)[name]
    first = said(shared_client.post(PATH, json=body))
    assert len(short) == on_short_way
    assert first == said(shared_client.post(PATH, json=body, headers=LONG))
    assert len(short) == on_short_way


@pytest.mark.parametrize("content", [b"", b"{", b'{"trace": {}, "trace": {}}', b"\xff", b"[]"])
def test_a_body_that_is_no_request_is_refused_the_same_on_both_ways(shared_client, short, content):
    kind = {"content-type": "application/json"}
    first = said(shared_client.post(PATH, content=content, headers=kind))
    assert first == said(shared_client.post(PATH, content=content, headers=kind | LONG))
    assert first[0] in (400, 422)
    assert not short


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"host": "elsewhere.example"}, 403),
        ({"idempotency-key": "a b"}, 400),
        ({"idempotency-key": "one"}, 200),
    ],
)
def test_heads_that_are_not_plain_meet_every_station(client, pack, headers, status):
    content = json.dumps({"trace": pack, "as_of": "2026-11-20"}).encode()
    response = client.post(PATH, content=content, headers={"content-type": "application/json"} | headers)
    assert response.status_code == status


def test_a_body_in_parts_goes_the_long_way(client, pack, short):
    content = json.dumps({"trace": pack, "as_of": "2026-11-20"}).encode()
    parts = iter([content[:100], content[100:]])
    response = client.post(PATH, content=parts, headers={"content-type": "application/json"})
    assert response.status_code == 200
    assert not short


def test_requests_are_counted_under_one_name_on_both_ways(client, pack, short):
    body = {"trace": pack, "as_of": "2026-11-20"}
    client.post(PATH, json=body)
    client.post(PATH, json=body, headers=LONG)
    assert len(short) == 1
    numbers = client.get("/metrics").text
    assert 'canzhi_requests_total{method="POST",route="/v1/valuations",status="200"} 2.0' in numbers
    assert sum(float(line.split()[1]) for line in numbers.splitlines() if "canzhi_valuations_total{" in line) == 2.0


def test_a_store_that_fails_and_a_fault_are_told_and_counted(client, pack, monkeypatch):
    def full(self, wanted):
        raise StoreNotReady("the disk is full", hint="make room")

    monkeypatch.setattr(ValuationService, "keep_each", full)
    response = client.post(PATH, json={"trace": pack})
    assert (response.status_code, response.json()["hint"]) == (503, "make room")
    assert response.headers["retry-after"] == "1"
    monkeypatch.setattr(ValuationService, "value_many", lambda *_, **__: 1 / 0)
    response = client.post(PATH, json={"trace": pack})
    assert (response.status_code, response.json()["code"]) == (500, "fault")
    numbers = client.get("/metrics").text
    for status in (500, 503):
        assert f'canzhi_requests_total{{method="POST",route="/v1/valuations",status="{status}"}} 1.0' in numbers


def test_an_answer_has_every_key_that_its_description_names_in_that_order(client, pack):
    answer = client.post(PATH, json={"trace": pack, "as_of": "2026-11-20"}).json()
    assert tuple(answer) == ValuationAnswer.__struct_fields__
    assert msgspec.convert(answer, ValuationAnswer).battery_code == pack["battery_code"]
