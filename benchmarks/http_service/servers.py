"""The measured servers: start command, address and request bodies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.http_service import echo, handwritten
from benchmarks.http_service.load import ask, free_port, serving, write_bodies
from benchmarks.http_service.packs import SAMPLES, bodies, records

ROOT = Path(__file__).resolve().parents[2]
LEAVES, TREES = 31, 300
MLFLOW_PATH = "/invocations"
SERVE = "from service.server import serve_http"
OURS_PATH = "/v1/valuations"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredServer:
    """One server with one kind of request."""

    name: str
    command: Callable[[int], Sequence[str]]
    path: str
    bodies: Path
    variables: dict[str, str] = field(default_factory=dict)
    ready: str = "/"
    connections: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Setting of a run: its folder, the model, and the number of distinct packs."""

    folder: Path
    model: Path
    packs: int = 1000

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of canzhi's service: a store in the run's folder, and the model's bundle."""
        return {
            "CANZHI_HOME": str(self.folder / "home"),
            "CANZHI_MODEL": str(self.model),
            "PYTHONPATH": str(ROOT),
        }

    def bodies(self, name: str, made: Sequence[bytes]) -> Path:
        """Return a file of request bodies, one per line."""
        return write_bodies(self.folder / f"{name}.jsonl", made)


def ours(grounds: Grounds, *, explain: bool, workers: int = 1) -> MeasuredServer:
    """Return canzhi's service."""
    program = f"{SERVE}; serve_http(port={{port}}, workers={workers})"
    return MeasuredServer(
        name="canzhi, drivers and next_best" if explain else "canzhi",
        command=lambda port: [sys.executable, "-c", program.format(port=port)],
        path=OURS_PATH,
        bodies=grounds.bodies(f"ours{int(explain)}", bodies(grounds.packs, explain=explain)),
        variables=grounds.variables,
        ready="/healthz",
    )


def other_checkout(grounds: Grounds, checkout: Path) -> MeasuredServer:
    """Return the service of another checkout of this repository, in this environment."""
    return replace(
        ours(grounds, explain=False),
        name=checkout_name(checkout),
        command=lambda port: [sys.executable, "-P", "-c", f"{SERVE}; serve_http(port={port})"],
        variables=grounds.variables | {"PYTHONPATH": str(checkout), "CANZHI_HOME": str(grounds.folder / "former")},
    )


def checkout_name(checkout: Path) -> str:
    """Return the name of the service of another checkout: its commit."""
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return f"commit {said.stdout.strip()}"


def echoes(grounds: Grounds, *, explain: bool) -> Iterator[MeasuredServer]:
    """Yield the echo, typed and raw, with the answer of canzhi's service to the first pack."""
    asked = bodies(grounds.packs, explain=explain)
    answer = grounds.folder / f"answer{int(explain)}.json"
    own = ours(grounds, explain=explain)
    with started(own) as (_, port):
        answer.write_bytes(ask(f"http://127.0.0.1:{port}{OURS_PATH}", asked[0]))
    for way in ("typed", "raw"):
        yield MeasuredServer(
            name=f"echo, {way}",
            command=_uvicorn("benchmarks.http_service.echo:create_app"),
            path=f"/{way}",
            bodies=own.bodies,
            variables={echo.ANSWER_FILE: str(answer), "PYTHONPATH": str(ROOT)},
        )


def rivals(grounds: Grounds) -> Iterator[MeasuredServer]:
    """Yield the alternatives: MLflow's server, and two hand-written services."""
    yield mlflow_server(grounds)
    boosters = grounds.folder / "boosters"
    boosters.mkdir()
    handwritten.train(boosters, TREES, LEAVES, 100)
    asked = grounds.bodies("handwritten", bodies(grounds.packs, explain=False))
    for way in ("pandas", "numpy"):
        yield MeasuredServer(
            name=f"by hand, {way}",
            command=_uvicorn("benchmarks.http_service.handwritten:create_app"),
            path=f"/{way}",
            bodies=asked,
            variables={handwritten.BOOSTERS: str(boosters), "PYTHONPATH": str(ROOT)},
        )


def mlflow_server(grounds: Grounds) -> MeasuredServer:
    """Return `mlflow models serve` of canzhi's pyfunc, with its signature."""
    import mlflow.pyfunc  # noqa: PLC0415 - 2.5 s, and only this rival needs it

    from models.artifact.pyfunc import model_parts, write_data  # noqa: PLC0415 - as above

    data = write_data(grounds.folder / "pyfunc-data", grounds.model, SAMPLES / "quotes.csv")
    saved = grounds.folder / "pyfunc"
    mlflow.pyfunc.save_model(saved, **model_parts(data))
    rows = [
        json.dumps({"dataframe_records": [{"trace": json.dumps(record, ensure_ascii=False), "as_of": "2026-11-20"}]})
        for record in records(grounds.packs)
    ]
    return MeasuredServer(
        name="mlflow models serve",
        command=lambda port: [
            *(sys.executable, "-m", "mlflow", "models", "serve", "-m", str(saved)),
            *("--env-manager", "local", "-h", "127.0.0.1", "-p", str(port), "-w", "1"),
        ],
        path=MLFLOW_PATH,
        bodies=grounds.bodies("mlflow", [row.encode() for row in rows]),
        variables={
            "PYTHONPATH": str(ROOT),
            "CANZHI_MARKET": str(SAMPLES / "quotes.csv"),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        ready="/ping",
    )


def _uvicorn(factory: str) -> Callable[[int], Sequence[str]]:
    return lambda port: [
        *(sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
    ]


@contextmanager
def started(one: MeasuredServer) -> Iterator[tuple[int, int]]:
    """Run a server, and yield its process id and port."""
    port = free_port()
    with serving(one.command(port), port, one.ready, one.variables) as pid:
        yield pid, port
