from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from starlette.routing import BaseRoute

from service.app import ROUTES
from service.openapi import OPERATIONS, description
from service.settings import Settings

SNAPSHOT = Path(__file__).with_name("openapi.json")
PAGES = {"/v1/valuations/{valuation_id}/report"}  # answered by the web page's own routes


def test_the_description_is_the_one_that_was_agreed():
    """A change of the interface is seen in the snapshot.

    Write it again with: python -m service.openapi > tests/service/openapi.json
    """
    assert json.loads(SNAPSHOT.read_text("utf-8")) == json.loads(msgspec.json.encode(description()))


def test_a_description_does_not_depend_on_how_python_keeps_docstrings():
    """Python 3.13 takes the indentation away, older ones keep it."""

    def descriptions(part):
        if isinstance(part, dict):
            yield from (text for name, text in part.items() if name == "description" and isinstance(text, str))
            part = list(part.values())
        for child in part if isinstance(part, list) else ():
            yield from descriptions(child)

    found = list(descriptions(json.loads(msgspec.json.encode(description()))))
    assert len(found) > 20
    assert [text for text in found if text != inspect.cleandoc(text)] == []


def test_it_is_served(shared_client):
    assert shared_client.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_it_can_be_switched_off(open_client, home):
    with open_client(Settings(home=home, docs=False)) as client:
        assert client.get("/openapi.json").status_code == 404


def _routes(routes: Sequence[BaseRoute]):
    for route in routes:
        for method in getattr(route, "methods", None) or ():
            if method != "HEAD":
                yield method.lower(), route.path.replace(":path}", "}")


def test_every_route_is_described_and_every_description_has_its_route():
    described = {(one.method, one.path) for one in OPERATIONS}
    existing = set(_routes(ROUTES))
    versioned = {(method, path) for method, path in existing if path.startswith("/v1")} | {
        ("get", path) for path in PAGES
    }
    operational = {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics")}
    assert described == versioned | operational


def test_every_reference_leads_somewhere():
    whole = json.loads(msgspec.json.encode(description()))
    names = set(whole["components"]["schemas"])

    def references(part):
        if isinstance(part, dict):
            if "$ref" in part:
                yield part["$ref"].rpartition("/")[2]
            for child in part.values():
                yield from references(child)
        elif isinstance(part, list):
            for child in part:
                yield from references(child)

    found = set(references(whole))
    assert found <= names
    assert {"ValuationRequest", "ValuationAnswer", "TraceRecord", "Problem"} <= found


@pytest.mark.slow
def test_a_machine_that_reads_the_description_finds_no_fault(home, start_server):
    """Schemathesis makes requests from the description, good and bad, and holds every answer against it.

    A good request may still be refused: whether a pack can be valued is not a matter of the schema.
    """
    program = Path(sys.executable).with_name("schemathesis")
    with start_server(home) as server:
        command = [
            program,
            "run",
            f"http://127.0.0.1:{server.port}/openapi.json",
            "--max-examples",
            "15",
            "--seed",
            "1",
        ]
        command += ["--phases", "examples,coverage,fuzzing", "--exclude-checks", "positive_data_acceptance"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=280, cwd=home.parent)
        assert server.process.poll() is None, "the server lives"
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-5000:]
