"""Simulate the service lives of packs (生命周期): failures, accidents, and day and reason of retirement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.event_fields import CHOICES
from training.simulation.packs.capacity_ageing import Ageing
from training.simulation.packs.fleet import Fleet
from training.simulation.plan import DAYS_PER_MONTH, DAYS_PER_YEAR, SimulationPlan, stream
from valuation.numeric.columns import FloatArray, IntArray

NEVER = 10**7  # a day after the end of every market
END_OF_LIFE, LOW_CAPACITY, ACCIDENT, WARRANTY, UPGRADE, FAILURE, END_OF_STORAGE = range(7)
INTACT, OPENED, DAMAGED, BURNED, CORRODED, SWOLLEN, LEAKING = range(7)
_VEHICLE_LIFE_YEARS = np.array([8.2, 5.2, 7.8, 5.8, 6.3, 6.6])
_VEHICLE_LIFE_SPREAD = np.array([0.30, 0.22, 0.20, 0.28, 0.28, 0.30])
_HEALTH_LIMIT = np.array([0.72, 0.72, 0.73, 0.72, 0.75, 0.72])
_YEARLY = {"accident": 0.014, "warranty": 0.012, "upgrade": 0.014, "failure": 0.008}
_CONDITIONS = {  # shares in the order of CHOICES["condition"]
    ACCIDENT: (0.52, 0.06, 0.24, 0.05, 0.02, 0.05, 0.06),
    FAILURE: (0.60, 0.16, 0.02, 0.01, 0.05, 0.11, 0.05),
}
_ORDINARY_CONDITION = (0.935, 0.025, 0.008, 0.001, 0.016, 0.010, 0.005)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """One row per pack; days since 1970-01-01, ``NEVER`` for events that have not happened.

    Attributes
    ----------
    installed_on, first_sold_on, retired_on
        Built into a vehicle, vehicle sold, out of use.
    reason, condition
        Index into the choices of the event fields.
    failed_on
        Day a module failed and was replaced (``NEVER``: none).
    accident_on
        Day of an accident (``NEVER``: none); not every accident ends service.
    soh
        True health on the day of retirement, or on the last day of the market (0-1).
    """

    installed_on: IntArray
    first_sold_on: IntArray
    retired_on: IntArray
    reason: IntArray
    condition: IntArray
    failed_on: IntArray
    accident_on: IntArray
    soh: FloatArray


def simulate_lives(plan: SimulationPlan, fleet: Fleet, ageing: Ageing) -> Lives:
    """Draw the service life of each pack and the reason of its retirement."""
    rng = stream(plan, "lives")
    rows = np.arange(fleet.rows)
    installed = fleet.made_on + rng.integers(3, 60, fleet.rows)
    first_sold = installed + rng.integers(5, 120, fleet.rows)
    age = DAYS_PER_YEAR * _VEHICLE_LIFE_YEARS[fleet.duty] * rng.lognormal(0.0, _VEHICLE_LIFE_SPREAD[fleet.duty])
    weak = _first_month_below(ageing, np.clip(rng.normal(_HEALTH_LIMIT[fleet.duty], 0.03), 0.6, 0.82))
    accident = _random_day(rng, fleet.rows, _YEARLY["accident"] * 1.6)
    ends = np.stack([
        age,
        weak,
        np.where(rng.random(fleet.rows) < 1.0 / 1.6, accident, NEVER),
        _random_day(rng, fleet.rows, _YEARLY["warranty"], before=8.0 * DAYS_PER_YEAR),
        _random_day(rng, fleet.rows, _YEARLY["upgrade"]),
        _random_day(rng, fleet.rows, _YEARLY["failure"]),
    ])  # fmt: skip
    reason = ends.argmin(axis=0)
    retired = first_sold + np.maximum(ends[reason, rows], 30.0).astype(np.int64)
    retired = np.where(retired <= plan.last_day, retired, NEVER)
    accident_on = np.minimum(first_sold + accident, NEVER).astype(np.int64)
    failed_on = np.minimum(first_sold + _random_day(rng, fleet.rows, 0.004), NEVER).astype(np.int64)
    soh = ageing.soh_at(rows, np.minimum(retired, plan.last_day) - fleet.made_on)
    broken = (reason == FAILURE) & (retired < NEVER)
    soh = np.where(broken, np.maximum(soh * rng.uniform(0.45, 0.90, fleet.rows), 0.2), soh)
    return Lives(
        installed_on=installed, first_sold_on=first_sold, retired_on=retired, reason=reason, soh=soh,
        condition=_condition(rng, reason),
        failed_on=np.where(failed_on < np.minimum(retired, plan.last_day), failed_on, NEVER),
        accident_on=np.where(accident_on <= np.minimum(retired, plan.last_day), accident_on, NEVER),
    )  # fmt: skip


def _random_day(rng: np.random.Generator, rows: int, per_year: float, before: float = NEVER) -> FloatArray:
    """Draw the days in service until an event with a constant yearly rate."""
    day = rng.exponential(DAYS_PER_YEAR / per_year, rows)
    return np.where(day < before, day, float(NEVER))


def _first_month_below(ageing: Ageing, limit: FloatArray) -> FloatArray:
    """Return the age in days at which the decreasing health first falls below a limit."""
    months_above = np.zeros(len(limit))
    for level in ageing.soh:
        months_above += level >= limit
    return np.where(months_above < len(ageing.soh), months_above * DAYS_PER_MONTH, float(NEVER))


def _condition(rng: np.random.Generator, reason: IntArray) -> IntArray:
    ticket = rng.random(len(reason))
    condition = np.zeros(len(reason), dtype=np.int64)
    for code in range(len(CHOICES["reason"])):
        mine = reason == code
        shares = np.cumsum(_CONDITIONS.get(code, _ORDINARY_CONDITION))
        condition[mine] = (ticket[mine, None] > shares).sum(axis=1).clip(0, len(shares) - 1)
    return condition
