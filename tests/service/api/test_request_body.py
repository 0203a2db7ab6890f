from __future__ import annotations

import asyncio
import json

import pytest


@pytest.mark.parametrize(
    "body",
    [
        '{"trace": TRACE, "as_of": "2026-11-20", "as_of": "2024-01-02"}',
        '{"trace": {"battery_code": "x"}, "trace": TRACE}',
        '{"trace": TRACE, "market_shift": {"copper": 1.5, "copper": 1.0}}',
        '{"trace": TRACE, "l\\u0065vel": 0.5, "level": 0.9}',
    ],
)
def test_a_field_of_the_request_given_twice_is_refused(shared_client, pack, body):
    content = body.replace("TRACE", json.dumps(pack)).encode()
    response = shared_client.post("/v1/valuations", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "unreadable-record"), response.text
    assert "given twice" in response.json()["detail"]


def test_a_number_of_any_length_beside_a_field_given_twice_is_no_fault(shared_client):
    content = b'{"trace": %s, "trace": {}}' % (b"1" * 5000)
    response = shared_client.post("/v1/valuations", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "unreadable-record")
    assert "given twice" in response.json()["detail"]


@pytest.mark.parametrize("oddity", ['"maker": "a", "maker": "b"', '"mass_kg": 1e999'])
@pytest.mark.parametrize("end", ["\n]}", "\n  ]\n}", "\n,{}]}"])
def test_a_module_in_its_own_row_is_not_valued_as_the_pack(shared_client, pack, oddity, end):
    module = f'{{"battery_code": "{pack["battery_code"]}"}}'
    trace = f'{{"battery_code": "T01PB0A0000001A680000123", {oddity}, "modules": [\n{module}{end}'
    content = f'{{"as_of": "2026-11-20", "trace": {trace}}}'.encode()
    for path in ("/v1/valuations", "/v1/checks"):
        response = shared_client.post(path, content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["code"]) == (400, "unreadable-record"), response.text


def test_in_a_batch_only_the_item_that_gives_a_field_twice_is_refused(shared_client, pack):
    trace = json.dumps(pack)
    content = f'{{"items": [{{"trace": {trace}, "level": 0.5, "level": 0.9}}, {{"trace": {trace}}}]}}'.encode()
    headers = {"content-type": "application/json"}
    answer = shared_client.post("/v1/valuations/batch", content=content, headers=headers).json()
    assert (answer["valued"], answer["refused"]) == (1, 1)
    assert "given twice" in answer["items"][0]["problem"]["detail"]


def test_a_compressed_body_is_refused_by_its_encoding(shared_client, pack):
    response = shared_client.post("/v1/valuations", json={"trace": pack}, headers={"content-encoding": "gzip"})
    assert (response.status_code, response.json()["code"]) == (415, "compressed")


def test_a_caller_who_hangs_up_is_no_fault(shared_client):
    async def hung_up():
        return {"type": "http.disconnect"}

    async def said(message):
        statuses.append(message.get("status"))

    statuses: list[object] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/valuations",
        "raw_path": b"/v1/valuations",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 50000),
    }
    asyncio.run(shared_client.app(scope, hung_up, said))
    assert statuses[0] == 400
