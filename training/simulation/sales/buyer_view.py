"""What a buyer knows of a pack on the day of the sale (买方视角), derived from its record.

These formulas belong to the simulation. They read only what was reported by the day, never the true values, so the
expected price of a deal depends only on the record and the public quotes. Closed routes are determined by the checks of
the valuation (:mod:`training.simulation.sales.closed_routes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.event_fields import CHOICES, EVENT_TYPES, REPORTER_KINDS
from training.simulation.packs import chemistries
from training.simulation.packs.chemistries import IS_TERNARY, NAMES
from training.simulation.packs.fleet import Fleet, recorded_chemistry_code
from training.simulation.packs.vehicle_models import VehicleModels
from training.simulation.plan import DAYS_PER_YEAR
from training.simulation.records.events import Events
from training.simulation.sales.closed_routes import closed_routes
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce, highest, last, previous, total

CODE_ONLY, LEDGER, READINGS, QUICK_TEST, LAB_TEST = range(5)  # tiers of evidence T0 to T4
_USUAL_LOSS_PER_YEAR = np.array([0.017, 0.046, 0.036, 0.030, 0.027, 0.022])  # buyers' rule of thumb per duty
_USUAL_LOSS_UNKNOWN = 0.026
_GRADE_UNKNOWN_MIX = {"NMC111": 0.10, "NMC523": 0.55, "NMC622": 0.23, "NMC811": 0.12}
_EXPECTED_MAKER_OPTIMISM = 0.85  # buyers know that the BMS underestimates the loss
_RISE_UNNOTICED, _RISE_RANGE = 0.03, 0.05  # a rise of health within the noise raises no doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """Facts known to the buyers, one row per offer; NaN is unknown."""

    chemistry: IntArray
    grade_known: BoolArray
    energy_kwh: FloatArray
    mass_kg: FloatArray
    metal_kg: FloatArray
    age_years: FloatArray
    health: FloatArray
    health_sd: FloatArray
    tier: IntArray
    accident: FloatArray  # worst reported severity, 0 for none
    faults: FloatArray
    damage: IntArray  # reported condition
    duty: IntArray  # -1: not recorded
    traceability: FloatArray  # 0-1, share of the expected records that are present
    doubt: FloatArray  # 0-1, how much the record looks edited
    recorded_chemistry: BoolArray
    recorded_composition: BoolArray
    missing_modules: FloatArray
    second_hand_product: BoolArray  # already a second-life product
    closed: BoolArray  # shape (offers, 3): the routes that findings on the record close


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerView:
    """Packs on offer and the day of sale of each; ``events`` are the ordered reported events of all packs."""

    row: IntArray
    day: IntArray
    events: Events
    missing_modules: FloatArray


def observe(fleet: Fleet, models: VehicleModels, view: BuyerView) -> MarketView:
    """Return what buyers know of each pack on the day of its sale."""
    slot = np.full(fleet.rows, -1)
    slot[view.row] = np.arange(len(view.row))
    place = slot[view.events.row]
    visible = place >= 0
    visible[visible] = view.events.reported_on[visible] <= view.day[place[visible]]
    reported = view.events.where(np.flatnonzero(visible))
    at = slot[reported.row]
    chemistry, grade_known = _chemistry(fleet, view.row)
    energy, mass = _size(fleet, models, view.row, chemistry)
    age = (view.day - fleet.made_on[view.row]) / DAYS_PER_YEAR
    duty = np.where(fleet.recorded_duty[view.row], fleet.duty[view.row], -1)
    rated = np.where(fleet.recorded_capacity[view.row], fleet.capacity_ah[view.row], np.nan)
    health = _health(reported, at, view, (rated, energy, age, duty))
    condition = np.where(reported.choice("condition") >= 0, reported.choice("condition").astype(np.float64), np.nan)
    return MarketView(
        chemistry=chemistry, grade_known=grade_known, energy_kwh=energy, mass_kg=mass,
        metal_kg=_metals(fleet, view.row, (chemistry, grade_known, energy, mass)), age_years=age,
        health=health[0], health_sd=health[1], tier=health[2].astype(np.int64), doubt=health[3],
        accident=_worst(reported, at, len(view.row)), faults=_faults(reported, at, len(view.row)),
        damage=coalesce(last(at, condition, len(view.row)), np.zeros(len(view.row))).astype(np.int64), duty=duty,
        traceability=_traceability(fleet, view.row, reported, at), missing_modules=view.missing_modules[view.row],
        second_hand_product=fleet.parent[view.row] >= 0, recorded_chemistry=fleet.recorded_chemistry[view.row],
        recorded_composition=fleet.recorded_metals[view.row],
        closed=closed_routes(fleet, models, view.missing_modules, (view.row, view.day), reported),
    )  # fmt: skip


def _chemistry(fleet: Fleet, row: IntArray) -> tuple[IntArray, BoolArray]:
    """Return the assumed chemistry: as recorded, else by the letter in the code; NMC523 for an unknown grade."""
    recorded = recorded_chemistry_code(fleet)[row]
    ternary = IS_TERNARY[fleet.chemistry[row]]
    by_letter = np.where(ternary, NAMES.index("NMC523"), fleet.chemistry[row])
    by_letter = np.where(fleet.chemistry[row] == NAMES.index("NAION"), NAMES.index("OTHER"), by_letter)
    assumed = np.where(recorded < 0, by_letter, np.where(recorded == len(NAMES), NAMES.index("NMC523"), recorded))
    return assumed, ((recorded >= 0) & (recorded < len(NAMES))) | ~ternary


def _size(fleet: Fleet, models: VehicleModels, row: IntArray, chemistry: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return energy and mass as recorded, else from charge and voltage, else by the specification code."""
    unknown = np.full(len(row), np.nan)
    usual = chemistries.pack_wh_per_kg(chemistry, 1970.0 + fleet.made_on[row] / DAYS_PER_YEAR) / 1000.0
    energy = np.where(fleet.recorded_energy[row], fleet.energy_kwh[row], unknown)
    charge = np.where(
        fleet.recorded_capacity[row] & fleet.recorded_volt[row],
        fleet.capacity_ah[row] * fleet.volt[row] / 1000.0,
        unknown,
    )
    mass = np.where(fleet.recorded_mass[row], fleet.mass_kg[row], unknown)
    filed = models.energy_kwh[fleet.model[row]]  # packs with one vendor and specification code are alike
    energy = coalesce(energy, charge, filed)
    return energy, coalesce(mass, energy / usual)


