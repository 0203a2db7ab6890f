"""Hypothesis strategies for histories that `ingest` must read, write and tabulate without loss."""

import string
from datetime import date

import pytest
from hypothesis import strategies as st

from valuation.battery_code.encoding import CodeParts, encode
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_TYPE_FIELDS,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
)
from valuation.record.history import Module, PackHistory, TraceEvent

WORDS = (
    st.text("abcXYZ电池企业 0123-./'\"é", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: text not in {"", "-", "--", "/", "-1"})
)
DAYS = st.dates(date(2011, 1, 1), date(2030, 12, 31))
EXTRA_NAMES = st.text(string.ascii_lowercase, min_size=3, max_size=6).map(lambda name: f"zz_{name}_zz")
EXTRAS = st.dictionaries(
    EXTRA_NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | WORDS
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
        max_leaves=4,
    ),
    max_size=2,
)  # fmt: skip


def value_of(field):
    """Return a strategy for the values of a field, without the placeholder -1."""
    if field.kind == "number":
        return st.floats(field.low, field.high).filter(lambda value: value != -1)
    if field.kind == "day":
        return DAYS
    return st.sampled_from(field.choices) if field.kind == "category" else WORDS


@st.composite
def codes(draw):
    parts = CodeParts(
        vendor="T01",
        level="pack",
        battery_type=draw(st.sampled_from("BE")),
        spec="01",
        trace="0000001",
        made_on=draw(st.dates(date(2016, 1, 1), date(2026, 1, 1))),
        serial=f"{draw(st.integers(1, 9999999)):07d}",
    )
    return encode(parts)


@st.composite
def events(draw, *, extras=EXTRAS):
    kind = draw(st.sampled_from(sorted(EVENT_TYPE_FIELDS)))
    fields = {field.name: field for field in EVENT_TYPE_FIELDS[kind]}
    chosen = draw(st.sets(st.sampled_from(sorted(fields)), max_size=5)) | {
        name for name in [REQUIRED_EVENT_FIELDS.get(kind)] if name
    }
    common = {field.name: draw(st.none() | value_of(field)) for field in EVENT_COMMON_FIELDS if field.name != "on"}
    return TraceEvent(
        type=kind,
        on=draw(DAYS),
        facts={name: draw(value_of(fields[name])) for name in sorted(chosen)},
        extras=draw(extras),
        **common,
    )


@st.composite
def histories(draw, *, extras=EXTRAS):
    values = {field.name: draw(st.none() | value_of(field)) for field in PACK_FIELDS if field.name != "battery_code"}
    masses = draw(st.sets(st.sampled_from(COMPOSITION_FIELDS), max_size=3))
    modules = draw(
        st.lists(st.builds(Module, battery_code=st.none() | WORDS, soh=st.none() | st.floats(0.0, 1.2)), max_size=3)
    )
    return PackHistory(
        battery_code=draw(codes()),
        composition={field.name: draw(value_of(field)) for field in sorted(masses, key=lambda field: field.name)},
        modules=tuple(modules),
        events=tuple(draw(st.lists(events(extras=extras), max_size=4))),
        extras=draw(extras),
        **values,
    )


@pytest.fixture(scope="session")
def any_history():
    """Return the strategy for histories; with `extras=st.just({})` for those a table can hold."""
    return histories
