"""Simulate second-life products (梯次产品): packs with a 19-character code and a parent, their lives and sales."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.simulation.event_fields import CHOICES
from training.simulation.packs import chemistries
from training.simulation.packs.battery_codes import date_letters, digits, join
from training.simulation.packs.fleet import OTHER_DUTY, Fleet, spec_codes
from training.simulation.packs.offered_packs import OUTLET, Offers
from training.simulation.packs.service_lives import END_OF_STORAGE, INTACT, NEVER, Lives
from training.simulation.packs.vehicle_models import MAKERS, SECOND_LIFE_MAKERS
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, stream
from training.simulation.records.events import Events, block
from training.simulation.sales.pricing import SECOND_LIFE, Priced
from training.simulation.table_rows import take
from valuation.numeric.columns import FloatArray, IntArray

_PRODUCT_SHARE = 0.12  # of the packs sold for second life come back as one product that the record follows
_EARLIEST_SALE_BEFORE_END = 300
_LOSS_PER_YEAR, _LOSS_SPREAD = 0.028, 0.40
_LIFE_YEARS, _LIFE_SPREAD = 3.2, 0.45
_CYCLES_PER_YEAR = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """Second-life products: packs, lives, offers and events; their rows follow those of the first packs."""

    fleet: Fleet
    lives: Lives
    offers: Offers
    events: list[Events]
    new_codes: dict[int, bytes]


def make_products(plan: SimulationPlan, fleet: Fleet, offers: Offers, priced: Priced) -> Products:
    """Draw the products made from some of the packs sold for second life."""
    rng = stream(plan, "second_life")
    fit = (priced.route == SECOND_LIFE) & (offers.sold_on < plan.last_day - _EARLIEST_SALE_BEFORE_END)
    chosen = np.flatnonzero(fit & (rng.random(len(fit)) < _PRODUCT_SHARE))
    products, order = _packs(rng, fleet, offers, chosen)
    chosen = chosen[order]
    first = fleet.rows
    lives, yearly_loss = _lives(rng, plan, products)
    sale = _offers(rng, plan, lives, (first, offers.region[chosen]))
    codes = {int(parent): bytes(code) for parent, code in zip(products.parent, products.code, strict=True)}
    events = _events(rng, plan, (products, lives, sale), (first, yearly_loss))
    return Products(fleet=products, lives=lives, offers=sale, events=events, new_codes=codes)


def _packs(rng: np.random.Generator, fleet: Fleet, offers: Offers, chosen: IntArray) -> tuple[Fleet, IntArray]:
    """Return the products in order of their code, and that order."""
    parent = offers.row[chosen]
    count = len(parent)
    base = take(fleet, parent)
    made_on = offers.sold_on[chosen] + rng.integers(60, 240, count)
    maker = len(MAKERS) + rng.integers(0, len(SECOND_LIFE_MAKERS), count)
    vendor = np.array([name.encode() for name in SECOND_LIFE_MAKERS])[maker - len(MAKERS)]
    ending = np.full(count, b"RP", dtype="S2")
    spec = spec_codes(base.model, base.chemistry, b"P")
    code = join(vendor, spec, date_letters(made_on), digits(np.arange(1, count + 1), 7), ending)
    energy = np.maximum(np.round(base.energy_kwh * offers.true_soh[chosen], 1), 0.5)
    known, hidden = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    products = replace(
        base, code=code.astype(fleet.code.dtype), maker=maker, made_on=made_on, energy_kwh=energy, parent=parent,
        duty=np.full(count, OTHER_DUTY), legacy=hidden, recorded_metals=hidden, recorded_modules=hidden,
        recorded_model=hidden, recorded_chemistry=known, recorded_energy=known, recorded_made_on=known,
        recorded_grade=hidden,
    )  # fmt: skip
    order = np.argsort(products.code, kind="stable")
    return take(products, order), order


def _lives(rng: np.random.Generator, plan: SimulationPlan, products: Fleet) -> tuple[Lives, FloatArray]:
    """Draw the lives of the products, and the yearly loss of health in storage use. [1/a]"""
    count = products.rows
    installed = products.made_on + rng.integers(10, 90, count)
    life = DAYS_PER_YEAR * _LIFE_YEARS * rng.lognormal(0.0, _LIFE_SPREAD, count)
    retired = installed + life.astype(np.int64)
    retired = np.where(retired <= plan.last_day, retired, NEVER)
    loss = _LOSS_PER_YEAR * rng.lognormal(0.0, _LOSS_SPREAD, count) * chemistries.AGEING[products.chemistry]
    served = np.maximum(np.minimum(retired, plan.last_day) - installed, 0) / DAYS_PER_YEAR
    never = np.full(count, NEVER)
    lives = Lives(
        installed_on=installed, first_sold_on=installed, retired_on=retired, reason=np.full(count, END_OF_STORAGE),
        condition=np.full(count, INTACT), failed_on=never, accident_on=never, soh=np.maximum(1.0 - loss * served, 0.3),
    )  # fmt: skip
    return lives, loss


def _offers(rng: np.random.Generator, plan: SimulationPlan, lives: Lives, known: tuple[int, IntArray]) -> Offers:
    first, region = known
    sold_on = lives.retired_on + rng.integers(20, 160, len(lives.soh))
    mine = np.flatnonzero(sold_on <= plan.last_day)
    zeros = np.zeros(len(mine), dtype=np.int64)
    return Offers(
        row=first + mine, sold_on=sold_on[mine], seller=zeros + OUTLET, region=region[mine], lot=zeros - 1,
        lot_size=zeros + 1, tampering=zeros, true_soh=lives.soh[mine],
    )  # fmt: skip


def _events(
    rng: np.random.Generator, plan: SimulationPlan, known: tuple[Fleet, Lives, Offers], places: tuple[int, FloatArray]
) -> list[Events]:
    """Draw production, storage use with yearly readings, tests and retirement of the products."""
    (products, lives, sale), (first, loss) = known, places
    here = np.arange(products.rows)
    end = np.minimum(lives.retired_on, plan.last_day)
    count = np.maximum((end - lives.installed_on) / DAYS_PER_YEAR, 0.0).astype(np.int64)
    read = np.repeat(here, count)
    years = np.arange(len(read)) - np.repeat(np.cumsum(count) - count, count) + 1.0
    soh = np.clip(1.0 - loss[read] * years * 0.9 + rng.normal(0.0, 0.012, len(read)), 0.2, 1.0).round(3)
    sold = sale.row - first
    lab = rng.random(len(sold)) < 0.3
    tested = np.flatnonzero(rng.random(len(sold)) < 0.5)
    measured = sale.true_soh + rng.normal(0.0, np.where(lab, 0.007, 0.022))
    gone = np.flatnonzero(lives.retired_on < NEVER)
    storage = np.full(products.rows, CHOICES["purpose"].index("energy_storage"))
    return [
        block("produced", first + here, products.made_on, ("recycler", here)),
        block(
            "installed", first + here, lives.installed_on, ("recycler", here), purpose=storage, region=products.region
        ),
        block(
            "usage",
            first + read,
            lives.installed_on[read] + years * 365.0,
            ("service_outlet", read),
            soh=soh,
            soh_source=np.zeros(len(read)),
            full_cycles=np.round(_CYCLES_PER_YEAR * years, 1),
        ),
        block(
            "tested",
            (first + sold)[tested],
            (sale.sold_on - 10)[tested],
            ("recycler", sold[tested]),
            method=np.where(lab, 0, 1)[tested],
            soh=np.clip(measured, 0.2, 1.03).round(4)[tested],
        ),
        block("retired", first + gone, lives.retired_on[gone], ("service_outlet", gone), reason=lives.reason[gone]),
    ]
