"""Packs in one batch get the same answers as single requests, and are stored in one transaction."""

from __future__ import annotations

import asyncio
import json
from datetime import date

import pytest

from service.api import micro_batching
from service.api.micro_batching import MicroBatcher, PendingRequest
from service.api.problems import Refusal
from service.settings import Settings
from service.store import ledger
from service.store.idempotency import make_idempotency_key
from service.valuation_service import RequestTerms, ValuationService, ValuationTask, open_valuation_service
from valuation.errors import CanzhiError, IdempotencyConflict, StoreNotReady
from valuation.ingest import read_trace

AS_OF = date(2026, 11, 20)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    opened = open_valuation_service(Settings(home=tmp_path_factory.mktemp("home")))
    yield opened
    opened.database.close()


def record(number, **changed):
    code = f"001PB0A0000001A68{number:07d}"
    return {
        "battery_code": code,
        "chemistry": "LFP",
        "rated_energy_kwh": 40.0 + number,
        "made_on": "2020-06-08",
        "events": [{"type": "usage", "on": "2024-03-31", "odometer_km": 1000 * number, "soh": 0.8}],
        **changed,
    }


def asked(service, number, **changed):
    terms = RequestTerms(**{"as_of": AS_OF, "explain": False} | changed.pop("terms", {}))
    request_key = changed.pop("request_key", None)
    traces = read_trace(record(number, **changed))
    asks = ValuationTask(traces=traces, terms=terms, model=None)
    return PendingRequest(service=service, read=lambda: asks, caller="test", request_key=request_key)


def together(requests, capacity=256):
    """Return the results of concurrent requests: answers or errors."""

    async def run():
        batcher = MicroBatcher(capacity)
        found = await asyncio.gather(*(batcher.value(one) for one in requests), return_exceptions=True)
        await batcher.close()
        return found

    return asyncio.run(run())


def without_id(kept):
    said = json.loads(kept.outcome.body)
    return {name: value for name, value in said.items() if name != "valuation_id"}


def test_each_is_answered_as_if_it_had_come_alone(service):
    requests = [asked(service, number, terms={"level": 0.8 if number % 3 else 0.9}) for number in range(40)]
    for one, kept in zip(requests, together(requests), strict=True):
        alone = service.value(one.read().traces, one.read().terms, channel="http")
        said = json.loads(alone.body)
        assert without_id(kept) == {name: value for name, value in said.items() if name != "valuation_id"}


def test_those_that_come_together_are_valued_and_kept_together(service, monkeypatch):
    valued, kept = [], []
    many, each = ValuationService.value_by, micro_batching.save_each
    monkeypatch.setattr(
        ValuationService,
        "value_by",
        lambda self, model, traces, terms, *, channel: (
            valued.append(len(traces.histories)),
            many(self, model, traces, terms, channel=channel),
        )[1],
    )
    monkeypatch.setattr(
        micro_batching,
        "save_each",
        lambda store, wanted, **market: (kept.append(len(wanted)), each(store, wanted, **market))[1],
    )
    together(
        [asked(service, number) for number in range(micro_batching.MAX_BATCH + 3)],
        capacity=2 * micro_batching.MAX_BATCH,
    )
    assert valued == [micro_batching.MAX_BATCH, 3]
    assert sum(kept) == micro_batching.MAX_BATCH + 3
    assert len(kept) <= 2


def test_an_error_stays_with_its_pack(service):
    recycled = [{"type": "recycled_done", "on": "2025-01-01"}]
    good, bad, other = together(
        [asked(service, 1), asked(service, 2, events=recycled), asked(service, 3, terms={"level": 0.2})]
    )
    assert without_id(good)["residual_value"]["point"] > 0
    assert isinstance(bad, CanzhiError)
    assert isinstance(other, CanzhiError)


def test_a_fault_stays_with_the_pack_that_brings_it_about(service, monkeypatch):
    many = ValuationService.value_by

    def trips(self, model, traces, terms, *, channel):
        if any(history.rated_energy_kwh == 45.0 for history in traces.histories):
            raise ZeroDivisionError
        return many(self, model, traces, terms, channel=channel)

    monkeypatch.setattr(ValuationService, "value_by", trips)
    found = together([asked(service, number) for number in (4, 5, 6)])
    assert [isinstance(one, ZeroDivisionError) for one in found] == [False, True, False]


def test_no_request_is_answered_before_the_batch_is_stored(service, monkeypatch):
    def full(*_, **__):
        raise StoreNotReady("file.no_record")

    monkeypatch.setattr(micro_batching, "save_each", full)
    found = together([asked(service, 1), asked(service, 2)])
    assert all(isinstance(one, StoreNotReady) for one in found)


def test_too_many_are_refused_early(service):
    found = together([asked(service, number) for number in range(6)], capacity=4)
    assert [isinstance(one, Refusal) for one in found] == [False] * 4 + [True] * 2
    assert found[-1].status == 503


def test_one_key_twice_in_one_transaction_is_one_valuation(service):
    request_key = make_idempotency_key("test", "key-1", "POST", "/v1/valuations", b"one")
    other = make_idempotency_key("test", "key-1", "POST", "/v1/valuations", b"another")
    with service.database.reading() as connection:
        before = ledger.count(connection, "valuation")
    first, again, conflict = together(
        [
            asked(service, 7, request_key=request_key),
            asked(service, 7, request_key=request_key),
            asked(service, 8, request_key=other),
        ]
    )
    assert first.outcome.body == again.outcome.body
    assert (first.outcome.replayed, again.outcome.replayed) == (False, True)
    assert isinstance(conflict, IdempotencyConflict)
    with service.database.reading() as connection:
        assert ledger.count(connection, "valuation") == before + 1


def test_the_chain_of_hashes_holds(service):
    together([asked(service, number) for number in range(20, 30)])
    with service.database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []


def test_after_a_large_batch_the_next_one_waits_for_more_requests(service, monkeypatch):
    valued = []
    many = ValuationService.value_by
    monkeypatch.setattr(
        ValuationService,
        "value_by",
        lambda self, model, traces, terms, *, channel: (
            valued.append(traces.packs),
            many(self, model, traces, terms, channel=channel),
        )[1],
    )
    monkeypatch.setattr(
        micro_batching, "BATCH_WINDOW_S", 5.0
    )  # longer than this test takes: it ends when all are there again
    number = micro_batching.BURST_MIN

    async def run():
        batcher = MicroBatcher(256)

        async def asks(which):
            for _ in range(3):
                await batcher.value(asked(service, which))

        await asyncio.wait_for(asyncio.gather(*(asks(which) for which in range(number))), 4.0)
        await batcher.close()

    asyncio.run(run())
    assert valued == [number] * 3


def test_a_single_request_after_a_large_batch_waits_briefly(service):
    async def run():
        batcher = MicroBatcher(256)
        await asyncio.gather(*(batcher.value(asked(service, which)) for which in range(micro_batching.BURST_MIN)))
        alone = await asyncio.wait_for(batcher.value(asked(service, 1)), 2.0)
        await batcher.close()
        return alone

    assert without_id(asyncio.run(run()))["residual_value"]["point"] > 0
