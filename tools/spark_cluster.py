"""A standalone Spark cluster on this machine, with a master and single-processor workers; it ends with the process.

`python -m tools.spark_cluster` starts one and prints its address, until it is interrupted.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SETTINGS = """
spark.ui.enabled                false
spark.shuffle.io.retryWait      1s
spark.sql.shuffle.partitions    4
"""
"""Settings for a cluster on one machine: no web pages, and no waiting for lost workers."""


@dataclass(frozen=True)
class Cluster:
    """Address of the master, worker processes, and the environment variables of a client."""

    master: str
    workers: list[subprocess.Popen[bytes]]
    environment: dict[str, str]


@contextmanager
def started(folder: Path, workers: int = 2, memory: str = "1500m") -> Iterator[Cluster]:
    """Start a cluster with logs in a folder; stop it on exit."""
    import pyspark  # noqa: PLC0415 - the extra spark

    home = Path(pyspark.__file__).parent
    settings = folder / "conf"
    settings.mkdir(parents=True)
    (settings / "spark-defaults.conf").write_text(SETTINGS + f"spark.executor.memory {_less(memory)}\n", "utf-8")
    environment = os.environ | {
        "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"), "SPARK_NO_DAEMONIZE": "1", "SPARK_CONF_DIR": str(settings),
    }  # fmt: skip
    port = _free_port()
    url = f"spark://127.0.0.1:{port}"
    master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port)]
    worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", memory]
    named = [("master", [*master, "--webui-port", str(_free_port())])]
    named += [(f"worker-{place}", [*worker, "--webui-port", str(_free_port()), url]) for place in range(workers)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for place, (name, command) in enumerate(named):
            with (folder / f"{name}.log").open("wb") as log:
                begun = [str(home / "bin" / "spark-class"), *command]
                processes.append(
                    subprocess.Popen(begun, stdout=log, stderr=log, env=environment, start_new_session=True)
                )
            if place == 0:  # the workers then start in parallel
                _wait_for(folder / "master.log", "I have been elected leader")
        for name, _ in named[1:]:
            _wait_for(folder / f"{name}.log", "Successfully registered")
        yield Cluster(master=url, workers=processes[1:], environment=environment)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def _less(memory: str) -> str:
    """Return the heap size of an executor, which leaves memory for Python.

    >>> _less("1500m")
    '900m'
    """
    return f"{int(memory.removesuffix('m')) * 6 // 10}m"


def _wait_for(log: Path, words: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while words not in log.read_text("utf-8", errors="replace"):
        if time.monotonic() > deadline:
            raise TimeoutError(log.read_text("utf-8", errors="replace")[-3000:])
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, started(Path(name)) as cluster:
        sys.stdout.write(f"{cluster.master}\nSPARK_CONF_DIR={cluster.environment['SPARK_CONF_DIR']}\n")
        sys.stdout.flush()
        signal.pause()