def _metals(fleet: Fleet, row: IntArray, reported: tuple[IntArray, BoolArray, FloatArray, FloatArray]) -> FloatArray:
    """Return the assumed metal masses: as recorded, else from the table of the chemistry."""
    chemistry, grade_known, energy, mass = reported
    table = chemistries.metal_kg(chemistry, energy, mass)
    mix = np.zeros_like(table)
    for name, share in _GRADE_UNKNOWN_MIX.items():
        mix += share * chemistries.metal_kg(np.full(len(row), NAMES.index(name)), energy, mass)
    table = np.where(grade_known[:, None], table, mix)
    return np.where(fleet.recorded_metals[row][:, None], fleet.metal_kg[row].round(2), table)


def _health(
    reported: Events, at: IntArray, view: BuyerView, pack: tuple[FloatArray, FloatArray, FloatArray, IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return estimated health and its standard deviation, the evidence tier, and the doubt about the record."""
    capacity_ah, energy_kwh, age, duty = pack
    count = len(view.row)
    recorded, method = reported.numbers("soh"), reported.choice("method")
    tested = reported.type == EVENT_TYPES.index("tested")
    measured = coalesce(
        recorded,
        reported.numbers("remaining_capacity_ah") / capacity_ah[at],
        reported.numbers("remaining_energy_kwh") / energy_kwh[at],
    )
    owner = reported.reporter_kind == REPORTER_KINDS.index("owner")
    resistance = reported.choice("soh_definition") == CHOICES["soh_definition"].index("resistance")
    usage = (reported.type == EVENT_TYPES.index("usage")) & ~np.isnan(recorded)
    rise = np.where(usage, recorded - previous(at, np.where(usage, recorded, np.nan)), np.nan)
    doubt = np.clip((coalesce(highest(at, rise, count), np.zeros(count)) - _RISE_UNNOTICED) / _RISE_RANGE, 0.0, 1.0)
    read = last(at, np.where(usage & ~resistance & ~owner & (recorded < 0.999), recorded, np.nan), count)
    read_on = last(
        at, np.where(usage & ~resistance & ~owner & (recorded < 0.999), reported.on.astype(np.float64), np.nan), count
    )
    quick = last(at, np.where(tested & (method == 1), measured, np.nan), count)
    lab = last(at, np.where(tested & (method == 0), measured, np.nan), count)
    usual_loss = np.where(duty >= 0, _USUAL_LOSS_PER_YEAR[duty], _USUAL_LOSS_UNKNOWN)
    prior = np.clip(1.0 - usual_loss * age, 0.55, 1.0)
    since = np.maximum(view.day - read_on, 0.0) / DAYS_PER_YEAR
    believed = 1.0 - (1.0 - read) / _EXPECTED_MAKER_OPTIMISM - usual_loss * np.minimum(since, 3.0)
    estimates = ((prior, np.full(count, 0.060)), (believed, 0.030 + 0.030 * doubt + 0.01 * since),
                 (quick - 0.004, np.full(count, 0.024)), (lab, np.full(count, 0.008)))  # fmt: skip
    weight = sum(np.where(np.isnan(value), 0.0, 1.0 / sd**2) for value, sd in estimates)
    mean = sum(np.where(np.isnan(value), 0.0, value / sd**2) for value, sd in estimates) / weight
    any_event = np.bincount(at[reported.type > 0], minlength=count) > 0
    tier = np.where(any_event, LEDGER, CODE_ONLY)
    for level, value in ((READINGS, read), (QUICK_TEST, quick), (LAB_TEST, lab)):
        tier = np.where(np.isnan(value), tier, level)
    return np.clip(mean, 0.2, 1.0), 1.0 / np.sqrt(weight), tier.astype(np.float64), doubt


def _worst(reported: Events, at: IntArray, count: int) -> FloatArray:
    grave = np.isin(
        reported.choice("kind"),
        [CHOICES["kind"].index(name) for name in ("accident", "fire", "water", "swelling", "leak")],
    )
    severity = coalesce(reported.numbers("severity"), np.full(len(reported), 0.3))
    return coalesce(highest(at, np.where(grave, severity, np.nan), count), np.zeros(count))


def _faults(reported: Events, at: IntArray, count: int) -> FloatArray:
    negative = reported.type == EVENT_TYPES.index("negative")
    return total(at, negative.astype(np.float64), count)


def _traceability(fleet: Fleet, row: IntArray, reported: Events, at: IntArray) -> FloatArray:
    """Return the share of the expected records that are present, reduced for legacy codes."""
    score = np.zeros(len(row))
    for name in ("produced", "installed", "sold", "usage", "retired", "removed"):
        score += np.bincount(at[reported.type == EVENT_TYPES.index(name)], minlength=len(row)) > 0
    return score / 6.0 - 0.2 * fleet.legacy[row]
