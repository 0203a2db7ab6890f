"""Simulate the whole market in order (合成市场): prices, packs, lives, records, buyer views and deals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.simulation.packs.capacity_ageing import simulate_ageing
from training.simulation.packs.fleet import Fleet, simulate_fleet
from training.simulation.packs.offered_packs import Offers, simulate_offers
from training.simulation.packs.service_lives import NEVER, OPENED, Lives, simulate_lives
from training.simulation.packs.vehicle_models import VehicleModels, simulate_models
from training.simulation.plan import SimulationPlan, stream
from training.simulation.prices.quotes import Quotes, simulate_quotes
from training.simulation.records.events import Events, gather
from training.simulation.records.life_events import life_events
from training.simulation.records.reporting_delays import report
from training.simulation.records.usage_readings import Known, usage_events
from training.simulation.sales.buyer_traits import BuyerTraits, draw_buyer_traits
from training.simulation.sales.buyer_view import BuyerView, MarketView, observe
from training.simulation.sales.deals import Deals, realise_deals
from training.simulation.sales.events_after_sale import events_after_sale
from training.simulation.sales.pricing import Priced, PricingInput, price
from training.simulation.sales.second_life_products import make_products
from training.simulation.table_rows import stack
from valuation.messages import Message
from valuation.numeric.columns import FloatArray

USUAL_DEMAND = 0.18  # for a vehicle model that is not recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """The simulated market as columns, with true values and records; nothing in it is real."""

    plan: SimulationPlan
    quotes: Quotes
    models: VehicleModels
    fleet: Fleet
    lives: Lives
    events: Events
    missing_modules: FloatArray
    offers: Offers
    view: MarketView
    priced: Priced
    deals: Deals


def simulate(plan: SimulationPlan, progress: Callable[[str], None] = lambda _: None) -> SimulatedMarket:
    """Simulate the market of a plan; ``progress`` is called with the name of each stage as it begins.

    >>> market = simulate(SimulationPlan(packs=300, seed=1))
    >>> bool(0.2 < len(market.deals.offer) / 300 < 0.7)
    True
    """
    progress(Message("stage.prices"))
    quotes, traits = simulate_quotes(plan), draw_buyer_traits(plan)
    progress(Message("stage.fleet"))
    models = simulate_models(plan)
    fleet = simulate_fleet(plan, models)
    progress(Message("stage.ageing"))
    ageing = simulate_ageing(plan, fleet, models)
    lives = simulate_lives(plan, fleet, ageing)
    offers = simulate_offers(plan, fleet, lives)
    progress(Message("stage.records"))
    known = Known(fleet=fleet, models=models, ageing=ageing, lives=lives, offers=offers)
    events = report(plan, fleet, gather([*life_events(plan, known), *usage_events(plan, known)]))
    missing = _missing_modules(plan, lives)
    progress(Message("stage.deals"))
    ticket = stream(plan, "uses").random(len(offers.row))
    first = _Stage(fleet=fleet, offers=offers, events=events, missing_modules=missing, ticket=ticket)
    view, priced = _priced(first, models, quotes, traits)
    products = make_products(plan, fleet, offers, priced)
    fleet, missing = stack(fleet, products.fleet), np.concatenate([missing, np.zeros(products.fleet.rows)])
    later = report(plan, fleet, gather(products.events), part="product_reports")
    ticket = stream(plan, "product_uses").random(len(products.offers.row))
    second = _Stage(fleet=fleet, offers=products.offers, events=later, missing_modules=missing, ticket=ticket)
    product_view, product_priced = _priced(second, models, quotes, traits)
    offers, priced = stack(offers, products.offers), stack(priced, product_priced)
    deals = realise_deals(plan, offers, priced)
    progress(Message("stage.after_sales"))
    after = gather(events_after_sale(plan, fleet, offers, deals, products.new_codes))
    return SimulatedMarket(
        plan=plan, quotes=quotes, models=models, fleet=fleet, lives=stack(lives, products.lives),
        events=gather([events, later, report(plan, fleet, after, part="afterlife")]), missing_modules=missing,
        offers=offers, view=stack(view, product_view), priced=priced, deals=deals,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Packs on sale at one stage: first those from vehicles, then second-life products made from some of them."""

    fleet: Fleet
    offers: Offers
    events: Events
    missing_modules: FloatArray
    ticket: FloatArray


def _priced(stage: _Stage, models: VehicleModels, quotes: Quotes, traits: BuyerTraits) -> tuple[MarketView, Priced]:
    """Return the buyers' view of the packs on sale, and their expected prices."""
    offers, fleet = stage.offers, stage.fleet
    buyer_view = BuyerView(
        row=offers.row, day=offers.sold_on, events=stage.events, missing_modules=stage.missing_modules
    )
    view = observe(fleet, models, buyer_view)
    recorded_model = fleet.recorded_model[offers.row]
    demand = np.where(recorded_model, models.demand[fleet.model[offers.row]], USUAL_DEMAND)
    inputs = PricingInput(
        view=view, region=offers.region, day=offers.sold_on.astype(np.float64), maker=fleet.maker[offers.row],
        demand=demand, ticket=stage.ticket, quotes=quotes, traits=traits,
    )  # fmt: skip
    return view, price(inputs)


def _missing_modules(plan: SimulationPlan, lives: Lives) -> FloatArray:
    """Draw the number of missing modules of each pack; opened packs often lack some."""
    rng = stream(plan, "record").spawn(1)[0]
    count = len(lives.soh)
    share = np.where(lives.condition == OPENED, 0.35, 0.004)
    lacking = (rng.random(count) < share) & (lives.retired_on < NEVER)
    return np.where(lacking, rng.integers(1, 4, count), 0).astype(np.float64)
