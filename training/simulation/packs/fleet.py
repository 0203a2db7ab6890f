"""Simulate the fleet (合成车队): true properties and use of every pack, and which nameplate fields are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.simulation.packs import chemistries
from training.simulation.packs.battery_codes import TextArray, date_letters, digits, join
from training.simulation.packs.chemistries import CONTENT_VARIATION, ELEMENTS, IS_TERNARY, NAMES
from training.simulation.packs.vehicle_models import BUS, CAR, MAKERS, SEGMENTS, VAN, VehicleModels
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, day_number, stream
from training.simulation.regions import REGIONS
from training.simulation.table_rows import take
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

DUTIES = ("private", "taxi", "bus", "logistics", "swap", "other")
PRIVATE, TAXI, BUS_DUTY, LOGISTICS, SWAP, OTHER_DUTY = range(6)
_CODING_DUTY_FROM = 17744  # 2018-08-01, coding of packs becomes mandatory
_CODING_GRACE_TO = 18109  # 2019-08-01, end of the transition period for models approved before


class _Use(NamedTuple):
    """Mean use of the vehicles of one duty."""

    km_per_year: float
    km_shape: float
    kwh_per_km: float
    fast: tuple[float, float]  # beta parameters of the share of fast charging
    depth: float
    mean_soc: float


_USES = (
    _Use(13_500, 3.5, 0.150, (1.2, 6.0), 0.32, 0.62), _Use(88_000, 14.0, 0.150, (5.0, 2.5), 0.62, 0.58),
    _Use(52_000, 12.0, 0.95, (3.0, 3.0), 0.58, 0.60), _Use(29_000, 5.0, 0.26, (2.5, 4.0), 0.48, 0.60),
    _Use(62_000, 6.0, 0.155, (0.8, 14.0), 0.60, 0.60), _Use(27_000, 4.0, 0.155, (1.2, 4.0), 0.36, 0.60),
)  # fmt: skip
_DUTY_IN_SEGMENT = {
    CAR: (0.64, 0.18, 0.0, 0.0, 0.07, 0.11), BUS: (0.0, 0.0, 0.97, 0.0, 0.0, 0.03),
    VAN: (0.0, 0.0, 0.0, 0.90, 0.02, 0.08),
}  # fmt: skip
_SEGMENT_SHARE = (0.72, 0.10, 0.18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One row per pack in order of the battery code: true values, and masks of the recorded fields.

    Days are days since 1970-01-01; ``metal_kg`` has one column per element of ``chemistries.ELEMENTS``.
    """

    code: TextArray
    serial: IntArray
    model: IntArray
    maker: IntArray
    chemistry: IntArray
    made_on: IntArray
    energy_kwh: FloatArray
    volt: FloatArray
    mass_kg: FloatArray
    metal_kg: FloatArray
    duty: IntArray
    region: IntArray
    temperature_c: FloatArray
    km_per_year: FloatArray
    kwh_per_km: FloatArray
    fast_share: FloatArray
    depth: FloatArray
    mean_soc: FloatArray
    legacy: BoolArray
    parent: IntArray  # row of the pack it was made from, -1 for none
    recorded_grade: BoolArray
    recorded_chemistry: BoolArray
    recorded_energy: BoolArray
    recorded_capacity: BoolArray
    recorded_volt: BoolArray
    recorded_mass: BoolArray
    recorded_made_on: BoolArray
    recorded_model: BoolArray
    recorded_duty: BoolArray
    recorded_metals: BoolArray
    recorded_modules: BoolArray

    @property
    def rows(self) -> int:
        """Number of packs."""
        return len(self.code)

    @property
    def code_only(self) -> BoolArray:
        """Mask of the packs with no recorded field but the code."""
        recorded = (
            self.recorded_chemistry
            | self.recorded_energy
            | self.recorded_capacity
            | self.recorded_volt
            | self.recorded_mass
        )
        return ~(recorded | self.recorded_made_on | self.recorded_model | self.recorded_duty)

    @property
    def capacity_ah(self) -> FloatArray:
        """Rated capacity [Ah]."""
        return np.round(self.energy_kwh * 1000.0 / self.volt, 1)

    @property
    def full_cycles_per_year(self) -> FloatArray:
        """Equivalent full cycles per year of ordinary use."""
        return self.km_per_year * self.kwh_per_km / self.energy_kwh


