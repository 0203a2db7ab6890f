"""Several server processes: one that is killed or cannot start is restarted while the others serve."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import uvicorn

from service.api.endpoints import health
from service.server import start, supervisor
from service.server.process import CANNOT_START
from service.server.supervisor import Supervisor
from service.workers_state import WorkersState, workers_state

GOLDEN = Path(__file__).parents[2] / "golden" / "bundle"
PATIENCE_S = 60.0


def readiness(port):
    """Return status and body of /readyz; None if the connection fails."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())
    except OSError:
        return None


def wait_for(found, what):
    """Poll a function, and return its first true result."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    return pytest.fail(f"not within {PATIENCE_S} s: {what}")


def is_complete(port):
    found = readiness(port)
    return found and found[0] == 200 and found[1]["workers_missing"] == 0


def missing_one(port):
    found = readiness(port)
    return found[1] if found and found[1].get("workers_missing") == 1 else None


def worker_ids(parent):
    """Return the process ids of the server processes, without the helper of multiprocessing."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def kill_one(parent):
    killed = worker_ids(parent)[0]
    os.kill(killed, signal.SIGKILL)
    return killed


@pytest.mark.slow
def test_a_killed_process_comes_back(home, start_server):
    with start_server(home, "--workers", "2") as server:
        wait_for(lambda: is_complete(server.port), "both serve")
        assert readiness(server.port)[1]["workers"] == 2
        killed = kill_one(server.process.pid)
        wait_for(lambda: len(set(worker_ids(server.process.pid)) - {killed}) == 2, "another one is started")
        wait_for(lambda: is_complete(server.port), "it serves")
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0


