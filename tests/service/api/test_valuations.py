"""One valuation over HTTP: accepted headers, chunked bodies, metrics, internal errors."""

from __future__ import annotations

import json
import threading
from dataclasses import fields

import msgspec
import pytest

from service.answers.valuation import ValuationAnswer
from service.api import micro_batching
from service.sales.serving_models import ServingModels
from service.valuation_service import ValuationService
from valuation.errors import StoreNotReady
from valuation.result import Valuation

PATH = "/v1/valuations"


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
def test_a_head_is_admitted_or_refused_by_its_own_reason(client, pack, headers, status):
    content = json.dumps({"trace": pack, "as_of": "2026-11-20"}).encode()
    response = client.post(PATH, content=content, headers={"content-type": "application/json"} | headers)
    assert response.status_code == status


def test_a_body_in_parts_is_one_body(client, pack):
    content = json.dumps({"trace": pack, "as_of": "2026-11-20"}).encode()
    parts = iter([content[:100], content[100:]])
    response = client.post(PATH, content=parts, headers={"content-type": "application/json"})
    assert response.status_code == 200


def test_a_request_is_counted_once_with_its_best_route_or_its_problem(client, pack):
    client.post(PATH, json={"trace": pack, "as_of": "2026-11-20"})
    client.post(PATH, json={"trace": pack | {"rated_energy_kwh": "x"}})
    client.post(PATH, json={"battery_code": "never-reported"})
    numbers = client.get("/metrics").text
    for status in (200, 404, 422):
        assert f'canzhi_requests_total{{method="POST",route="/v1/valuations",status="{status}"}} 1.0' in numbers
    assert sum(float(line.split()[1]) for line in numbers.splitlines() if "canzhi_valuations_total{" in line) == 1.0
    for code in ("field", "unknown-pack"):
        assert f'canzhi_refusals_total{{code="{code}"}} 1.0' in numbers


def test_a_kept_pack_is_valued_by_its_code(client, pack):
    code = pack.pop("battery_code")
    client.post(f"/v1/packs/{code}/events", json={"pack": {"rated_energy_kwh": 52.5}, "events": pack["events"]})
    answer = client.post(PATH, json={"battery_code": code}, headers={"idempotency-key": "k"})
    assert answer.json()["state"]["full_cycles"] == 912.0
    again = client.post(PATH, json={"battery_code": code}, headers={"idempotency-key": "k"})
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")


def test_the_store_is_not_read_by_the_thread_that_serves(client, pack, monkeypatch):
    threads, read = [], ValuationService.reported_record
    monkeypatch.setattr(
        ValuationService,
        "reported_record",
        lambda self, *asked: (threads.append(threading.current_thread().name), read(self, *asked))[1],
    )
    code = pack["battery_code"]
    client.post(f"/v1/packs/{code}/events", json={"events": pack["events"]})
    assert client.post(PATH, json={"battery_code": code}).status_code == 200
    assert [name.partition("_")[0] for name in threads] == ["store"]


def test_the_model_of_another_day_is_worked_out_beside_the_thread_that_serves(client, pack, monkeypatch):
    threads, on = [], ServingModels.on
    monkeypatch.setattr(ServingModels, "in_memory", lambda *_: bool(threads))
    monkeypatch.setattr(
        ServingModels, "on", lambda self, day: (threads.append(threading.current_thread().name), on(self, day))[1]
    )
    assert client.post(PATH, json={"trace": pack, "as_of": "2026-10-01"}).status_code == 200
    assert threads[0].startswith("store")


def test_store_failures_and_internal_errors_are_reported_and_counted(client, pack, monkeypatch):
    def full(*_, **__):
        raise StoreNotReady("file.no_record")

    monkeypatch.setattr(micro_batching, "save_each", full)
    response = client.post(PATH, json={"trace": pack})
    assert (response.status_code, response.json()["hint"]) == (503, "give at least one trace record")
    assert response.headers["retry-after"] == "1"
    monkeypatch.setattr(ValuationService, "value_by", lambda *_, **__: 1 / 0)
    response = client.post(PATH, json={"trace": pack})
    assert (response.status_code, response.json()["code"]) == (500, "fault")
    numbers = client.get("/metrics").text
    for status in (500, 503):
        assert f'canzhi_requests_total{{method="POST",route="/v1/valuations",status="{status}"}} 1.0' in numbers


def test_an_answer_has_every_key_that_its_description_names_in_that_order(client, pack):
    answer = client.post(PATH, json={"trace": pack, "as_of": "2026-11-20"}).json()
    assert list(answer) == ["valuation_id", *(field.name for field in fields(Valuation))]
    assert msgspec.convert(answer, ValuationAnswer).battery_code == pack["battery_code"]
