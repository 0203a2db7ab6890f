"""Units × spellings × fields: every generated heading is read as the plain spelling is, or refused by name."""

import csv
import io
import random
from collections import Counter

import pytest

from valuation.errors import CanzhiError, FieldError
from valuation.ingest import read_trace
from valuation.ingest.fields.aliases import ROW_SCOPE
from valuation.ingest.fields.headings import read_heading
from valuation.ingest.fields.numbers import read_number_as_written
from valuation.ingest.fields.spellings import FIELD_SPELLINGS
from valuation.ingest.fields.units import (
    DIMENSIONS,
    ENERGY_OF_CAPACITY,
    NUMBERS,
    SHARE_OF_RATED,
    tidy_unit,
    units_of,
)

GLUED = "{name}{unit}"
LAYOUTS = (
    *(
        "{name}({unit})",
        "{name}（{unit}）",
        "{name}[{unit}]",
        "{name}【{unit}】",
        "({unit}){name}",
        "*{name} ({unit}) (必填)",
    ),
    *("{name}/{unit}", "{name}／{unit}", "{name}_{unit}", "{name} {unit}", "{name}\n{unit}", "{name}\n（{unit}）"),
    *("{name}，{unit}", "{name}:{unit}", GLUED, " {name}  ( {unit} ) "),
)
FIELDS = sorted(name for name in NUMBERS if name in ROW_SCOPE)
SPELLED = {name: [name, *FIELD_SPELLINGS.get(name, ())] for name in FIELDS}
UNITS = [(spelled, unit) for units in DIMENSIONS.values() for spelled, unit in units.items()]


def draw(random_of):
    """Return a field, a heading with a unit, the unit if the field has it, and whether it may be part of a name."""
    name = random_of.choice(FIELDS)
    spelled, unit = random_of.choice(list(units_of(name).items()) if random_of.random() < 0.7 else UNITS)
    layout, field, text = (
        random_of.choice(LAYOUTS),
        random_of.choice(SPELLED[name]),
        random_of.choice([spelled, unit.name]),
    )
    if layout == GLUED and field[-1].isascii():
        layout = "{name} {unit}"  # nobody writes a unit directly behind a Latin name
    loose = not any(mark in layout for mark in "([（【/／")
    return name, layout.format(name=field, unit=text), units_of(name).get(tidy_unit(text)), loose and len(text) < 3


def value_of(field, random_of):
    """Return a plain value inside the bounds of a field, written briefly."""
    low, high = max(field.low, -40.0), min(field.high, 5000.0)
    return float(f"{random_of.uniform(low + 0.02 * (high - low), high):.4g}")


def states_energy(heading):
    """Return whether a heading states a unit of energy."""
    return any(spelled in tidy_unit(heading) for spelled in units_of("rated_energy_kwh"))


def written_in(unit, value):
    return value * unit.per / unit.times + unit.zero


def check(seed):
    """Check one generated heading; return what became of it."""
    random_of = random.Random(seed)  # noqa: S311 - no secret
    name, heading, unit, letter = draw(random_of)
    value = value_of(NUMBERS[name], random_of)
    try:
        found = read_heading(heading, ROW_SCOPE)
    except FieldError as refusal:
        return "refused by name" if repr(heading)[1:10] in refusal.message and refusal.hint else f"{refusal}"
    if found is None:
        return "another column" if letter else f"{heading!r} was dropped"
    if found.name != name:
        if (found.name, unit, states_energy(heading)) == (ENERGY_OF_CAPACITY.get(name), None, True):
            return "an energy by its unit"
        share = found.unit is not None and (found.name, found.unit.name) == (SHARE_OF_RATED.get(name), "%")
        return "a share of the rated value" if share else f"{heading!r} is read as {found.name}"
    return f"{heading!r} has no unit of {name}, but was read" if unit is None else compare(name, heading, unit, value)


def compare(name, heading, unit, value):
    """Return what became of a number under a heading that was read."""
    number = written_in(unit, value)
    if unit.name == "%" and 0.0 < number <= 1.2:
        return "a doubtful share"
    reading = read_number_as_written(NUMBERS[name], number, name, unit=read_heading(heading, ROW_SCOPE).unit)
    return "read" if reading.value == pytest.approx(value, rel=1e-9) else f"{heading!r}: {value} is read as {reading}"


ALLOWED = {
    "an energy by its unit",
    "read",
    "refused by name",
    "another column",
    "a share of the rated value",
    "a doubtful share",
}


def outcomes(seeds):
    counted = Counter(check(seed) for seed in seeds)
    assert set(counted) - ALLOWED == set()
    return counted


def test_two_thousand_headings_are_read_as_the_plain_spelling_or_refused_by_name():
    assert outcomes(range(2_000))["read"] > 800


@pytest.mark.slow
def test_twenty_thousand_headings_are_read_as_the_plain_spelling_or_refused_by_name():
    assert outcomes(range(20_000))["read"] > 8_000


def facts_of(heading, cell):
    """Return what a table with one row says under a heading, or the refusal."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["电池编码", "日期", heading])
    writer.writerow(["T01PB0A0000001A680000123", "2025-05-01", cell])
    try:
        (history,) = read_trace(stream.getvalue().encode()).histories
    except CanzhiError as refusal:
        return refusal
    facts = {name: getattr(history, name) for name in FIELDS if getattr(history, name, None) is not None}
    return facts | history.composition | {key: one for event in history.events for key, one in event.facts.items()}


@pytest.mark.parametrize("seed", range(20_000, 20_120))
def test_alternative_headings_give_the_values_of_the_field_name(seed):
    random_of = random.Random(seed)  # noqa: S311 - no secret
    name, heading, unit, _ = draw(random_of)
    value = value_of(NUMBERS[name], random_of)
    if unit is None or (unit.name == "%" and written_in(unit, value) <= 1.2) or name in SHARE_OF_RATED:
        return
    found = facts_of(heading, f"{written_in(unit, value):.12g}")
    if isinstance(found, CanzhiError):
        assert repr(heading)[1:5].strip() in found.message
    elif name in found:
        assert found[name] == pytest.approx(facts_of(name, f"{value:.12g}")[name], rel=1e-9)