@pytest.mark.slow
def test_a_process_that_cannot_start_is_missing_with_its_reason_until_it_can(home, start_server, monkeypatch, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(GOLDEN, bundle)
    monkeypatch.setenv("CANZHI_MODEL", str(bundle))
    with start_server(home, "--workers", "2") as server:
        wait_for(lambda: is_complete(server.port), "both serve")
        bundle.rename(tmp_path / "away")
        kill_one(server.process.pid)
        told = wait_for(
            lambda: (found := missing_one(server.port)) and "bundle" in found["workers_problem"] and found,
            "the reason is named",
        )
        assert (told["status"], told["workers"]) == ("ready", 2)
        assert server.process.poll() is None
        (tmp_path / "away").rename(bundle)
        wait_for(lambda: is_complete(server.port), "it comes back")
        assert readiness(server.port)[1]["workers_problem"] == ""


@pytest.mark.slow
def test_the_service_survives_a_database_outage(home, start_server, monkeypatch, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("CANZHI_DATABASE_URL", f"sqlite:///{folder / 'canzhi.sqlite'}")
    with start_server(home, "--workers", "2") as server:
        wait_for(lambda: is_complete(server.port), "both serve")
        folder.rename(tmp_path / "away")
        log = home.parent / f"log-{server.port}.txt"
        kill_one(server.process.pid)
        wait_for(lambda: log.read_text("utf-8").count("server process cannot start") >= 2, "it is tried again")
        assert (found := readiness(server.port)) is not None
        assert found[0] == 503
        assert server.process.poll() is None, "the others stay"
        (tmp_path / "away").rename(folder)
        wait_for(lambda: is_complete(server.port), "all are back")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0


FAILING = """
import sys, uvicorn
from service.server import supervisor
supervisor.FIRST_RESTART_DELAY_S, supervisor.MAX_FIRST_FAILURES = 0.01, 2
config = uvicorn.Config("{app}", factory=True, port=0, workers=2, log_level="warning")
running = supervisor.Supervisor(config, [config.bind_socket()])
running.run()
print(running.gave_up)
sys.exit(1 if running.gave_up else 0)
"""


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ("service.server.process:create_worker_app", "has gone away"),  # nobody has made a store; it says so itself
        ("service.server.process:no_such_thing", "a server process ended with 3"),
    ],
)
def test_the_service_ends_if_no_process_ever_starts(home, app, reason):
    done = subprocess.run(
        [sys.executable, "-c", FAILING.format(app=app)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S * 2,
    )
    assert done.returncode == 1, done.stderr
    assert reason in done.stdout


def test_the_command_ends_with_the_reason_if_no_process_can_start(home, monkeypatch):
    class GivenUp:
        gave_up = "the store cannot be used"
        run = staticmethod(lambda: None)

    monkeypatch.setattr(start, "Supervisor", lambda *_: GivenUp)
    with pytest.raises(start.CanzhiError, match="no server process can start: the store cannot be used"):
        start._run_several(uvicorn.Config("service.server.process:create_worker_app", port=0))


class Stand:
    """A stub process that lives, serves and ends as the test requires."""

    def __init__(self, config, sockets, state, failures=0):
        self.failures, self.state, self.alive, self.serving_since, self.problem = failures, state, True, None, "broken"
        self.pid, self.ending = id(self), "broken"
        Stand.made.append(self)

    def start(self):
        pass

    kill = join = terminate = start

    def check(self, state):
        self.state = state
        return self.alive


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test advances."""
    now = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def two(monkeypatch, clock):
    """A supervisor of two stub processes."""
    Stand.made = []
    monkeypatch.setattr(supervisor, "Worker", Stand)
    monkeypatch.setattr(supervisor.signal, "signal", lambda *_: None)
    running = Supervisor(uvicorn.Config("x:y", workers=2), [])
    running.init_processes()
    return running


def test_every_failure_doubles_the_pause_up_to_its_bound(two, clock):
    healthy, failing = Stand.made
    healthy.serving_since = clock[0]
    pauses = []
    for _ in range(10):
        failing.alive = False
        two.keep_subprocess_alive()
        assert (two._state().missing, two._state().problem) == (1, "broken")
        (pause,) = two._pending_restarts
        pauses.append(pause.due - clock[0])
        clock[0] = pause.due
        two.keep_subprocess_alive()
        failing = Stand.made[-1]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == pauses[-1] == supervisor.MAX_RESTART_DELAY_S
    assert healthy.state.missing == 1, "the healthy one knows"
    assert not two.should_exit.is_set()


def test_a_stable_process_is_restarted_at_once_and_a_failing_one_later(two, clock):
    first, second = Stand.made
    first.serving_since = second.serving_since = clock[0]
    clock[0] += supervisor.STABLE_AFTER_S
    first.alive = False
    two.keep_subprocess_alive()
    third = Stand.made[2]
    assert (third.failures, two._pending_restarts) == (0, [])
    third.serving_since, third.alive = clock[0], False
    two.keep_subprocess_alive()
    assert two._pending_restarts[0].due > clock[0]


def test_a_service_that_answered_once_never_gives_up(two, clock):
    for one in Stand.made:
        one.serving_since = clock[0]
    two.keep_subprocess_alive()
    for _ in range(4 * supervisor.MAX_FIRST_FAILURES):
        for one in Stand.made:
            one.alive = False
        clock[0] += supervisor.MAX_RESTART_DELAY_S
        two.keep_subprocess_alive()
    assert not two.should_exit.is_set()
    assert two.gave_up == ""


def test_the_service_is_starting_until_every_process_has_served_once(two, clock):
    first, second = Stand.made
    first.serving_since = clock[0]
    two.keep_subprocess_alive()
    assert two._state() == WorkersState(workers=2, missing=1, problem="starting", starting=True)
    second.serving_since = clock[0]
    two.keep_subprocess_alive()
    assert two._state() == WorkersState(workers=2)
    second.alive = False
    two.keep_subprocess_alive()
    assert two._state() == WorkersState(workers=2, missing=1, problem="broken"), "ready, with one process missing"


def test_the_service_is_ready_after_a_minute_with_the_processes_it_has(two, clock):
    Stand.made[0].serving_since = clock[0]
    clock[0] += supervisor.MAX_STARTING_S - 1
    two.keep_subprocess_alive()
    assert two._state().starting
    clock[0] += 1
    two.keep_subprocess_alive()
    assert not two._state().starting


def test_readiness_is_refused_while_processes_start(shared_client, monkeypatch):
    monkeypatch.setattr(health, "workers_state", lambda: WorkersState(workers=4, missing=3, starting=True))
    answer = shared_client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (answer.json()["code"], answer.json()["detail"]) == (
        "starting",
        "3 of 4 server processes are still starting",
    )
    assert shared_client.get("/healthz").status_code == 200


def test_a_service_with_one_process_is_complete(shared_client):
    assert workers_state() == WorkersState(workers=1, missing=0, problem="")
    told = shared_client.get("/readyz").json()
    assert (told["workers"], told["workers_missing"], told["workers_problem"]) == (1, 0, "")


def test_the_exit_code_of_a_failed_start_is_uvicorns():
    assert uvicorn.config.STARTUP_FAILURE == CANNOT_START
