"""Recycling (再生利用): what the metals fetch, less what it costs to get at them; may be negative (gate fee).

    R = (1 - trade) sum over metals of  q_e y_e c_e P_e  -  m (transport)  -  m_cells (dismantling + treatment)

with content q [kg/kWh], mechanical yield y, payable c and price P [CNY/kg] of the metal in its paid form (SMM
coefficient convention since 2023-02-13; cost build-up after Argonne EverBatt), and the share that the trade between
seller and recycler keeps. Everything but a weak slope of lithium is independent of health: metal does not fade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.errors import MissingQuote
from valuation.market.payables import PAID_FORMS, rule_for
from valuation.market.quotes_as_of import DayQuotes
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp
from valuation.pack.chemistry import CHEMISTRY_CODE, FAMILIES, family_code
from valuation.pack.materials import MetalContent
from valuation.pack.nameplate import DAYS_PER_YEAR, EPOCH_YEAR, PACK, Nameplate
from valuation.record.to_columns import calendar_day
from valuation.routes.assumptions import Assumptions

VITAL: Final = ("Li", "Ni", "Co")
"""Metals without whose price a pack that holds them cannot be valued."""

# What a kg would about fetch where nobody quotes it: only to say how much is left out (level of 2026). [CNY/kg]
_USUAL_PRICE: Final[Mapping[str, float]] = {"Cu": 70.0, "Al": 18.0, "Fe": 2.5, "Mn": 0.0, "graphite": 0.0}
DISMANTLING_SHARE: Final = np.array([1.0, 0.6, 0.3])
"""How much of it is left to do for a pack, a module, a cell that is loose already (judged, 2026). [1]"""
COSTS_OF_YEAR: Final = 2026.0
"""The year whose costs the assumptions hold. [a]"""
COST_SD: Final = 0.25
"""Spread of costs between recyclers (judged, 2026). [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycling:
    """What recycling fetches, CNY without VAT per rated kWh, one row a pack.

    Attributes
    ----------
    paid : columns by element
        What the metal fetches, lithium as of a pack in full health.
    costs : columns by name
        Transport, dismantling, treatment; positive numbers.
    haircut : array
        Share of the metal's worth that findings take off. [1]
    trade_margin : array or float
        Share of the metal's worth that the trade keeps. [1]
    lithium_slope : float
        Share of the lithium's worth that a wholly faded pack lacks. [1]
    sd : array
        One standard deviation from composition, age of quotes, payables and costs.
    """

    paid: Mapping[str, FloatArray]
    costs: Mapping[str, FloatArray]
    haircut: FloatArray
    trade_margin: FloatArray | float
    lithium_slope: float
    sd: FloatArray

    def lithium_left(self, soh: FloatArray) -> FloatArray:
        """Return the share of the lithium's worth that is left at a health. [1]"""
        return 1.0 - self.lithium_slope * np.minimum(np.maximum(1.0 - soh, 0.0), 1.0)

    def value(self, soh: FloatArray) -> FloatArray:
        """Return what recycling fetches at a health, for any leading shape over packs. [CNY/kWh]"""
        gross = self.paid["Li"] * self.lithium_left(soh)
        for element, paid in self.paid.items():
            if element != "Li":
                gross = gross + paid
        net = gross * (1.0 - self.haircut - self.trade_margin)
        for cost in self.costs.values():
            net = net - cost
        return net


def price_recycling(  # noqa: PLR0913, PLR0917 - one argument for each step of the dossier it rests on
    nameplate: Nameplate,
    market: Market,
    metals: MetalContent,
    haircut: FloatArray,
    assumptions: Assumptions,
    apart_cny_per_kg: FloatArray | float = 0.0,
    bids: FloatArray | float = 1.0,
    paid_share: FloatArray | float = 1.0,
) -> Recycling:
    """Return what recycling each pack fetches.

    `apart_cny_per_kg` is what packing and hauling a harmed pack apart costs, `bids` what buyers pay of the metals'
    worth in the mood of the day, `paid_share` 0 where no recycler pays for the metals: only the costs are left.

    Raises
    ------
    MissingQuote
        If lithium, nickel or cobalt is in a pack and was never quoted by its day.
    """
    lacking = missing_quotes(nameplate, market, metals)
    if lacking:
        raise lacking[min(lacking)]
    known = np.where(nameplate.chemistry == CHEMISTRY_CODE["OTHER"], assumptions.unknown_kind, 1.0)
    worth, relative_sd, left_out = _paid(nameplate, market)
    yields = np.array([assumptions.yields[element] for element in PAID_FORMS])[:, None]
    content = _of_elements(metals.mass_kg) / nameplate.energy_kwh * yields * (known * paid_share)
    fetched = content * worth
    content_sd = _of_elements(metals.relative_sd)
    spread = fetched * np.sqrt(content_sd * content_sd + relative_sd * relative_sd)
    missed = content * left_out
    variance = np.zeros(len(nameplate.energy_kwh))
    for spread_squared, missed_squared in zip(spread * spread, missed * missed, strict=True):
        variance = variance + spread_squared + missed_squared
    paid = dict(zip(PAID_FORMS, fetched, strict=True))
    cells = metals.cell_mass_kg / nameplate.energy_kwh * surcharge(market, assumptions)
    costs = {
        "transport": metals.pack_mass_kg / nameplate.energy_kwh * (assumptions.transport_cny_per_kg + apart_cny_per_kg),
        "dismantling": cells * assumptions.dismantling_cny_per_kg * DISMANTLING_SHARE[nameplate.level.astype(np.int64)],
        "treatment": cells * assumptions.treatment_cny_per_kg + per_pack_cost(assumptions.recycling_cny, nameplate),
    }
    cost = costs["transport"] + costs["dismantling"] + costs["treatment"]
    return Recycling(
        paid=paid,
        costs=costs,
        haircut=haircut,
        trade_margin=assumptions.trade_margin + (1.0 - assumptions.trade_margin) * (1.0 - bids),
        lithium_slope=assumptions.lithium_slope,
        sd=np.sqrt(variance + (COST_SD * cost) ** 2),
    )


def per_pack_cost(cost_cny: float, nameplate: Nameplate) -> FloatArray:
    """Return a cost that is the same for every whole pack, over its rated energy. [CNY/kWh]"""
    return np.where(nameplate.level == PACK, cost_cny / nameplate.energy_kwh, 0.0)


def surcharge(market: Market, assumptions: Assumptions) -> FloatArray:
    """Return by what factor work costs more on each pack's day than in the year the costs are of. [1]"""
    if assumptions.cost_decline_per_a == 0.0:
        return np.ones(len(market.as_of_day))
    years = market.of_days.days / DAYS_PER_YEAR + EPOCH_YEAR - COSTS_OF_YEAR
    return exp(-assumptions.cost_decline_per_a * years)[market.row]


def missing_quotes(nameplate: Nameplate, market: Market, metals: MetalContent) -> dict[int, MissingQuote]:
    """Return, by row, why a pack cannot be valued: a metal that it holds, and that is paid for, was never quoted."""
    found: dict[int, MissingQuote] = {}
    for element in VITAL:
        unquoted = np.isnan(_price(element, market.of_days)[0])
        if unquoted.any():
            lacking = unquoted[market.row] & (metals.mass_kg[element] > 0.0)
            family = family_code(nameplate.chemistry)
            for row in np.flatnonzero(lacking).tolist():
                payable, _ = _payable(element, FAMILIES[int(family[row])], market.of_days)
                if payable[market.row[row]] > 0.0:
                    found.setdefault(row, _missing(element, market, row))
    return found


def _of_elements(columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the columns of the elements that are paid for as one matrix, shape (elements, packs)."""
    return np.array([columns[element] for element in PAID_FORMS])


def _paid(nameplate: Nameplate, market: Market) -> FloatArray:
    """Return what :func:`_paid_by_family` has for each pack, shape (3, elements, packs)."""
    table = market.of_days.once("paid by family", lambda: _paid_by_family(market.of_days))
    by_pack: FloatArray = table[:, :, family_code(nameplate.chemistry).astype(np.int64), market.row]
    return by_pack


def _paid_by_family(quotes: DayQuotes) -> FloatArray:
    """Return price x payable [CNY/kg], its relative spread, and what may be missed where the metal is unquoted.

    They rest on day and family alone, so they are worked out once for both: shape (3, elements, families, days).
    """
    table = np.empty((3, len(PAID_FORMS), len(FAMILIES), len(quotes.days)))
    for place, element in enumerate(PAID_FORMS):
        price, price_sd = _price(element, quotes)
        unknown = np.isnan(price)
        usual = _USUAL_PRICE.get(element, 0.0)
        for code, family in enumerate(FAMILIES):
            payable, payable_sd = _payable(element, family, quotes)
            table[0, place, code] = np.where(unknown, 0.0, price) * payable
            table[1, place, code] = np.where(unknown, 0.0, np.sqrt(price_sd * price_sd + payable_sd * payable_sd))
            table[2, place, code] = np.where(unknown, usual * payable, 0.0)
    return table


def _price(element: str, quotes: DayQuotes) -> tuple[FloatArray, FloatArray]:
    """Return the price of a metal in the form that is paid, else in the next best, and its spread. [CNY/kg, 1]"""
    return quotes.once(("paid price", element), lambda: _best_form(element, quotes))


def _best_form(element: str, quotes: DayQuotes) -> tuple[FloatArray, FloatArray]:
    """Return price and spread of the best form that is quoted on each day. [CNY/kg, 1]"""
    price = np.full(len(quotes.days), np.nan)
    spread = np.zeros(len(quotes.days))
    for form in PAID_FORMS[element]:
        open_ = np.isnan(price)
        quoted = quotes.price(form.instrument) * (form.per_metal / 1000.0)
        aged = quotes.relative_sd(form.instrument)
        price = np.where(open_, quoted, price)
        spread = np.where(open_, np.sqrt(aged * aged + form.relative_sd**2), spread)
    return price, spread


def _payable(element: str, family: str, quotes: DayQuotes) -> tuple[FloatArray, FloatArray]:
    """Return the payable of an element in packs of a family on each day, and its relative spread."""
    instrument = f"payable_{element.lower()}_{family}"
    payable, _, estimated = quotes.payable(instrument)
    estimated_sd = rule_for(element.lower(), family, quotes.region).relative_sd
    return payable, np.where(estimated, estimated_sd, quotes.relative_sd(instrument))


def _missing(element: str, market: Market, row: int) -> MissingQuote:
    """Return the error that names the quote without which a pack cannot be valued."""
    names = [form.instrument for form in PAID_FORMS[element]]
    day = calendar_day(float(market.as_of_day[row]))
    return MissingQuote(
        f"{' or '.join(names)} is not quoted on or before {day}",
        hint=f"add a quote of {names[0]} to the market file, dated {day} or earlier",
        field=names[0],
        value=str(day),
    )
