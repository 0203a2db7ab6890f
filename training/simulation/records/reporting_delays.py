"""Simulate imperfect reporting (溯源上报): missing, late and back-filled reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.simulation.event_fields import EVENT_TYPES
from training.simulation.packs.fleet import Fleet
from training.simulation.plan import SimulationPlan, stream
from training.simulation.records.events import Events
from valuation.numeric.columns import BoolArray

_PLATFORM_OPENS = 17744  # 2018-08-01, start of the duty to report
# Share of unreported events of each type for an average maker (expert judgement).
_UNREPORTED = {
    "produced": 0.02, "installed": 0.03, "sold": 0.06, "owner_changed": 0.25, "swapped_in": 0.05, "swapped_out": 0.05,
    "usage": 0.10, "negative": 0.30, "maintained": 0.18, "retired": 0.14, "vehicle_scrapped": 0.10, "removed": 0.12,
    "collected_in": 0.14, "collected_out": 0.16, "tested": 0.03, "second_life_out": 0.10, "recycled_in": 0.06,
    "dismantled": 0.12, "recycled_done": 0.10,
}  # fmt: skip
# Reporting deadline in working days (2018 traceability rules: 15 or 30); four weeks have 20 working days.
DEADLINE_WORKING_DAYS = {
    "installed": 15, "sold": 30, "maintained": 30, "collected_in": 30, "collected_out": 30, "vehicle_scrapped": 15,
    "removed": 15, "second_life_out": 15, "recycled_in": 30, "recycled_done": 30,
}  # fmt: skip
_VERY_LATE_SHARE = 0.035
_BACKFILLED_SHARE = 0.40


def report(plan: SimulationPlan, fleet: Fleet, events: Events, part: str = "reports") -> Events:
    """Return the events reported by the last day, each with its day of report.

    No event is reported before it happened. Makers differ in diligence; for a few packs only production is reported.
    """
    rng = stream(plan, part)
    of_makers, of_packs = stream(plan, "reports").spawn(2)
    diligence = of_makers.gamma(4.0, 0.25, 64)[fleet.maker]  # above one: more missing reports
    dark = of_packs.random(fleet.rows) < 0.02 * plan.silence
    unreported = np.array([_UNREPORTED[name] for name in EVENT_TYPES])[events.type]
    silent = rng.random(len(events)) < unreported * diligence[events.row] * plan.silence
    silent |= dark[events.row] & (events.type != EVENT_TYPES.index("produced"))
    silent |= fleet.code_only[events.row]
    delay = _delay(rng, events)
    reported = replace(events, reported_on=events.on + delay)
    kept: BoolArray = ~silent & (reported.reported_on <= plan.last_day)
    return reported.where(kept)


def _delay(rng: np.random.Generator, events: Events) -> np.ndarray:
    """Draw the days from event to report: about a week, some very late, early years partly back-filled."""
    count = len(events)
    usual_days = np.array([6.0 if DEADLINE_WORKING_DAYS.get(name, 30) <= 15 else 9.0 for name in EVENT_TYPES])
    delay = np.minimum(rng.lognormal(np.log(usual_days[events.type]), 0.8), 90.0)
    delay = np.where(rng.random(count) < _VERY_LATE_SHARE, rng.uniform(40.0, 320.0, count), delay)
    with_the_pack = events.type == EVENT_TYPES.index("tested")  # a test report accompanies its pack
    early = (events.on < _PLATFORM_OPENS) & ~with_the_pack & (rng.random(count) < _BACKFILLED_SHARE)
    backfill = _PLATFORM_OPENS - events.on + rng.exponential(150.0, count)
    telemetry = events.type == EVENT_TYPES.index("usage")  # telemetry is reported within days
    delay = np.where(telemetry, np.minimum(delay, 10.0) + (rng.random(count) < 0.02) * 120.0, delay)
    return np.floor(np.where(early, backfill, delay)).astype(np.int64)
