"""Run the main use case: value a traced pack on the command line and over HTTP.

Starts from an empty home, so the demonstration model is trained on the way. Only the standard library is used.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "data_samples" / "lfp_taxi.json"
AS_OF = "2026-11-20"
PATIENCE_S = 1500.0  # the demonstration model is trained first


def main() -> int:
    """Run the use case in an empty home folder; print the first difference or failure and return 1."""
    with tempfile.TemporaryDirectory() as home, socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        surroundings = dict(os.environ) | {"CANZHI_HOME": home}
        served = subprocess.Popen([str(ROOT / "canzhi"), "run", "--port", str(port)], env=surroundings)
        try:
            _wait_until_ready(served, f"http://127.0.0.1:{port}")
            _compare(f"http://127.0.0.1:{port}", surroundings)
        finally:
            served.send_signal(signal.SIGTERM)
            try:
                ended = served.wait(timeout=30)
            except subprocess.TimeoutExpired:
                served.kill()
                raise SystemExit("main job: the service did not stop within 30 s of being asked to") from None
    if ended not in {0, -signal.SIGTERM, 128 + signal.SIGTERM}:
        raise SystemExit(f"main job: the service ended with {ended}")
    print("main job: the terminal and the service answered with the same bytes, and the service stopped when asked")
    return 0


def _wait_until_ready(served: subprocess.Popen[bytes], address: str) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        if served.poll() is not None:
            raise SystemExit(f"main job: ./canzhi run ended with {served.returncode} before it was ready")
        try:
            _ask(address + "/readyz")
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            print(f"main job: ready after {time.monotonic() - begun:.0f} s")
            return
    raise SystemExit(f"main job: not ready after {PATIENCE_S:.0f} s")


def _compare(address: str, surroundings: dict[str, str]) -> None:
    """Compare the answers of command line, service, store and page."""
    command = [str(ROOT / "canzhi"), "value", str(PACK), "--as-of", AS_OF, "--json"]
    on_terminal = subprocess.run(command, env=surroundings, check=True, stdout=subprocess.PIPE).stdout
    body = {"trace": json.loads(PACK.read_bytes()), "as_of": AS_OF}
    over_http = _ask(address + "/v1/valuations", body)
    answer = json.loads(over_http)
    value = answer["residual_value"]
    if not value["lower"] <= value["point"] <= value["upper"]:
        raise SystemExit(f"main job: the band does not hold its value: {value}")
    if _without_id(on_terminal) != _without_id(over_http):
        raise SystemExit(f"main job: two answers for one pack:\n{on_terminal.decode()}\n{over_http.decode()}")
    kept = _ask(f"{address}/v1/valuations/{answer['valuation_id']}")
    if kept.strip() != over_http.strip():
        raise SystemExit(f"main job: the kept valuation differs:\n{kept.decode()}\n{over_http.decode()}")
    if b"<html" not in _ask(address + "/"):
        raise SystemExit("main job: the page is no page")
    print(f"main job: {PACK.name} is worth {value['point']} CNY ({value['lower']} to {value['upper']})")


def _ask(address: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def _without_id(answer: bytes) -> bytes:
    return re.sub(rb'"valuation_id": ?"[^"]*"', b'"valuation_id":""', answer).strip()


if __name__ == "__main__":
    sys.exit(main())
