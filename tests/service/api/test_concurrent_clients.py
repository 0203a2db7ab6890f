"""Concurrent valid, invalid, slow and disconnecting clients: no answer is mixed up or lost, all are reproducible."""

from __future__ import annotations

import asyncio
import json
import random
import signal

import pytest

from models.artifact import registry
from models.artifact.promotion_log import Decision
from service.reproduction import open_archive, reproduce_valuation
from service.settings import Settings
from service.store import ledger, valuations

CALLERS = 64
REQUESTS = 12
AS_OF = "2026-11-20"


def decided():
    return Decision(who="a test", why="a test", at="2026-01-05T00:00:00+00:00")


def trace(number, **changed):
    return {
        "battery_code": f"001PB0A0000001A68{number:07d}",
        "chemistry": "LFP",
        "rated_energy_kwh": 40.0 + number % 50,
        "made_on": "2020-06-08",
        "events": [{"type": "usage", "on": "2024-03-31", "odometer_km": number % 999, "soh": 0.7 + number % 20 / 100}],
        **changed,
    }


def request(port, body, *heads, path="/v1/valuations"):
    content = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", "content-type: application/json"]
    return "\r\n".join([*head, f"content-length: {len(content)}", *heads, "", ""]).encode() + content


async def ask(port, told, *, part=0, until=None):
    """Send a request completely, in parts, or only its beginning; return status and body of the answer, if any."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for at in range(0, len(told[:until]), part or len(told)):
            writer.write(told[:until][at : at + (part or len(told))])
            await writer.drain()
            await asyncio.sleep(0.004 if part else 0.0)
        if until is not None:
            return None
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        return int(head.split()[1]), await asyncio.wait_for(reader.readexactly(length), 60)
    finally:
        writer.close()


async def caller(port, which, answers):
    """Send requests one after another, and record the answer to each complete one."""
    chance = random.Random(which)  # noqa: S311 - the same crowd every time
    for number in range(which * REQUESTS, (which + 1) * REQUESTS):
        asked = {"trace": trace(number), "as_of": AS_OF, "level": chance.choice([0.8, 0.9]), "explain": number % 5 == 0}
        manner = chance.randrange(8)
        wanted, heads = 200, []
        if manner == 0:
            asked["trace"]["events"].append({"type": "recycled_done", "on": "2025-01-01"})
            wanted = 422
        elif manner == 1:
            asked["trace"]["rated_energy_kwh"] = "x"
            wanted = 422
        elif manner == 2:
            asked["trace"]["unheard_of"] = number
        elif manner == 3:
            heads = [f"idempotency-key: {number}"]
        told = request(port, asked, *heads)
        if manner == 4:
            await ask(port, told, until=chance.choice([40, len(told) - 1, len(told)]))
            continue
        status, content = await ask(port, told, part=100 if manner == 5 else 0)
        assert status == wanted, content
        if status == 200:
            answers.append((asked, json.loads(content), content))
        if heads:
            assert (await ask(port, told))[1] == content


async def mischief(port, home, done):
    """Promote models and report sales while the clients are running."""
    turn = 0
    while not done.is_set():
        turn += 1
        await asyncio.to_thread(registry.promote, f"small@{('one', 'two', 'three')[turn % 3]}", decided(), home)
        code = trace(turn)["battery_code"]
        sale = {"sale_id": f"S{turn}", "battery_code": code, "sold_on": "2026-11-21", "vat_included": False}
        sales = {"sales": [sale | {"price_cny": 9000 + turn}]}
        assert (await ask(port, request(port, sales, path="/v1/sales")))[0] == 201
        await asyncio.sleep(0.3)


async def crowd(server, home):
    """Run the clients and return all answered valuations, including those in progress when the server stops."""
    answers, done = [], asyncio.Event()
    nuisance = asyncio.create_task(mischief(server.port, home, done))
    await asyncio.gather(*(caller(server.port, which, answers) for which in range(CALLERS)))
    done.set()
    await nuisance
    last = [{"trace": trace(9_000_000 + number), "as_of": AS_OF} for number in range(40)]
    under_way = [asyncio.create_task(ask(server.port, request(server.port, one))) for one in last]
    await asyncio.sleep(0.05)
    server.process.send_signal(signal.SIGTERM)
    for one, task in zip(last, under_way, strict=True):
        try:
            status, content = await task
        except (OSError, asyncio.IncompleteReadError):  # it came too late
            continue
        assert status == 200
        answers.append((one, json.loads(content), content))
    return answers


@pytest.mark.slow
def test_concurrent_clients_get_their_own_answers(small_home, start_server):
    registry.promote("small@one", decided(), small_home)
    with start_server(small_home) as server:
        answers = asyncio.run(crowd(server, small_home))
    assert len(answers) > CALLERS * REQUESTS // 2
    assert len({said["valuation_id"] for _, said, _ in answers}) == len(answers)
    assert len({said["model"]["digest"] for _, said, _ in answers}) > 1
    for asked, said, _ in answers:
        assert said["battery_code"] == asked["trace"]["battery_code"]
        assert any(one["id"] == "I01" for one in said["cautions"]) == ("unheard_of" in asked["trace"])
    database = open_archive(Settings(home=small_home))
    with database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []
        for asked, said, content in answers:
            kept = valuations.find(connection, said["valuation_id"])
            assert (kept.answer, kept.model_digest) == (content, said["model"]["digest"])
            assert json.loads(kept.record)["rated_energy_kwh"] == asked["trace"]["rated_energy_kwh"]
    for _, said, _ in answers[:: len(answers) // 60]:
        assert reproduce_valuation(database, said["valuation_id"], small_home).identical
    database.close()
