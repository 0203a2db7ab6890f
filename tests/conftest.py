"""Random histories for property tests: ``@given(st.from_type(PackHistory))`` in any test draws a plausible traced life.

Strategies are registered with Hypothesis, so a test needs no import of this file; a new event type or field is drawn
as soon as it stands in `valuation.record.fields`.

And a PostgreSQL of one's own, for the tests marked so.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import strategies as st

from models import clock
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_TYPE_FIELDS,
    PACK_FIELDS,
    REPORTER_KINDS,
    REQUIRED_EVENT_FIELDS,
)
from valuation.record.history import Module, PackHistory, TraceEvent

FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2026, 6, 1)

# What is usual, where all that is possible would only test the bounds.
USUAL = {
    "rated_energy_kwh": (20.0, 120.0),
    "rated_capacity_ah": (60.0, 300.0),
    "nominal_voltage_v": (300.0, 800.0),
    "mass_kg": (150.0, 900.0),
    "missing_modules": (0.0, 4.0),
    "model_year": (2010.0, 2025.0),
    "made_on_sd_days": (0.0, 200.0),
    "odometer_km": (0.0, 400_000.0),
    "full_cycles": (0.0, 2500.0),
    "energy_throughput_kwh": (0.0, 200_000.0),
    "charge_throughput_ah": (0.0, 500_000.0),
    "mean_temperature_c": (-5.0, 40.0),
    "hours_above_45c": (0.0, 2000.0),
    "hours_below_0c": (0.0, 8000.0),
    "soh": (0.3, 1.1),
    "resistance_growth": (0.0, 2.0),
    "cell_spread_mv": (0.0, 200.0),
    "remaining_capacity_ah": (20.0, 300.0),
    "remaining_energy_kwh": (10.0, 120.0),
    "cell_soh_spread": (0.0, 0.2),
    "cost_cny": (0.0, 30_000.0),
    "temperature_c": (0.0, 40.0),
}
CODES = ("001PB0A0000001A680000123", "04QPE0100000017250000001", "T01PE010000001A170000123", "660050GMHF3A041X0", None)


if sys.version_info < (3, 13):

    class _Connection(sqlite3.Connection):
        """Warns if it is garbage-collected while open, as every connection does from Python 3.13 on."""

        _open = False

        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self._open = True

        def close(self):
            self._open = False
            super().close()

        def __del__(self):
            if self._open:
                warnings.warn(f"unclosed database in {self!r}", ResourceWarning, source=self, stacklevel=1)

    sqlite3.connect = sqlite3.dbapi2.connect = partial(sqlite3.connect, factory=_Connection)


def values_of(field):
    """Return a strategy for one field of a record."""
    if field.kind == "number":
        low, high = USUAL.get(field.name, (max(field.low, 0.0), min(field.high, 1000.0)))
        return st.floats(low, high)
    if field.kind == "category":
        return st.sampled_from(field.choices)
    return st.sampled_from(("a", "b", "c"))


def days(last_day=LAST_DAY):
    """Return a strategy for days of a pack's life."""
    return st.integers(0, (last_day - FIRST_DAY).days).map(lambda number: FIRST_DAY + timedelta(days=number))


@st.composite
def events_of(draw, event_type):
    """Draw one event of a type: some of its fields, reported and recorded on the day or later."""
    required = REQUIRED_EVENT_FIELDS.get(event_type)
    fields = {field.name: values_of(field) for field in EVENT_TYPE_FIELDS[event_type]}
    always = {required: fields.pop(required)} if required else {}
    on = draw(days())
    delay, wait = draw(st.none() | st.integers(0, 400)), draw(st.none() | st.integers(0, 400))
    return TraceEvent(
        type=event_type,
        on=on,
        reported_on=None if delay is None else on + timedelta(days=delay),
        recorded_on=None if wait is None else on + timedelta(days=wait),
        reporter=draw(st.none() | st.sampled_from(("x", "y"))),
        reporter_kind=draw(st.none() | st.sampled_from(REPORTER_KINDS)),
        facts=draw(st.fixed_dictionaries(always, optional=fields)),
    )


EVENTS = {name: events_of(name) for name in EVENT_TYPE_FIELDS}


@st.composite
def histories(draw):
    """Draw one pack with a plausible nameplate, or almost none, and up to eight events."""
    plate = {
        field.name: st.none() | values_of(field)
        for field in PACK_FIELDS
        if field.kind in ("number", "category") and field.name != "missing_modules"
    }
    masses = {field.name: st.floats(0.0, 100.0) for field in COMPOSITION_FIELDS}
    module = st.builds(
        Module, battery_code=st.none() | st.sampled_from(CODES[:3]), soh=st.none() | values_of(SOH_FIELD)
    )
    return PackHistory(
        battery_code=draw(st.sampled_from(CODES)),
        made_on=draw(st.none() | days()),
        superseded_on=draw(st.none() | days()),
        maker=draw(st.none() | st.sampled_from(("maker one", "maker two"))),
        vehicle_model=draw(st.none() | st.sampled_from(("model one", "model two"))),
        missing_modules=draw(st.none() | st.sampled_from((0.0, 1.0, 3.0))),
        composition=draw(st.just({}) | st.fixed_dictionaries({}, optional=masses)),
        modules=tuple(draw(st.lists(module, max_size=3))),
        events=tuple(draw(st.lists(st.one_of(*EVENTS.values()), max_size=8))),
        **draw(st.fixed_dictionaries(plate)),
    )


@pytest.fixture
def set_clock(monkeypatch):
    """A function that changes the day (UTC+8) in this process."""

    def set_to(day: date | str, hour: int = 12, minute: int = 0) -> None:
        day = date.fromisoformat(str(day))
        instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=clock.CHINA).astimezone(UTC)
        monkeypatch.setattr(clock, "moment", lambda: instant)

    return set_to


SOH_FIELD = next(field for field in EVENT_TYPE_FIELDS["usage"] if field.name == "soh")

st.register_type_strategy(TraceEvent, st.one_of(*EVENTS.values()))
st.register_type_strategy(PackHistory, histories())


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL, or fail the test if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    return pytest.fail(
        "no PostgreSQL here: apt-get install postgresql, or set CANZHI_TEST_POSTGRES to a database's URL"
    )


def _someone_else(folder: Path) -> dict[str, object]:
    """Return how to start programs that refuse to run as root."""
    if os.getuid() != 0:
        return {"cwd": folder}
    names = {entry.pw_name for entry in pwd.getpwall()}
    person = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, person.pw_uid, person.pw_gid)
    return {"cwd": folder, "user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def server_url():
    given = os.environ.get("CANZHI_TEST_POSTGRES")
    if given:
        yield given
        return
    programs, folder = _programs(), Path(tempfile.mkdtemp(prefix="canzhi-postgres-"))
    options = _someone_else(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *arguments], check=True, capture_output=True, **options
        )

    run("initdb", "-A", "trust", "-U", "canzhi", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    quick = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-o", quick, "start"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    try:
        yield f"postgresql+psycopg://canzhi@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
