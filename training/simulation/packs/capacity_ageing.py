"""Simulate capacity ageing (容量衰减): a calendar and a cycling term per month, accelerated after a knee.

Calendar loss grows with time to the power z, ``q <- ((q/k)^(1/z) + 1)^z k`` each month; k depends on temperature
(Arrhenius, 3300 K around 15 degrees) and mean charge. Cycling loss is proportional to equivalent full cycles, depth and
fast charging. After the knee of a pack (a loss of 0.22 or more) both accelerate. The constants are calibrated on field
data: private cars on used-car tests (Generational UK 2026), company fleets on telematics (Geotab 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs import chemistries
from training.simulation.packs.fleet import Fleet
from training.simulation.packs.vehicle_models import VehicleModels
from training.simulation.plan import DAYS_PER_MONTH, SimulationPlan, stream
from valuation.numeric.columns import FloatArray, IntArray

_ACTIVATION_K = 3300.0
_REFERENCE_K = 288.15
_SEASON_SWING_C = 8.0
# Loss in the first month at 15 degrees, exponent of time, loss per full cycle; one value per duty, in order of DUTIES.
# Heavy duties cycle far more, on packs that are built and cooled for it, so the loss per cycle is smaller.
_CALENDAR = np.array([0.0029, 0.0028, 0.0028, 0.0028, 0.0028, 0.0031])
_EXPONENT = np.array([0.64, 0.62, 0.62, 0.62, 0.62, 0.60])
_CYCLE = np.array([8.0e-5, 4.2e-5, 4.2e-5, 7.0e-5, 6.5e-5, 9.2e-5])
_SPREAD_BETWEEN_PACKS = 0.33
_KNEE_FROM, _KNEE_MEAN, _KNEE_SPEED = 0.22, 0.14, 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """State of health of every pack at the end of every month of vehicle service.

    Attributes
    ----------
    soh
        Shape (months + 1, packs); the first row is the new pack.
    resistance_factor
        Factor of each pack on the growth of resistance. [1]
    spread_factor
        Factor of each pack on the spread between its cells. [1]
    """

    soh: FloatArray
    resistance_factor: FloatArray
    spread_factor: FloatArray

    def soh_at(self, rows: IntArray, age_days: FloatArray) -> FloatArray:
        """Return the state of health of packs at ages in days, linear between months (0-1)."""
        months = np.clip(age_days / DAYS_PER_MONTH, 0.0, len(self.soh) - 1.001)
        whole = months.astype(np.int64)
        before = self.soh[whole, rows]
        return before + (self.soh[whole + 1, rows] - before) * (months - whole)

    def resistance_growth(self, rows: IntArray, soh: FloatArray) -> FloatArray:
        """Return the growth of resistance for a loss of capacity. [1]"""
        return 1.5 * np.maximum(1.0 - soh, 0.0) ** 1.1 * self.resistance_factor[rows]

    def cell_spread(self, rows: IntArray, soh: FloatArray) -> FloatArray:
        """Return the standard deviation of the health of the cells in a pack (fraction)."""
        return (0.008 + 0.10 * np.maximum(1.0 - soh, 0.0)) * self.spread_factor[rows]


def simulate_ageing(plan: SimulationPlan, fleet: Fleet, models: VehicleModels) -> Ageing:
    """Simulate the health of every pack by month."""
    rng = stream(plan, "lives").spawn(1)[0]
    months = int((plan.last_day - plan.first_made_day) / DAYS_PER_MONTH) + 2
    speed = rng.lognormal(-(_SPREAD_BETWEEN_PACKS**2) / 2.0, _SPREAD_BETWEEN_PACKS, fleet.rows)
    speed *= chemistries.AGEING[fleet.chemistry] * models.wear[fleet.model]
    knee = _KNEE_FROM + rng.exponential(_KNEE_MEAN, fleet.rows)
    path = health_path(fleet, speed, knee, months)
    return Ageing(
        soh=path,
        resistance_factor=rng.lognormal(0.0, 0.2, fleet.rows),
        spread_factor=rng.lognormal(0.0, 0.25, fleet.rows),
    )


def health_path(fleet: Fleet, speed: FloatArray, knee: FloatArray, months: int) -> FloatArray:
    """Return state of health by month and pack, shape (months + 1, packs)."""
    exponent = _EXPONENT[fleet.duty]
    kelvin = fleet.temperature_c + 273.15
    calendar = speed * _CALENDAR[fleet.duty] * np.exp(0.9 * (fleet.mean_soc - 0.6))
    cycle_loss = speed * _CYCLE[fleet.duty]
    cycle_loss = cycle_loss * (0.55 + 0.9 * fleet.depth) * (1.0 + 0.9 * fleet.fast_share / 0.4)
    monthly_cycle_loss = cycle_loss * fleet.full_cycles_per_year / 12.0
    season = _SEASON_SWING_C * np.sin(2.0 * np.pi * np.arange(12) / 12.0)
    rates = [calendar * np.exp(-_ACTIVATION_K * (1.0 / (kelvin + swing) - 1.0 / _REFERENCE_K)) for swing in season]
    inverse = 1.0 / exponent
    soh = np.empty((months + 1, fleet.rows), dtype=np.float64)
    soh[0] = 1.0
    standing, cycling = np.zeros(fleet.rows), np.zeros(fleet.rows)
    for month in range(months):
        rate = rates[month % 12]
        faster = np.where(standing + cycling > knee, _KNEE_SPEED, 1.0)
        grown = ((standing / rate) ** inverse + 1.0) ** exponent * rate
        standing = standing + (grown - standing) * faster
        cycling = cycling + monthly_cycle_loss * faster
        soh[month + 1] = 1.0 - standing - cycling
    return np.maximum(soh, 0.25)
