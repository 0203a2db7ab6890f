"""State of the server processes (进程状态), as the supervisor sends it to each of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersState:
    """Number of server processes, how many are not serving, and the reasons ("" if none).

    ``starting`` is true until every process has served once, for a limited time after the start of the service.
    """

    workers: int = 1
    missing: int = 0
    problem: str = ""
    starting: bool = False


_current = [WorkersState()]


def workers_state() -> WorkersState:
    """Return the state last sent by the supervisor; the default for a single process."""
    return _current[0]


def keep_state(state: WorkersState) -> None:
    """Keep the state that the supervisor sends."""
    _current[0] = state
