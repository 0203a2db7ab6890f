"""Simulate the events of a pack up to its sale (溯源节点): production, vehicles, repairs, faults, tests, retirement."""

from __future__ import annotations

import numpy as np

from training.simulation.event_fields import CHOICES
from training.simulation.packs.battery_codes import TextArray, date_letters, digits, join, vehicle_numbers
from training.simulation.packs.fleet import DUTIES, SWAP, Fleet, spec_codes
from training.simulation.packs.offered_packs import DISMANTLER, PACK_SWAPPED, VEHICLE_MAKER, by_pack
from training.simulation.packs.service_lives import ACCIDENT, END_OF_LIFE, FAILURE, INTACT, LOW_CAPACITY, NEVER, Lives
from training.simulation.packs.vehicle_models import MAKERS
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, stream
from training.simulation.records.events import Events, block
from training.simulation.records.usage_readings import Known
from valuation.numeric.columns import FloatArray, IntArray

_WORKS_SHARE = (0.50, 0.14, 0.10, 0.12, 0.0, 0.02, 0.05, 0.07)
_FAULTS = ("overcharge", "deep_discharge", "over_temperature", "isolation_fault", "recall", "water", "swelling", "leak")
_FAULT_SHARE = (0.14, 0.24, 0.22, 0.14, 0.12, 0.06, 0.05, 0.03)
# Share of a seller kind's packs that are tested before the sale: (quick, laboratory).
_TESTED = np.array([(0.12, 0.05), (0.22, 0.12), (0.30, 0.24), (0.30, 0.26), (0.20, 0.08), (0.06, 0.02)])
_QUICK_NOISE, _LAB_NOISE = 0.022, 0.007
_LAB, _QUICK = 0, 1
_PURPOSE_OF_DUTY = np.array([CHOICES["purpose"].index(name) for name in
                             ("private", "taxi", "public_transport", "logistics", "swap", "company")])  # fmt: skip


def life_events(plan: SimulationPlan, known: Known) -> list[Events]:
    """Return all events of the packs up to their sale, except usage readings."""
    rng = stream(plan, "life_events")
    vin = vehicle_numbers(known.fleet.serial, date_letters(known.lives.installed_on).astype("S1"))
    return [
        *_births(known.fleet, known.lives, vin),
        *_owners(rng, plan, known, vin),
        *_swaps(rng, plan, known, vin),
        *_maintenance(rng, plan, known),
        *_faults(rng, plan, known),
        *_endings(rng, known, vin),
        *_tests(rng, known),
    ]


def odometer_at(known: Known, row: IntArray, day: FloatArray | IntArray) -> FloatArray:
    """Return the true odometer on a day [km]."""
    years = np.maximum(day - known.lives.first_sold_on[row], 0.0) / DAYS_PER_YEAR
    travelled: FloatArray = known.fleet.km_per_year[row] * years
    return travelled.round()


def _births(fleet: Fleet, lives: Lives, vin: TextArray) -> list[Events]:
    row = np.arange(fleet.rows)
    purpose = _PURPOSE_OF_DUTY[fleet.duty]
    return [
        block("produced", row, fleet.made_on, ("battery_maker", fleet.maker)),
        block("installed", row, lives.installed_on, ("vehicle_maker", fleet.maker), vin=vin),
        block(
            "sold",
            row,
            lives.first_sold_on,
            ("vehicle_maker", fleet.maker),
            vin=vin,
            purpose=purpose,
            region=fleet.region,
        ),
    ]


def _end_of_service(plan: SimulationPlan, lives: Lives) -> IntArray:
    return np.minimum(lives.retired_on, plan.last_day + 1)


def _owners(rng: np.random.Generator, plan: SimulationPlan, known: Known, vin: TextArray) -> list[Events]:
    """Draw changes of owner: about one car in three changes hands within eight years."""
    fleet, lives = known.fleet, known.lives
    served = _end_of_service(plan, lives) - lives.first_sold_on
    per_year = np.where(fleet.duty == DUTIES.index("private"), 0.09, 0.04)
    day = lives.first_sold_on + rng.exponential(DAYS_PER_YEAR / per_year)
    row = np.flatnonzero((served > 0) & (day < lives.first_sold_on + served))
    odometer = np.where(rng.random(len(row)) < 0.8, odometer_at(known, row, day[row]), np.nan)
    return [
        block(
            "owner_changed",
            row,
            day[row],
            ("vehicle_maker", fleet.maker[row]),
            vin=vin[row],
            odometer_km=odometer,
            region=fleet.region[row],
        )
    ]