def simulate_fleet(plan: SimulationPlan, models: VehicleModels) -> Fleet:
    """Return the packs of the plan, in order of their codes."""
    rng = stream(plan, "fleet")
    span = plan.last_day - plan.first_made_day - 150
    made_on = np.sort(plan.first_made_day + (span * rng.beta(1.35, 1.55, plan.packs)).astype(np.int64))
    model = _pick_models(rng, models, made_on)
    use = _use(plan, models, model)
    energy = models.energy_kwh[model]
    chemistry = models.chemistry[model]
    volt = np.round(models.cells_in_series[model] * chemistries.CELL_VOLT[chemistry], 1)
    mass = np.round(energy * 1000.0 / models.wh_per_kg[model] * rng.normal(1.0, 0.01, plan.packs), 1)
    within = rng.normal(1.0, np.sqrt(0.2), (plan.packs, len(ELEMENTS)))
    deviation = models.content_deviation[model] * (1.0 + (within - 1.0) * CONTENT_VARIATION)
    legacy_share = np.where(made_on < _CODING_DUTY_FROM, 0.45, np.where(made_on < _CODING_GRACE_TO, 0.08, 0.0))
    legacy = rng.random(plan.packs) < legacy_share
    serial = np.arange(1, plan.packs + 1)
    fleet = Fleet(
        code=_pack_codes(rng, models, (model, made_on, serial, legacy)), serial=serial, model=model,
        maker=models.maker[model], chemistry=chemistry, made_on=made_on, energy_kwh=energy, volt=volt, mass_kg=mass,
        metal_kg=chemistries.metal_kg(chemistry, energy, mass) * deviation, legacy=legacy,
        parent=np.full(plan.packs, -1), **use, **_recorded_fields(plan, made_on, legacy),
    )  # fmt: skip
    return take(fleet, np.argsort(fleet.code, kind="stable"))


