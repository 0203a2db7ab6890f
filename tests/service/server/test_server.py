"""Real server processes: start, requests, stop, kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from service.server.start import open_checked_service
from service.settings import Settings
from service.store import ledger
from service.store.database import Database
from valuation.errors import SettingError

AS_OF = "2026-11-20"
GOLDEN = Path(__file__).parents[2] / "golden" / "bundle"


UNWANTED = (
    "rich", "jinja2", "PIL", "zxingcpp", "pyarrow", "pandas", "alembic", "lightgbm", "mlflow", "fastapi_offline",
    "service.api.openapi_document", "service.web.routes",
)  # fmt: skip
START = f"""
import asyncio, sys
from service.server.start import open_checked_service
from service.app import create_app
from service.settings import Settings
from service.telemetry import configure_log

async def answered(app, body):
    sent = []
    async def receive():
        return {{"type": "http.request", "body": body, "more_body": False}}
    async def send(message):
        sent.append(message)
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {{"type": "http", "method": "POST", "path": "/v1/valuations", "headers": headers}}
    async with app.router.lifespan_context(app):
        await app(scope | {{"client": ("127.0.0.1", 1), "query_string": b""}}, receive, send)
    return sent[0]["status"]

configure_log()
settings = Settings.from_environment()
app = create_app(settings, open_checked_service(settings))
print(asyncio.run(answered(app, sys.stdin.buffer.read())), *sorted(set({UNWANTED!r}) & set(sys.modules)))
"""


def ask(port, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | headers
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
        return answer.read()


def test_a_real_server_values_keeps_and_stops_when_asked(home, pack, start_server):
    with start_server(home) as server:
        answered = ask(server.port, "/v1/valuations", {"trace": pack, "as_of": AS_OF})
        assert ask(server.port, f"/v1/valuations/{json.loads(answered)['valuation_id']}") == answered
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(server.port, "/v1/valuations", {"trace": {}})
        assert refused.value.headers["content-type"] == "application/problem+json"
        refused.value.close()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) in {0, -signal.SIGTERM}
    assert (home / "canzhi.sqlite").exists()


def test_health_checks_accept_head_requests(home, start_server):
    with start_server(home) as server:
        for path in ("/healthz", "/readyz", "/v1/market", "/"):
            request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method="HEAD")
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
                assert (answer.status, answer.read()) == (200, b"")
                assert int(answer.headers["content-length"]) == len(ask(server.port, path))


def test_a_port_that_is_taken_is_a_sentence(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingError, match="cannot listen on") as refused:
            open_checked_service(replace(settings, port=taken.getsockname()[1]))
    assert refused.value.hint


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - it is refused
def test_listening_to_the_world_needs_keys(settings, host):
    with pytest.raises(SettingError, match="without API keys"):
        open_checked_service(replace(settings, host=host))


def test_an_address_that_is_not_ours_is_a_sentence(settings, tmp_path):
    keys = tmp_path / "keys.txt"
    keys.write_text("yard sha256:" + "0" * 64, "utf-8")
    with pytest.raises(SettingError, match="cannot listen"):
        open_checked_service(replace(settings, host="192.0.2.1", api_keys=keys))


def test_surroundings_in_which_the_service_could_answer_are_accepted(settings):
    open_checked_service(replace(settings, port=0)).database.close()


@pytest.mark.slow
def test_stored_answers_survive_a_killed_server(home, start_server):
    """Clients repeat every report under its idempotency key while the server is killed repeatedly."""
    ports, answered, over = [], set(), threading.Event()

    def client(name: int) -> None:
        number = 0
        while not over.is_set():
            sale_id = f"{name}-{number}"
            sale = {
                "sale_id": sale_id,
                "battery_code": "T01PB0A0000001A680000123",
                "sold_on": "2026-01-01",
                "price_cny": 1.0,
            }
            body = {"sales": [sale | {"vat_included": False}]}
            try:
                ask(ports[-1], "/v1/sales", body, **{"idempotency-key": sale_id})
            except (OSError, IndexError):
                time.sleep(0.02)
                continue
            answered.add(sale_id)
            number += 1

    with ThreadPoolExecutor(4) as clients:
        work = [clients.submit(client, name) for name in range(4)]
        try:
            for _ in range(4):
                with start_server(home) as server:
                    ports.append(server.port)
                    time.sleep(0.7)
                    server.process.kill()
                    server.process.wait()
        finally:
            over.set()
        for one in work:
            one.result()
    kept = _subjects(home)
    assert len(answered) > 50
    assert len(kept) == len(set(kept)), "nothing is doubled"
    assert answered <= set(kept), "nothing that was answered is lost"


def _subjects(home):
    """Return the subjects of the ledger's entries in order; the chain must be intact."""
    database = Database(f"sqlite:///{home / 'canzhi.sqlite'}")
    with database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []
        found = [row[0] for row in connection.exec_driver_sql("SELECT subject FROM ledger ORDER BY sequence")]
    database.close()
    return found


@pytest.mark.slow
def test_two_processes_serve_one_store(home, pack, start_server):
    def value(_number):
        return ask(server.port, "/v1/valuations", {"trace": pack, "as_of": AS_OF})

    with start_server(home, "--workers", "2") as server, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(value, range(80)))
    ids = {json.loads(answer)["valuation_id"] for answer in answers}
    assert len(ids) == 80
    assert set(_subjects(home)) == ids


def test_the_first_answer_needs_no_optional_imports(home, pack):
    with_store = os.environ | {"CANZHI_HOME": str(home), "CANZHI_PORT": "0", "CANZHI_MODEL": str(GOLDEN)}
    open_checked_service(
        Settings.from_environment(with_store)
    ).database.close()  # only the making of a store needs alembic
    body = json.dumps({"trace": pack, "as_of": AS_OF}).encode()
    program = [sys.executable, "-c", START]
    done = subprocess.run(program, input=body, capture_output=True, check=True, timeout=60, env=with_store)
    assert done.stdout.decode().split() == ["200"]
