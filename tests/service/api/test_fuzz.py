"""Every request is answered with a valuation or a problem, never with an internal error."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, EVENT_TYPES, PACK_FIELDS

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=12)
anything = st.recursive(
    scalars, lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=8), child, max_size=3)
)
days = st.dates().map(str) | st.sampled_from(["2024-02-30", "2024/2/3", "", "-"])


def _plausible(field):
    if field.kind == "number":
        low = -10.0 if math.isinf(field.low) else field.low
        high = 100.0 if math.isinf(field.high) else field.high
        return st.floats(low, high) | st.sampled_from([low, high, -1])
    if field.kind == "category":
        return st.sampled_from(field.choices)
    return days if field.kind == "day" else st.text(max_size=26)


def _record(fields):
    return st.fixed_dictionaries({}, optional={field.name: _plausible(field) | scalars for field in fields})


events = st.builds(
    lambda kind, on, own: own | {"type": kind, "on": on}, st.sampled_from(EVENT_TYPES), days, _record(EVENT_FIELDS)
)
traces = st.builds(
    lambda pack, composition, found: pack | {"composition": composition, "events": found},
    _record(PACK_FIELDS),
    _record(COMPOSITION_FIELDS),
    st.lists(events, max_size=4),
)


def _check(response):
    assert response.status_code < 500, response.text
    if response.status_code == 200:
        band = response.json()["residual_value"]
        assert band["lower"] <= band["point"] <= band["upper"]
        assert all(math.isfinite(band[name]) for name in ("lower", "point", "upper", "per_kwh"))
        assert b"NaN" not in response.content
    else:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["hint"]


def _post(client, body: bytes):
    return client.post("/v1/valuations", content=body, headers={"content-type": "application/json"})


@CALM
@given(body=st.binary(max_size=200))
def test_any_bytes(shared_client, body):
    _check(_post(shared_client, body))


@CALM
@given(trace=anything)
def test_any_json_as_a_trace(shared_client, trace):
    _check(_post(shared_client, json.dumps({"trace": trace}).encode()))


@CALM
@given(passport=anything)
def test_any_json_as_a_passport(shared_client, passport):
    _check(_post(shared_client, json.dumps({"passport": passport}).encode()))


@pytest.mark.parametrize("as_of", ["2026-11-20", "2023-02-01", "9999-12-31", "0001-01-01"])
@settings(CALM, max_examples=40)
@given(trace=traces)
def test_nearly_right_traces(shared_client, trace, as_of):
    _check(_post(shared_client, json.dumps({"trace": trace, "as_of": as_of}).encode()))


@CALM
@given(report=st.fixed_dictionaries({}, optional={"pack": anything, "events": st.lists(anything, max_size=3)}))
def test_any_report(shared_client, report):
    response = shared_client.post("/v1/packs/T01PB0A0000001A680000123/events", json=_finite(report))
    assert response.status_code in {201, 400, 422}, response.text


@CALM
@given(code=st.text(max_size=70))
def test_any_code(shared_client, code):
    response = shared_client.get("/v1/codes/" + "".join(f"%{byte:02X}" for byte in code.encode("utf-8", "replace")))
    assert response.status_code in {200, 404, 422}, response.text


def _finite(value):
    """Return JSON without NaN and infinities."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)
