"""Home folders, clients and sample packs for the tests of the service, with the bundled synthetic quotes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from models import ResidualValueRegressor
from models.artifact import registry
from models.artifact.promotion_log import Decision
from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from valuation import features

_PACK = {
    "battery_code": "001PB0A0000001A680000123",
    "chemistry": "LFP",
    "rated_energy_kwh": 52.5,
    "made_on": "2020-06-08",
    "duty": "taxi",
    "events": [
        {"type": "installed", "on": "2020-07-01", "reporter_kind": "vehicle_maker"},
        {"type": "usage", "on": "2024-03-31", "odometer_km": 181234, "full_cycles": 912.0, "soh": 0.7},
    ],
}


def _local_client(settings: Settings, *, base_url: str = "http://127.0.0.1:8000", address: str = "127.0.0.1"):
    """Return a client on this machine; entering it opens the service."""
    return TestClient(create_app(settings), base_url=base_url, client=(address, 50000), raise_server_exceptions=False)


@pytest.fixture
def open_client():
    """A function that creates a client for given settings."""
    return _local_client


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for all channels."""
    for name in ("CANZHI_DATABASE_URL", "CANZHI_MARKET", "CANZHI_MODEL", "CANZHI_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def no_store_left_open(monkeypatch: pytest.MonkeyPatch):
    """Close every store that a test opens."""
    opened, make = [], Database.__init__

    def remember(database: Database, *args: object, **options: object) -> None:
        make(database, *args, **options)
        opened.append(database)

    monkeypatch.setattr(Database, "__init__", remember)
    yield
    assert [database.url for database in opened if not database._closed] == []


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture
def client(settings: Settings):
    with _local_client(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory):
    """A client shared by tests that have no side effects."""
    with _local_client(Settings(home=tmp_path_factory.mktemp("home"))) as opened:
        yield opened


@pytest.fixture
def pack_file(tmp_path: Path, pack) -> Path:
    path = tmp_path / "pack.json"
    path.write_text(json.dumps(pack), "utf-8")
    return path


@pytest.fixture
def pack():
    """The pack of a taxi with a short history."""
    return json.loads(json.dumps(_PACK))


@pytest.fixture
def day(set_clock):
    """The day is 2026-11-20; a function that changes it."""
    set_clock("2026-11-20")
    return set_clock


@pytest.fixture
def champion_home(small_home):
    """A home folder with a small model that is champion."""
    decided = Decision(who="a test", why="a test", at="2026-01-05T00:00:00+00:00")
    registry.promote("small@one", decided, small_home)
    return small_home


@pytest.fixture
def open_champion(champion_home):
    """A function that creates a client of a service with a champion."""
    return lambda **changed: _local_client(Settings(home=champion_home, **changed))


class SoldPacks:
    """Many similar packs, and their sales."""

    @staticmethod
    def code(number: int) -> str:
        """Return the code of one pack."""
        return f"001PB0A0000001A680{number:06d}"

    def sale(self, number: int, price_cny: float | None = -1.0, **changed) -> dict:
        """Return a sale of one pack in October, by default moderately above its band."""
        place = number % 28
        told = {"sale_id": f"S{number}", "battery_code": self.code(number), "sold_on": f"2026-10-{1 + place:02d}"}
        return (
            told
            | {"price_cny": 6850.0 - 16.0 * place if price_cny == -1.0 else price_cny, "vat_included": False}
            | changed
        )

    def know(self, client, numbers) -> None:
        """Report the histories of some packs."""
        for number in numbers:
            told = {name: _PACK[name] for name in ("chemistry", "rated_energy_kwh", "made_on", "duty")}
            events = [event | {"reported_on": event["on"]} for event in _PACK["events"]]
            answer = client.post(f"/v1/packs/{self.code(number)}/events", json={"pack": told, "events": events})
            assert answer.status_code == 201, answer.text

    def report(self, client, *sales) -> dict:
        """Report sales, refresh the model and return the answer."""
        answer = client.post("/v1/sales", json={"sales": list(sales)})
        assert answer.status_code == 201, answer.text
        self.follow(client)
        return answer.json()

    def follow(self, client) -> None:
        """Refresh the server's model without waiting for the next poll."""
        refresher = client.app.state.refresher
        refresher.replace(refresher.service.models.refreshed())

    def step(self, client, number: int, what: str, **said) -> dict:
        """Confirm or void a sale, refresh the model and return the answer."""
        answer = client.post(f"/v1/sales/S{number}/{what}", **said)
        assert answer.status_code == 200, answer.text
        self.follow(client)
        return answer.json()


@pytest.fixture
def sold():
    """Sold packs and functions that report their sales."""
    return SoldPacks()


@dataclass(frozen=True)
class Server:
    """A server process of a test, and the port it listens on."""

    process: subprocess.Popen
    port: int


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start_server():
    """A context manager that runs `canzhi serve` on a home folder."""

    @contextmanager
    def start(home: Path, *options: str, port: int | None = None):
        port = port or free_port()
        command = [sys.executable, "-c", "from service.cli import main; main()", "serve", "--port", str(port), *options]
        log = home.parent / f"log-{port}.txt"
        with log.open("ab") as errors:
            process = subprocess.Popen(command, env=os.environ | {"CANZHI_HOME": str(home)}, stderr=errors)
        try:
            _wait_until_ready(process, port, log)
            yield Server(process=process, port=port)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)

    return start


def _wait_until_ready(process: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(1200):
        assert process.poll() is None, log.read_text("utf-8")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                return
        except urllib.error.HTTPError as starting:
            starting.close()
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
    pytest.fail(log.read_text("utf-8"))


NOISE_CNY_PER_KWH = 3.0
"""Standard deviation of the prices that the small model learns from: its band is about 4 % to each side."""
SMALL_VERSIONS = ("one", "two", "three")


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    """A home folder with three versions of a small model, none of them champion."""
    chance = np.random.default_rng(5)
    matrix = chance.uniform(0.0, 1.0, (300, len(features.NAMES)))
    for column in features.CATEGORICAL:
        place = column if isinstance(column, int) else features.NAMES.index(column)
        matrix[:, place] = chance.integers(0, 4, 300)
    base = chance.uniform(-10.0, 120.0, 300)
    estimator = ResidualValueRegressor(categorical=features.CATEGORICAL, trees=10, random_state=0, n_jobs=1)
    price = base * 1.1 + chance.normal(0.0, NOISE_CNY_PER_KWH, len(base))
    estimator.fit(pd.DataFrame(matrix, columns=list(features.NAMES)), price, base=base, groups=["LFP/T2"] * len(base))
    home = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "mirror_alias", lambda *_: None)  # the copy for MLflow is another test's matter
        for version in SMALL_VERSIONS:
            said = registry.Publication(
                name="small", created_on="2026-01-05", trained_through="2026-01-01", version=version
            )
            registry.publish(estimator.fitted_, said, home)
    return home


@pytest.fixture
def small_home(small_models, home, monkeypatch):
    """A home folder with three versions of a small model, none of them champion."""
    monkeypatch.setattr(registry, "mirror_alias", lambda *_: None)
    shutil.copytree(small_models, home)
    return home
