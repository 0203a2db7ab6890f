"""A promotion takes effect in a running service: without restart, without a lost answer, never with a broken model."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from models import registry
from models.promotions import Decision
from service.settings import Settings

VERSIONS = ("one", "two", "three")
AS_OF = "2026-11-20"


def decided(why="a test"):
    return Decision(who="a test", why=why, at="2026-01-05T00:00:00+00:00")


def answering(client):
    return client.get("/v1/model").json()["version"]


def test_the_next_request_is_answered_by_the_new_champion(small_home, open_client, pack):
    with open_client(Settings(home=small_home)) as client:
        assert client.get("/v1/model").json()["structural"]
        for version in (*VERSIONS, "one"):
            registry.promote(f"small@{version}", decided(), small_home)
            answer = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF}).json()
            assert answer["model"]["version"] == version
        registry.rollback(decided(), small_home)
        assert answering(client) == "three"


def test_a_quiet_server_changes_its_model_too(small_home, open_client):
    with open_client(Settings(home=small_home)) as client:
        registry.promote("small@two", decided(), small_home)
        watch = client.app.state.watch
        for _ in range(100):
            if watch.counter.model is not None:
                break
            time.sleep(0.05)
        assert watch.counter.model.version == "two"


def test_a_broken_champion_leaves_the_one_before_in_service(small_home, open_client, pack):
    registry.promote("small@one", decided(), small_home)
    with open_client(Settings(home=small_home)) as client:
        registry.promote("small@two", decided(), small_home)
        arrays = small_home / "models" / "small" / "two" / "arrays.npz"
        whole = arrays.read_bytes()
        arrays.write_bytes(whole[:-1])
        answer = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF})
        assert (answer.status_code, answer.json()["model"]["version"]) == (200, "one")
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert "arrays.npz" in ready.json()["model_problem"]
        assert "canzhi_champion_usable 0.0" in client.get("/metrics").text
        arrays.write_bytes(whole)
        client.app.state.watch._retry_at = 0.0
        assert answering(client) == "two"
        assert client.get("/readyz").json()["model_problem"] == ""


def test_a_broken_log_leaves_the_champion_in_service(small_home, open_client):
    registry.promote("small@one", decided(), small_home)
    log = small_home / "models" / "promotions.jsonl"
    with open_client(Settings(home=small_home)) as client:
        log.write_text(log.read_text("utf-8").replace("a test", "nobody"), "utf-8")
        assert answering(client) == "one"
        assert "promotions is broken" in client.get("/readyz").json()["model_problem"]


def test_a_named_version_is_not_replaced_by_a_promotion(small_home, open_client):
    with open_client(Settings(home=small_home, model="small@three")) as client:
        registry.promote("small@one", decided(), small_home)
        assert answering(client) == "three"


def _ask(port, body):
    """Return when a valuation was asked for and answered, and by which version."""
    asked = time.monotonic()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/valuations", data=body, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - our own server
        assert response.status == 200
        answer = json.loads(response.read())
    return asked, time.monotonic(), answer["model"]["version"]


@pytest.mark.slow
def test_promotions_under_load_lose_no_request_and_every_answer_names_a_champion_of_its_moment(
    small_home, start_server, pack
):
    """A thousand requests over two server processes while models are promoted and rolled back."""
    registry.promote("small@one", decided(), small_home)
    body = json.dumps({"trace": pack, "as_of": AS_OF, "explain": False}).encode()
    reigns = [("one", float("-inf"), float("-inf"))]  # who, and between which moments the reign began
    done = threading.Event()

    def change():
        turn = 0
        while not done.is_set():
            turn += 1
            begun = time.monotonic()
            if turn % 4 == 0:
                now = registry.rollback(decided("back"), small_home).after.partition("@")[2]
            else:
                now = VERSIONS[turn % 3]
                registry.promote(f"small@{now}", decided("forth"), small_home)
            reigns.append((now, begun, time.monotonic()))
            time.sleep(0.15)

    with start_server(small_home, "--workers", "2") as server:
        changing = threading.Thread(target=change)
        changing.start()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: _ask(server.port, body), range(1000)))
        done.set()
        changing.join()
    assert len(answers) == 1000
    assert len(reigns) > 10
    assert {version for _, _, version in answers} == set(VERSIONS)
    ends = [late for _, _, late in reigns[1:]] + [float("inf")]
    for asked, answered, version in answers:
        assert any(
            who == version and begun <= answered and end >= asked
            for (who, begun, _), end in zip(reigns, ends, strict=True)
        ), (asked, answered, version)


def test_requests_that_the_loop_finds_together_share_one_look(small_home, open_client, monkeypatch):
    looks = []
    with open_client(Settings(home=small_home)) as client:
        watch = client.app.state.watch
        monkeypatch.setattr("service.watch.log_stamp", lambda folder: looks.append(folder) or watch._stamp)

        async def together():
            before = len(looks)
            assert not any(watch.outdated() for _ in range(3))
            shared = len(looks) - before
            await asyncio.sleep(0)
            watch.outdated()
            return shared, len(looks) - before

        assert client.portal.call(together) == (1, 2)
