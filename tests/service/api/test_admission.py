"""Every request passes the admission once before its route, and is counted in any case."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import pytest

from service.app import create_app

KEY = "a-long-random-key"


def ask(app, headers, *, method="GET", path="/v1/model", messages=()):
    """Return status, headers and body of the response to an ASGI request."""
    sent, waiting = [], list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}

    async def run():
        async with app.router.lifespan_context(app):
            await app(scope | {"headers": headers, "client": ("10.1.2.3", 50000)}, receive, send)

    asyncio.run(run())
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent[1:])


@pytest.fixture
def guarded(settings, tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"yard sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n", "utf-8")
    return create_app(replace(settings, api_keys=path, body_limit_bytes=1000))


@pytest.mark.parametrize(("keys", "status"), [((KEY, "wrong"), 200), (("wrong", KEY), 401)])
def test_of_a_header_given_twice_the_first_counts(guarded, keys, status):
    headers = [(b"host", b"canzhi.example"), *((b"authorization", f"Bearer {key}".encode()) for key in keys)]
    assert ask(guarded, headers)[0] == status


def test_a_body_without_content_length_is_limited_while_read(guarded):
    headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
    parts = [{"type": "http.request", "body": b" " * 600, "more_body": True}] * 3
    status, _, body = ask(guarded, headers, method="POST", path="/v1/valuations", messages=parts)
    assert (status, b'"code":"body-too-large"' in body) == (413, True)


def test_head_is_answered_as_get_and_counted_as_head(client):
    assert client.head("/v1/model").status_code == 200
    refused = client.put("/v1/model")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    numbers = client.get("/metrics").text
    assert 'canzhi_requests_total{method="HEAD",route="/v1/model",status="200"} 1.0' in numbers
    assert 'canzhi_requests_total{method="PUT",route="/v1/model",status="405"} 1.0' in numbers


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/sales", "GET, HEAD, POST"),
        ("/v1/valuations", "POST"),
        ("/v1/valuations/batch", "POST"),
        ("/v1/sales/a%2Fb/confirm", "POST"),
        ("/v1/market", "GET, HEAD"),
        ("/", "GET, HEAD, POST"),
    ],
)
def test_a_refused_method_is_answered_with_every_method_of_the_path(client, path, allowed):
    response = client.delete(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


def test_a_refused_request_is_counted_without_its_path(open_client, settings):
    with open_client(settings, address="192.0.2.7") as opened:
        assert opened.get("/v1/model").status_code == 403
        text = opened.app.state.telemetry.requests.labels("other", "GET", "403")
    assert text._value.get() == 1.0


def test_packs_of_a_batch_and_of_the_page_are_counted_one_by_one(client, pack):
    items = [{"trace": pack}, {"trace": pack | {"rated_energy_kwh": "x"}}, {"trace": pack}]
    client.post("/v1/valuations/batch", json={"items": items})
    client.post("/", data={"code": pack["battery_code"]}, follow_redirects=False)
    numbers = client.get("/metrics").text
    assert sum(float(line.split()[1]) for line in numbers.splitlines() if "canzhi_valuations_total{" in line) == 3.0
    assert 'canzhi_refusals_total{code="field"} 1.0' in numbers