def spec_codes(model: IntArray, chemistry: IntArray, level: bytes) -> TextArray:
    """Return level, type letter and spec code of models, four characters of the battery code."""
    letters = np.array([row.letter.encode() for row in chemistries.CHEMISTRIES])
    levels = np.full(len(model), level, dtype="S1")
    alphabet = np.frombuffer(b"0123456789ABCDEFGHJKLMNPRSTVWXY", dtype=np.uint8)
    return join(levels, letters[chemistry], alphabet[model // 31][:, None], alphabet[model % 31][:, None])


def _pack_codes(
    rng: np.random.Generator, models: VehicleModels, packs: tuple[IntArray, IntArray, IntArray, BoolArray]
) -> TextArray:
    """Return 24-character codes, or 17-character maker codes for packs made before coding became mandatory."""
    model, made_on, serial, legacy = packs
    vendor = np.array([maker.encode() for maker in MAKERS])[models.maker[model]]
    plants = np.frombuffer(b"AHJ", dtype=np.uint8)[rng.integers(0, 3, len(model))]
    trace = join(digits(model * 37, 6), plants[:, None])
    normal = join(
        vendor, spec_codes(model, models.chemistry[model], b"P"), trace, date_letters(made_on), digits(serial, 7)
    )
    own = join(np.full(len(model), b"6", dtype="S1"), digits(model, 4), vendor, np.full(len(model), b"X", dtype="S1"),
               digits(serial, 8))  # fmt: skip
    return np.where(legacy, own, normal)


def _pick_models(rng: np.random.Generator, models: VehicleModels, made_on: IntArray) -> IntArray:
    """Draw a model on sale on the day each pack was made, by segment share and popularity."""
    model = np.empty(len(made_on), dtype=np.int64)
    maker_weight = (1.0 / (1.0 + models.maker)) ** 0.3
    quarter = made_on // 91
    for now in np.unique(quarter):
        rows = np.flatnonzero(quarter == now)
        day = now * 91 + 45
        on_sale = (models.launched <= day) & (models.ended > day)
        weight = np.where(on_sale, models.popularity * maker_weight, 1e-9)
        for segment, share in enumerate(_SEGMENT_SHARE):
            mine = models.segment == segment
            weight = np.where(mine, weight * share / weight[mine].sum(), weight)
        model[rows] = rng.choice(len(weight), len(rows), p=weight / weight.sum())
    return model


def _use(plan: SimulationPlan, models: VehicleModels, model: IntArray) -> dict[str, np.ndarray]:
    """Draw duty, region and use of the vehicle of each pack."""
    rng = stream(plan, "use")
    count = len(model)
    ticket = rng.random(count)
    duty = np.zeros(count, dtype=np.int64)
    for segment in range(len(SEGMENTS)):
        mine = models.segment[model] == segment
        duty[mine] = (ticket[mine, None] > np.cumsum(_DUTY_IN_SEGMENT[segment])).sum(axis=1).clip(0, 5)
    hybrid = (models.energy_kwh[model] < 20.0) & (models.segment[model] == CAR)
    duty = np.where(hybrid & (duty != TAXI), PRIVATE, duty)
    region = rng.choice(len(REGIONS), count, p=np.array([r.share for r in REGIONS]) / sum(r.share for r in REGIONS))
    per_duty = {name: np.array([getattr(use, name) for use in _USES])[duty] for name in _Use._fields if name != "fast"}
    fast = np.array([use.fast for use in _USES])[duty]
    electric_share = np.where(hybrid, 0.35, 1.0)
    bus_size = np.where(models.segment[model] == BUS, models.energy_kwh[model] / 170.0, 1.0) ** 0.8
    range_limit = np.minimum(1.0, models.energy_kwh[model] / 50.0) ** np.where(duty == PRIVATE, 0.3, 0.7)
    km = (
        per_duty["km_per_year"]
        * np.where(hybrid, 1.0, range_limit)
        * rng.gamma(per_duty["km_shape"], 1.0 / per_duty["km_shape"])
    )
    return {
        "duty": duty, "region": region,
        "temperature_c": np.array([r.mean_temperature_c for r in REGIONS])[region] + rng.normal(0.0, 2.0, count),
        "km_per_year": km,
        "kwh_per_km": per_duty["kwh_per_km"] * rng.lognormal(-0.005, 0.10, count) * electric_share * bus_size,
        "fast_share": np.where(hybrid, 0.0, rng.beta(fast[:, 0], fast[:, 1])),
        "depth": np.clip(per_duty["depth"] + rng.normal(0.0, 0.10, count), 0.08, 0.92),
        "mean_soc": np.clip(per_duty["mean_soc"] + rng.normal(0.0, 0.08, count), 0.3, 0.9),
    }  # fmt: skip


def _recorded_fields(plan: SimulationPlan, made_on: IntArray, legacy: BoolArray) -> dict[str, np.ndarray]:
    """Draw masks of the recorded nameplate fields; chemistry and energy of legacy packs are always recorded."""
    rng = stream(plan, "record")
    count = len(made_on)
    chance = {
        name: rng.random(count)
        for name in (
            "grade",
            "chemistry",
            "energy",
            "capacity",
            "volt",
            "mass",
            "made_on",
            "model",
            "duty",
            "metals",
            "modules",
        )
    }
    bare = chance["mass"] * 50.0 % 1.0 < 0.012  # only the code is recorded
    quiet = 0.06 * plan.silence
    metals_share = np.interp(
        made_on, [day_number(plan.through) - 8 * DAYS_PER_YEAR, day_number(plan.through)], [0.04, 0.40]
    )
    return {
        "recorded_grade": chance["grade"] < 0.60,
        "recorded_chemistry": legacy | ((chance["chemistry"] > quiet) & ~bare),
        "recorded_energy": legacy | ((chance["energy"] > quiet) & ~bare),
        "recorded_capacity": (chance["capacity"] > 3.0 * quiet) & ~bare,
        "recorded_volt": (chance["volt"] > 2.0 * quiet) & ~bare,
        "recorded_mass": (chance["mass"] > 2.5 * quiet) & ~bare,
        "recorded_made_on": legacy | ((chance["made_on"] > 3.0 * quiet) & ~bare),
        "recorded_model": (chance["model"] > 2.0 * quiet) & ~bare,
        "recorded_duty": (chance["duty"] > 2.5 * quiet) & ~bare,
        "recorded_metals": (chance["metals"] < metals_share) & ~bare & ~legacy,
        "recorded_modules": (chance["modules"] < 0.25) & ~bare & ~legacy,
    }


def recorded_chemistry_code(fleet: Fleet) -> IntArray:
    """Return the recorded chemistry as an index into ``(*NAMES, "NMC")``, -1 if not recorded."""
    ternary = IS_TERNARY[fleet.chemistry] & (fleet.chemistry != NAMES.index("NCA"))
    named = np.where(ternary & ~fleet.recorded_grade, len(NAMES), fleet.chemistry)
    return np.where(fleet.recorded_chemistry, named, -1)
