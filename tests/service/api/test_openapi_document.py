from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.settings import Settings

PAGES = {"/openapi.json", "/docs", "/docs/assets/{name}", "/redoc"}
SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture
def whole(shared_client):
    return shared_client.get("/openapi.json").json()


def test_the_openapi_document_equals_the_snapshot(whole):
    """Changes of the interface show in the snapshot.

    Write it again with: python -m service.app > tests/service/api/openapi.json
    """
    assert json.loads(SNAPSHOT.read_text("utf-8")) == whole


def test_it_is_valid_openapi(whole):
    assert list(OpenAPIV31SpecValidator(whole).iter_errors()) == []


def test_a_description_does_not_depend_on_how_python_keeps_docstrings(whole):
    """Python 3.13 removes the indentation of docstrings, older versions keep it."""

    def descriptions(part):
        if isinstance(part, dict):
            yield from (text for name, text in part.items() if name == "description" and isinstance(text, str))
            part = list(part.values())
        for child in part if isinstance(part, list) else ():
            yield from descriptions(child)

    found = list(descriptions(whole))
    assert len(found) > 20
    assert [text for text in found if text != inspect.cleandoc(text)] == []


def test_it_is_served(shared_client):
    assert shared_client.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_it_can_be_switched_off(open_client, home):
    with open_client(Settings(home=home, docs=False)) as client:
        assert client.get("/openapi.json").status_code == 404


def test_every_operation_has_a_name_a_tag_a_line_and_its_refusals(whole):
    operations = [one for path in whole["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    tags = {tag["name"] for tag in whole["tags"]}
    for one in operations:
        assert set(one["tags"]) <= tags
        assert one["description"].endswith(".")
        assert {"401", "403"} <= set(one["responses"])
        refused = [answer for status, answer in one["responses"].items() if status >= "400"]
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in refused)


def test_every_described_path_is_there_and_every_path_of_programs_is_described(whole, shared_client):
    existing = {
        (method.lower(), route.path_format)
        for route in iter_route_contexts(shared_client.app.routes)
        for method in route.methods
        if route.path not in PAGES
    }
    assert existing == {(method, path) for path, methods in whole["paths"].items() for method in methods}


def test_title_server_and_key_are_what_programs_can_use(whole):
    assert whole["info"]["title"].isascii()
    assert whole["servers"][0]["url"] == "/"
    assert whole["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert whole["paths"]["/v1/valuations"]["post"]["security"] == [{"key": []}, {}]
    assert "security" not in whole["paths"]["/healthz"]["get"]


def test_every_reference_leads_somewhere(whole):
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


def test_every_example_is_answered(client, whole):
    for path, methods in whole["paths"].items():
        body = methods.get("post", {}).get("requestBody")
        if body is not None:
            example = body["content"]["application/json"]["example"]
            address = path.format(code="001PB0A0000001A680000123", sale_id="S-2026-0001")
            response = client.post(address, json=example)
            assert response.status_code in {200, 201}, response.text
