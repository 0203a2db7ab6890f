"""A promotion takes effect in a running service without restart, lost answers or a broken model."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from models.artifact import registry
from models.artifact.promotion_log import Decision
from service import cli
from service.server.start import open_checked_service
from service.settings import Settings
from valuation.errors import BundleTampered

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
        refresher = client.app.state.refresher
        for _ in range(100):
            if refresher.service.model is not None:
                break
            time.sleep(0.05)
        assert refresher.service.model.version == "two"


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
        client.app.state.refresher._retry_at = 0.0
        assert answering(client) == "two"
        assert client.get("/readyz").json()["model_problem"] == ""


def test_a_broken_log_leaves_the_champion_in_service(small_home, open_client):
    registry.promote("small@one", decided(), small_home)
    log = small_home / "models" / "promotions.jsonl"
    with open_client(Settings(home=small_home)) as client:
        log.write_text(log.read_text("utf-8").replace("a test", "nobody"), "utf-8")
        assert answering(client) == "one"
        assert "promotions is broken" in client.get("/readyz").json()["model_problem"]


def wait_until(client, says):
    """Wait for a readiness answer with given fields, and return it."""
    for _ in range(600):
        ready = client.get("/readyz")
        if ready.status_code == 200 and says(ready.json()):
            return ready.json()
        time.sleep(0.05)
    return pytest.fail(str(ready.json()))


def test_an_undecodable_byte_in_the_log_leaves_watcher_and_champion_in_service(small_home, open_client):
    registry.promote("small@one", decided(), small_home)
    registry.promote("small@two", decided(), small_home)
    log = small_home / "models" / "promotions.jsonl"
    whole = log.read_bytes()
    with capture_logs() as logged, open_client(Settings(home=small_home)) as client:
        looking = client.app.state.refresher
        log.write_bytes(whole.replace(b"a test", b"a \xff test"))
        time.sleep(0.1)
        deadline = time.monotonic() + 30
        while not looking.problem and time.monotonic() < deadline:
            time.sleep(0.05)  # nobody asks: the watcher itself must find it, and go on
        assert "promotions is broken at entry 1" in looking.problem
        assert answering(client) == "two"
        assert "promotions is broken at entry 1" in client.get("/readyz").json()["model_problem"]
        assert "champion not usable" in [entry["event"] for entry in logged]
        log.write_bytes(whole)
        wait_until(client, lambda ready: ready["model_problem"] == "")
        registry.promote("small@three", decided(), small_home)
        deadline = time.monotonic() + 30
        while looking.service.model.version != "three" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert looking.service.model.version == "three", "the watcher is at work"


def test_polling_continues_after_any_failure(small_home, open_client, monkeypatch):
    registry.promote("small@one", decided(), small_home)
    with capture_logs() as logged, open_client(Settings(home=small_home)) as client:
        with monkeypatch.context() as patch:

            def fail(service):
                if service.settings.home == small_home:  # clients of other tests poll too
                    raise RuntimeError("no look today")
                return False

            patch.setattr("service.api.model_refresh._has_news", fail)
            ready = wait_until(client, lambda ready: ready["watch_problem"] != "")
            assert ready["watch_problem"] == "RuntimeError: no look today"
            time.sleep(2.5)
            found = [entry for entry in logged if entry["event"] == "watch failed"]
            assert [entry["problem"] for entry in found] == ["RuntimeError: no look today"], "said once"
        wait_until(client, lambda ready: ready["watch_problem"] == "")


def test_a_champion_that_fails_in_an_unforeseen_way_leaves_the_one_before(small_home, open_client, monkeypatch):
    registry.promote("small@one", decided(), small_home)
    with open_client(Settings(home=small_home)) as client:

        def fail(*_):
            raise MemoryError("too large")

        monkeypatch.setattr("service.api.model_refresh._find", fail)
        registry.promote("small@two", decided(), small_home)
        assert answering(client) == "one"
        assert client.get("/readyz").json()["model_problem"] == "MemoryError: too large"


def swap(models):
    for before, after in (("one", "aside"), ("two", "one"), ("aside", "two")):
        (models / before).rename(models / after)


def test_versions_swapped_on_disk_are_never_served_under_each_others_name(small_home, open_client, pack):
    registry.promote("small@one", decided(), small_home)
    with open_client(Settings(home=small_home)) as client:
        before = client.get("/v1/model").json()["digest"]
        swap(small_home / "models" / "small")
        log = small_home / "models" / "promotions.jsonl"
        log.touch()
        answer = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF})
        assert answer.json()["model"]["digest"] == before, "the old model goes on"
        problem = client.get("/readyz").json()["model_problem"]
        assert problem == "the folder of small@one holds the signed files of small@two"
        swap(small_home / "models" / "small")
        client.app.state.refresher._retry_at = 0.0
        assert answering(client) == "one"
        assert client.get("/readyz").json()["model_problem"] == ""


@pytest.mark.parametrize("model", ["champion", "small", "small@one"])
def test_service_command_line_and_fleets_refuse_swapped_versions_at_the_start(
    small_home, model, tmp_path, pack, capsys
):
    registry.promote("small@one", decided(), small_home)
    swap(small_home / "models" / "small")
    with pytest.raises(BundleTampered, match="holds the signed files of small@two"):
        open_checked_service(Settings(home=small_home, model=model, port=0))
    record = tmp_path / "pack.json"
    record.write_text(json.dumps(pack), "utf-8")
    table = tmp_path / "packs.csv"
    table.write_text("battery_code,chemistry,rated_energy_kwh\n001PB0A0000001A680000123,LFP,52.5\n", "utf-8")
    events = tmp_path / "events.csv"
    events.write_text("battery_code,type,on\n001PB0A0000001A680000123,usage,2024-03-31\n", "utf-8")
    for command in (["value", str(record)], ["score", str(table), str(events), str(tmp_path / "values.parquet")]):
        assert cli.run([*command, "--model", model]) == 1
        assert "the folder of small@one holds the signed files of small@two" in capsys.readouterr().err


def test_a_named_version_is_not_replaced_by_a_promotion(small_home, open_client):
    with open_client(Settings(home=small_home, model="small@three")) as client:
        registry.promote("small@one", decided(), small_home)
        assert answering(client) == "three"


def _ask(port, body):
    """Return the times of request and answer of a valuation, and the model version."""
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
        refresher = client.app.state.refresher
        monkeypatch.setattr(
            "service.api.model_refresh.log_stamp", lambda folder: looks.append(folder) or refresher._stamp
        )

        async def together():
            before = len(looks)
            assert not any(refresher.outdated() for _ in range(3))
            shared = len(looks) - before
            await asyncio.sleep(0)
            refresher.outdated()
            return shared, len(looks) - before

        assert client.portal.call(together) == (1, 2)
