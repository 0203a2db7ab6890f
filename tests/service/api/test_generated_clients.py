"""Clients generated from the OpenAPI document have typed requests and answers, and can call the service."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
PYTHON_PROGRAM = """
import sys
from datetime import date

from canzhi_client import AuthenticatedClient
from canzhi_client.api.valuations import create_valuation
from canzhi_client.models import Chemistry, EventType, Problem, TraceEvent, TraceRecord, ValuationAnswer
from canzhi_client.models import ValuationRequest
from canzhi_client.models.route_value_route import RouteValueRoute

used = TraceEvent(type_=EventType.USAGE, on=date(2024, 3, 31), odometer_km=181234.0, soh=0.84)
record = TraceRecord(
    battery_code="001PB0A0000001A680000123", chemistry=Chemistry.LFP, rated_energy_kwh=52.5, made_on=date(2020, 6, 8),
    events=[used],
)
request = ValuationRequest(trace=record, as_of=date(2026, 11, 20), level=0.8)
with AuthenticatedClient(base_url=sys.argv[1], token="a key, where keys are set up") as client:
    answer = create_valuation.sync(client=client, body=request)
    assert isinstance(answer, ValuationAnswer), answer
    point: float = answer.residual_value.point
    assert answer.residual_value.lower <= point <= answer.residual_value.upper
    assert {one.route for one in answer.routes} == set(RouteValueRoute)
    assert answer.as_of == date(2026, 11, 20)
    refused = create_valuation.sync(client=client, body=ValuationRequest(battery_code="never-reported"))
    assert isinstance(refused, Problem), refused
    assert (refused.status, refused.code) == (404, "unknown-pack")
"""
TYPESCRIPT_PROGRAM = """
import type { components, operations } from "./canzhi";
type Sent = operations["createValuation"]["requestBody"]["content"]["application/json"];
type Answer = operations["createValuation"]["responses"][200]["content"]["application/json"];
type Refused = operations["createValuation"]["responses"][422]["content"]["application/problem+json"];
const chemistry: components["schemas"]["Chemistry"] = "LFP";
export const request: Sent = {
  trace: { battery_code: "001PB0A0000001A680000123", chemistry, events: [{ type: "usage", on: "2024-03-31", soh: 1 }] },
  as_of: "2026-11-20",
};
export const point = (answer: Answer): number => answer.residual_value.point;
export const best = (answer: Answer): "recycling" | "second_life" | "reuse" | null => answer.best_route;
export const hint = (refused: Refused): string | null | undefined => refused.hint;
// @ts-expect-error a level is a number
export const wrong: Sent = { battery_code: "x", level: "high" };
"""


def call(*command, folder):
    surroundings = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def described(address, folder):
    """Write the OpenAPI document of a running service, and return its path."""
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=30) as answer:  # noqa: S310 - our own server
        (folder / "openapi.json").write_bytes(answer.read())
    return folder / "openapi.json"


@pytest.mark.slow
def test_a_python_client_is_typed_and_values_a_pack(home, start_server, tmp_path):
    with start_server(home) as server:
        address = f"http://127.0.0.1:{server.port}"
        said = call(
            *("openapi-python-client", "generate", "--meta", "none", "--output-path", "canzhi_client"),
            *("--path", described(address, tmp_path)),
            folder=tmp_path,
        )
        assert "warning" not in said.lower(), said
        (tmp_path / "program.py").write_text(PYTHON_PROGRAM, "utf-8")
        (tmp_path / "canzhi_client" / "py.typed").touch()
        call("mypy", "--strict", "--follow-imports", "silent", "program.py", folder=tmp_path)
        call(sys.executable, "program.py", address, folder=tmp_path)


@pytest.mark.npm
def test_a_typescript_client_is_typed(shared_client, tmp_path):
    assert shutil.which("npx"), "this test needs npm"
    (tmp_path / "openapi.json").write_bytes(shared_client.get("/openapi.json").content)
    call("npx", "--yes", "openapi-typescript@7", "openapi.json", "--output", "canzhi.ts", folder=tmp_path)
    (tmp_path / "program.ts").write_text(TYPESCRIPT_PROGRAM, "utf-8")
    call("npx", "--yes", "--package", "typescript@5", "tsc", "--noEmit", "--strict", "program.ts", folder=tmp_path)