def _swaps(rng: np.random.Generator, plan: SimulationPlan, known: Known, vin: TextArray) -> list[Events]:
    """Draw visits to swap stations, one recorded pair per quarter; the pack changes the vehicle."""
    fleet, lives = known.fleet, known.lives
    packs = np.flatnonzero(fleet.duty == SWAP)
    end = _end_of_service(plan, lives)[packs]
    count = np.maximum((end - lives.first_sold_on[packs] - 20) / 91.3, 0.0).astype(np.int64)
    row = np.repeat(packs, count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + 1
    out = lives.first_sold_on[row] + number * 91.3 - rng.uniform(0.0, 60.0, len(row))
    back = out + rng.integers(0, 4, len(row))
    operator, station = row % 4, rng.integers(0, len(CHOICES["station"]), len(row))
    other = vin[packs[rng.integers(0, len(packs), len(row))]] if len(packs) else vin[:0]
    return [
        block("swapped_out", row, out, ("swap_operator", operator), station=station, vin=vin[row]),
        block("swapped_in", row, back, ("swap_operator", operator), station=station, vin=other),
    ]


def _maintenance(rng: np.random.Generator, plan: SimulationPlan, known: Known) -> list[Events]:
    """Draw maintenance visits, and replacements of failed modules with old and new code."""
    fleet, lives = known.fleet, known.lives
    served = np.maximum(_end_of_service(plan, lives) - lives.first_sold_on, 0)
    visits = rng.poisson(0.16 * served / DAYS_PER_YEAR)
    row = np.repeat(np.arange(fleet.rows), visits)
    day = lives.first_sold_on[row] + rng.random(len(row)) * np.maximum(served[row] - 1, 0)
    work = rng.choice(len(_WORKS_SHARE), len(row), p=np.array(_WORKS_SHARE))
    cost = np.where(rng.random(len(row)) < 0.4, rng.lognormal(6.5, 0.9, len(row)), np.nan)
    failed = np.flatnonzero(lives.failed_on < NEVER)
    recorded = rng.random(len(failed)) < 0.75
    replaced = np.full(len(failed), CHOICES["work"].index("module_replaced"))
    old = np.where(recorded, module_codes(fleet, failed, module_made_on(fleet, failed), 1), b"")
    new = np.where(recorded, replacement_codes(fleet, lives, failed), b"")
    return [
        block("maintained", row, day, ("repair_shop", row), work=work, cost_cny=np.round(cost)),
        block(
            "maintained",
            failed,
            lives.failed_on[failed],
            ("repair_shop", failed),
            work=replaced,
            old_code=old,
            new_code=new,
            cost_cny=np.round(rng.lognormal(8.6, 0.4, len(failed))),
        ),
    ]


def module_codes(fleet: Fleet, row: IntArray, made_on: IntArray, place: IntArray | int) -> TextArray:
    """Return unique codes of modules by their position in the pack."""
    vendor = np.array([maker.encode() for maker in MAKERS])[fleet.maker[row]]
    spec = spec_codes(fleet.model[row], fleet.chemistry[row], b"M")
    trace = join(digits(np.broadcast_to(np.asarray(place), row.shape), 2), digits(fleet.serial[row] // 100_000, 5))
    return join(
        vendor, spec, trace, date_letters(np.maximum(made_on, 14975)), digits(fleet.serial[row] * 100 + place, 7)
    )


def module_made_on(fleet: Fleet, row: IntArray) -> IntArray:
    """Return the day on which the modules of packs were made: a few days before the pack."""
    return fleet.made_on[row] - 2 - fleet.serial[row] % 9


def replacement_codes(fleet: Fleet, lives: Lives, row: IntArray) -> TextArray:
    """Return the code of the module that replaced a failed one."""
    failed_on = lives.failed_on[row]
    return module_codes(fleet, row, np.where(failed_on < NEVER, failed_on - 40, fleet.made_on[row]), 90)


def _faults(rng: np.random.Generator, plan: SimulationPlan, known: Known) -> list[Events]:
    """Draw negative events: faults at a low yearly rate, accidents, and the failure that ended service."""
    fleet, lives = known.fleet, known.lives
    served = np.maximum(_end_of_service(plan, lives) - lives.first_sold_on, 0)
    row = np.repeat(np.arange(fleet.rows), rng.poisson(0.025 * served / DAYS_PER_YEAR))
    day = lives.first_sold_on[row] + rng.random(len(row)) * np.maximum(served[row] - 1, 0)
    names = np.array([CHOICES["kind"].index(name) for name in _FAULTS])
    crashed = np.flatnonzero(lives.accident_on < NEVER)
    fatal = (lives.reason[crashed] == ACCIDENT) & (lives.retired_on[crashed] < NEVER)
    severity = np.where(fatal, rng.uniform(0.3, 1.0, len(crashed)), rng.uniform(0.02, 0.5, len(crashed)))
    failed = np.flatnonzero((lives.reason == FAILURE) & (lives.retired_on < NEVER))
    return [
        block(
            "negative",
            row,
            day,
            ("vehicle_maker", fleet.maker[row]),
            kind=rng.choice(names, len(row), p=np.array(_FAULT_SHARE)),
            severity=np.where(rng.random(len(row)) < 0.6, rng.beta(1.5, 4.0, len(row)).round(2), np.nan),
        ),
        block(
            "negative",
            crashed,
            lives.accident_on[crashed],
            ("vehicle_maker", fleet.maker[crashed]),
            kind=np.full(len(crashed), CHOICES["kind"].index("accident")),
            severity=severity.round(2),
        ),
        block(
            "negative",
            failed,
            lives.retired_on[failed],
            ("repair_shop", failed),
            kind=rng.choice(names[[1, 3, 6]], len(failed)),
            severity=rng.uniform(0.3, 0.9, len(failed)).round(2),
        ),
    ]


def _endings(rng: np.random.Generator, known: Known, vin: TextArray) -> list[Events]:
    """Draw retirement, scrapping, removal and collection; a swapped pack is reported under another vehicle."""
    fleet, lives, offers = known.fleet, known.lives, known.offers
    row = np.flatnonzero(lives.retired_on < NEVER)
    sold_on = by_pack(offers, offers.sold_on, fleet.rows, NEVER)[row]
    seller = by_pack(offers, offers.seller, fleet.rows, -1)[row]
    swapped = by_pack(offers, offers.tampering, fleet.rows, 0)[row] == PACK_SWAPPED
    shown = np.where(swapped, vin[(row + 1) % fleet.rows], vin[row])
    retired = lives.retired_on[row]
    removed = np.minimum(retired + rng.integers(0, 12, len(row)), sold_on - 1)
    odometer = np.where(rng.random(len(row)) < 0.6, odometer_at(known, row, retired), np.nan)
    condition = np.where((lives.condition[row] != INTACT) | (rng.random(len(row)) < 0.6), lives.condition[row], -1)
    scrapped = np.flatnonzero((lives.reason[row] == END_OF_LIFE) | (seller == DISMANTLER))
    collected = np.flatnonzero((seller >= 0) & (seller != VEHICLE_MAKER) & (seller != DISMANTLER))
    brought = np.minimum(removed + rng.integers(1, 20, len(row)), sold_on - 1).astype(np.int64)
    place = np.full(len(row), CHOICES["destination"].index("service_outlet"))
    recorded_reason = np.where(rng.random(len(row)) < 0.8, lives.reason[row], -1)
    return [
        block(
            "retired", row, retired, ("vehicle_maker", fleet.maker[row]), reason=recorded_reason, odometer_km=odometer
        ),
        block("vehicle_scrapped", row[scrapped], retired[scrapped], ("dismantler", row[scrapped]), vin=shown[scrapped]),
        block("removed", row, removed, ("dismantler", row), condition=condition, destination=place, vin=shown),
        block(
            "collected_in",
            row[collected],
            brought[collected],
            ("service_outlet", row[collected]),
            condition=condition[collected],
        ),
        block(
            "collected_out",
            row[collected],
            np.minimum(brought + 9, sold_on)[collected],
            ("service_outlet", row[collected]),
        ),
    ]


def _tests(rng: np.random.Generator, known: Known) -> list[Events]:
    """Draw capacity tests before the sale (余能检测); they measure the pack that is actually sold."""
    fleet, lives, offers = known.fleet, known.lives, known.offers
    ticket = rng.random(len(offers.row))
    quick_share, lab_share = _TESTED[offers.seller].T
    weak = np.where(lives.reason[offers.row] == LOW_CAPACITY, 0.7, 1.0)
    method = np.where(ticket < lab_share * weak, _LAB, np.where(ticket < (lab_share + quick_share) * weak, _QUICK, -1))
    tested = np.flatnonzero(method >= 0)
    row, method, lab = offers.row[tested], method[tested], method[tested] == _LAB
    earliest = lives.retired_on[row]
    day = np.maximum(earliest, offers.sold_on[tested] - rng.integers(6, 60, len(row)))
    true = offers.true_soh[tested]
    measured = np.clip(true + rng.normal(0.0, np.where(lab, _LAB_NOISE, _QUICK_NOISE)), 0.1, 1.03).round(4)
    also_soh = rng.random(len(row)) < 0.75
    capacity = np.where(lab | ~also_soh, np.round(measured * fleet.capacity_ah[row], 1), np.nan)
    energy = np.where(lab & (rng.random(len(row)) < 0.5), np.round(measured * fleet.energy_kwh[row] * 0.995, 2), np.nan)
    growth = known.ageing.resistance_growth(row, true) * rng.normal(1.0, 0.05, len(row))
    spread = known.ageing.cell_spread(row, true) * rng.lognormal(0.0, 0.1, len(row))
    return [
        block(
            "tested",
            row,
            day,
            ("recycler", row),
            method=method,
            soh=np.where(also_soh, measured, np.nan),
            remaining_capacity_ah=capacity,
            remaining_energy_kwh=energy,
            resistance_growth=np.where(lab, np.round(growth, 4), np.nan),
            cell_soh_spread=np.where(lab, np.round(spread, 4), np.nan),
            temperature_c=np.where(lab, np.round(rng.normal(25.0, 0.8, len(row)), 1), np.nan),
            standard=np.where(lab, 0, np.where(rng.random(len(row)) < 0.5, 1, -1)),
        )
    ]
