"""Several server processes on one socket (多进程服务), restarted with increasing delays.

uvicorn's own supervisor ends the service if one process cannot start. Here the others continue, and each health check
sends them how many processes are missing and why. The service is not ready before all processes have served once, or
:data:`MAX_STARTING_S` have passed. It ends only if no process ever started.
"""

from __future__ import annotations

import gc
import math
import signal
import threading
import time
from dataclasses import dataclass
from socket import socket

from uvicorn import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from service.telemetry import log
from service.workers_state import WorkersState, keep_state

FIRST_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.5, 30.0
"""First and longest delay of a restart; it doubles with each failure. [s]"""
STABLE_AFTER_S = 30.0
"""Running time after which a process is restarted without a delay. [s]"""
START_TIMEOUT_S = 120.0
"""Time limit for the start of a process. [s]"""
MAX_STARTING_S = 60.0
"""Time after the start of the service from which it is ready although some processes have never served. [s]"""
MAX_FIRST_FAILURES = 5
"""Failed starts per process after which a service that never answered ends."""


class Worker(Process):
    """One server process, with its state as known to the supervisor."""

    def __init__(self, config: Config, sockets: list[socket], state: WorkersState, failures: int = 0) -> None:
        super().__init__(config, sockets)
        self.failures = failures
        self.problem = ""
        self.serving_since: float | None = None
        self._state = state
        self._asked_at: float | None = None

    def check(self, state: WorkersState) -> bool:
        """Exchange messages without blocking; return False if the process has ended or hangs."""
        alive = self.process.is_alive()
        self._receive()
        if not alive:
            return False
        now = time.monotonic()
        if self._asked_at is None:
            self.parent_conn.send(state)
            self._asked_at = now
        timeout_s = START_TIMEOUT_S if self.serving_since is None else self.config.timeout_worker_healthcheck
        return now - self._asked_at < timeout_s

    def _receive(self) -> None:
        try:
            while self.parent_conn.poll():
                message = self.parent_conn.recv()
                if isinstance(message, str):
                    self.problem = message
                    continue
                self._asked_at = None
                if message and self.serving_since is None:
                    self.serving_since = time.monotonic()
        except (OSError, EOFError):
            return  # it has ended; the next check notices it

    @property
    def ending(self) -> str:
        """Why the process ended: its reported problem, else its exit code."""
        code = self.exitcode
        if self.problem:
            return self.problem
        if code is None:
            return "a server process did not answer"
        return f"a server process ended {f'by {signal.Signals(-code).name}' if code < 0 else f'with {code}'}"

    def pong(self) -> None:
        """Receive the supervisor's state and report whether this process serves. Runs in the process."""
        keep_state(self.child_conn.recv())
        self.send(self.server.started)

    def target(self, sockets: list[socket] | None = None) -> None:
        """Serve. Runs in the process."""
        gc.disable()  # until the application is created, see `tune_garbage_collector`
        _process_state.worker = self
        keep_state(self._state)
        super().target(sockets)

    def send(self, message: object) -> None:
        """Send a message to the supervisor. Runs in the process."""
        with _process_state.sending:
            self.child_conn.send(message)


class _ProcessState:
    """State of this process as one of several server processes."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.sending = threading.Lock()


_process_state = _ProcessState()


def report_problem(problem: str) -> None:
    """Report to the supervisor, if any, why this process cannot start."""
    if _process_state.worker is not None:
        _process_state.worker.send(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PendingRestart:
    """A process that waits for its restart."""

    failures: int
    problem: str
    due: float


class Supervisor(Multiprocess):
    """Keeps the server processes running; ``gave_up`` is the reason if none ever started."""

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.gave_up = ""
        self._workers: list[Worker] = []
        self._pending_restarts: list[_PendingRestart] = []
        self._ever_served = False
        self._starting_until = time.monotonic() + MAX_STARTING_S

    def init_processes(self) -> None:
        """Start all processes."""
        for _ in range(self.processes_num):
            self._workers.append(self._start())

    def keep_subprocess_alive(self) -> None:
        """Check every process, and restart those that have ended and whose delay is over."""
        if self.should_exit.is_set():
            return
        state = self._state()
        for worker in tuple(self._workers):
            if not worker.check(state):
                self._workers.remove(worker)
                self._pending_restarts.append(self._plan_restart(worker))
            self._ever_served = self._ever_served or worker.serving_since is not None
        if (
            not self._ever_served
            and not self._workers
            and min(p.failures for p in self._pending_restarts) >= MAX_FIRST_FAILURES
        ):
            self.gave_up = self._state().problem
            self.should_exit.set()
            return
        for restart in tuple(self._pending_restarts):
            if time.monotonic() >= restart.due:
                self._pending_restarts.remove(restart)
                self._workers.append(self._start(restart.failures))

    def terminate_all(self) -> None:
        """Send a termination signal to every process."""
        for worker in self._workers:
            worker.terminate()

    def join_all(self) -> None:
        """Wait until every process has ended."""
        for worker in self._workers:
            worker.join()

    def restart_all(self) -> None:
        """Replace the processes one by one, each after its successor serves."""
        for place, old in enumerate(self._workers):
            fresh = self._start()
            while fresh.serving_since is None:
                if self.should_exit.is_set() or not fresh.check(self._state()):
                    log().error("restart given up", problem=self._end_process(fresh), kept=old.pid)
                    return
                time.sleep(0.1)
            self._workers[place] = fresh
            old.terminate()
            old.join()

    def handle_ttin(self) -> None:
        """Add a process."""
        self.processes_num += 1
        self._workers.append(self._start())

    def handle_ttou(self) -> None:
        """Remove a process, but never the last."""
        if self.processes_num > 1 and self._workers:
            self.processes_num -= 1
            worker = self._workers.pop()
            worker.terminate()
            worker.join()

    def _start(self, failures: int = 0) -> Worker:
        worker = Worker(self.config, self.sockets, self._state(), failures)
        worker.start()
        return worker

    def _plan_restart(self, worker: Worker) -> _PendingRestart:
        """Return the planned restart of a process that has ended or hangs."""
        problem, since, now = self._end_process(worker), worker.serving_since, time.monotonic()
        failures = 0 if since is not None and now - since >= STABLE_AFTER_S else worker.failures + 1
        delay_s = min(FIRST_RESTART_DELAY_S * 2 ** (failures - 1), MAX_RESTART_DELAY_S) if failures else 0.0
        log().error("server process ended", pid=worker.pid, problem=problem, restart_in_s=delay_s)
        return _PendingRestart(failures=failures, problem=problem, due=now + delay_s)

    def _end_process(self, worker: Worker) -> str:
        """Kill a process and return why it ended."""
        problem = worker.ending
        worker.kill()
        worker.join()
        return problem

    def _state(self) -> WorkersState:
        absent = [worker for worker in self._workers if worker.serving_since is None]
        problems = [*(restart.problem for restart in self._pending_restarts), *("starting" for _ in absent)]
        missing = max(0, self.processes_num - (len(self._workers) - len(absent)))
        if not missing:
            self._starting_until = -math.inf
        return WorkersState(
            workers=self.processes_num,
            missing=missing,
            problem="; ".join(dict.fromkeys(problems)),
            starting=time.monotonic() < self._starting_until,
        )
