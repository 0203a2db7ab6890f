"""A promotion takes effect in a running service: without restart, without a lost answer, never with a broken model."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models import ResidualValueRegressor, registry
from models.promotions import Decision
from service.settings import Settings
from valuation import features

VERSIONS = ("one", "two", "three")
AS_OF = "2026-11-20"


def decided(why="a test"):
    return Decision(who="a test", why=why, at="2026-01-05T00:00:00+00:00")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A home folder with three versions of a small model, none of them champion."""
    import pandas as pd  # noqa: PLC0415 - only to give the columns their names

    chance = np.random.default_rng(5)
    matrix = chance.uniform(0.0, 1.0, (300, len(features.NAMES)))
    for column in features.CATEGORICAL:
        place = column if isinstance(column, int) else features.NAMES.index(column)
        matrix[:, place] = chance.integers(0, 4, 300)
    base = chance.uniform(-10.0, 120.0, 300)
    estimator = ResidualValueRegressor(categorical=features.CATEGORICAL, trees=10, random_state=0, n_jobs=1)
    estimator.fit(
        pd.DataFrame(matrix, columns=list(features.NAMES)), base * 1.1, base=base, groups=["LFP/T2"] * len(base)
    )
    home = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_mirror_alias", lambda *_: None)  # the copy for MLflow is another test's matter
        for version in VERSIONS:
            said = registry.Publication(
                name="small", created_on="2026-01-05", trained_through="2026-01-01", version=version
            )
            registry.publish(estimator.fitted_, said, home)
    return home


@pytest.fixture
def small_home(published, home, monkeypatch):
    monkeypatch.setattr(registry, "_mirror_alias", lambda *_: None)
    shutil.copytree(published, home)
    return home


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
