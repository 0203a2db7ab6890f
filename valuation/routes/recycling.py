"""Recycling (再生利用): the value of the metals less the cost to recover them; negative if a gate fee is due.

    R = (1 - trade) sum over metals of  q_e y_e c_e P_e  -  m (transport)  -  m_cells (dismantling + treatment)

with content q [kg/kWh], mechanical yield y, payable c and price P [CNY/kg] of the metal in its paid form (SMM
coefficient convention since 2023-02-13; cost build-up after Argonne EverBatt), and the margin of the trade between
seller and recycler. Only lithium depends on health, with a weak slope: metal does not fade.
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
"""Metals whose price is required to value a pack that contains them."""

# Approximate price of an unquoted metal, used only for the uncertainty of the omitted value (level of 2026). [CNY/kg]
_USUAL_PRICE: Final[Mapping[str, float]] = {"Cu": 70.0, "Al": 18.0, "Fe": 2.5, "Mn": 0.0, "graphite": 0.0}
DISMANTLING_SHARE: Final = np.array([1.0, 0.6, 0.3])
"""Share of the dismantling work for a pack, a module and a single cell (judged, 2026). [1]"""
COSTS_OF_YEAR: Final = 2026.0
"""Year of the costs in the assumptions. [a]"""
COST_SD: Final = 0.25
"""Spread of costs between recyclers (judged, 2026). [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycling:
    """Value of recycling, CNY without VAT per rated kWh, one row per pack.

    Attributes
    ----------
    paid : columns by element
        Value of the metal; lithium as in a pack of full health.
    costs : columns by name
        Transport, dismantling, treatment, handling of a damaged pack; positive numbers.
    haircut : array
        Share of the metal value deducted for findings. [1]
    trade_margin : array or float
        Share of the metal value kept by the trade. [1]
    lithium_slope : float
        Share of the lithium value lost in a completely faded pack. [1]
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
        """Return the remaining share of the lithium value at a state of health. [1]"""
        return 1.0 - self.lithium_slope * np.minimum(np.maximum(1.0 - soh, 0.0), 1.0)

    def value(self, soh: FloatArray) -> FloatArray:
        """Return the value of recycling at a state of health of shape (…, packs). [CNY/kWh]"""
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
    handling: FloatArray | float = 0.0,
    bids: FloatArray | float = 1.0,
    paid_share: FloatArray | float = 1.0,
) -> Recycling:
    """Return the value of recycling for each pack.

    Parameters
    ----------
    handling : array or float
        Additional cost of packing, haul and storage for a damaged pack. [CNY/kWh]
    bids : array or float
        Factor on the metal value from the trend of the market. [1]
    paid_share : array of shape (elements, packs), or float
        Share of each metal that recyclers still pay for; 0 if only the costs remain. [1]

    Raises
    ------
    MissingQuote
        If a pack contains lithium, nickel or cobalt that was never quoted by its valuation day.
    """
    missing = missing_quotes(nameplate, market, metals)
    if missing:
        raise missing[min(missing)]
    known = np.where(nameplate.chemistry == CHEMISTRY_CODE["OTHER"], assumptions.unknown_kind, 1.0)
    price, relative_sd, omitted = _paid(nameplate, market)
    yields = np.array([assumptions.yields[element] for element in PAID_FORMS])[:, None]
    content = _of_elements(metals.mass_kg) / nameplate.energy_kwh * yields * (known * paid_share)
    paid_value = content * price
    content_sd = _of_elements(metals.relative_sd)
    spread = paid_value * np.sqrt(content_sd * content_sd + relative_sd * relative_sd)
    omitted_value = content * omitted
    variance = np.zeros(len(nameplate.energy_kwh))
    for spread_squared, omitted_squared in zip(spread * spread, omitted_value * omitted_value, strict=True):
        variance = variance + spread_squared + omitted_squared
    paid = dict(zip(PAID_FORMS, paid_value, strict=True))
    cells = metals.cell_mass_kg / nameplate.energy_kwh * surcharge(market, assumptions)
    costs = {
        "transport": metals.pack_mass_kg / nameplate.energy_kwh * assumptions.transport_cny_per_kg,
        "dismantling": cells * assumptions.dismantling_cny_per_kg * DISMANTLING_SHARE[nameplate.level.astype(np.int64)],
        "treatment": cells * assumptions.treatment_cny_per_kg + per_pack_cost(assumptions.recycling_cny, nameplate),
        "handling": np.broadcast_to(handling, nameplate.energy_kwh.shape),
    }
    cost = costs["transport"] + costs["dismantling"] + costs["treatment"] + costs["handling"]
    return Recycling(
        paid=paid,
        costs=costs,
        haircut=haircut,
        trade_margin=assumptions.trade_margin + (1.0 - assumptions.trade_margin) * (1.0 - bids),
        lithium_slope=assumptions.lithium_slope,
        sd=np.sqrt(variance + (COST_SD * cost) ** 2),
    )


def per_pack_cost(cost_cny: float, nameplate: Nameplate) -> FloatArray:
    """Return a fixed cost per whole pack over its rated energy. [CNY/kWh]"""
    return np.where(nameplate.level == PACK, cost_cny / nameplate.energy_kwh, 0.0)


def surcharge(market: Market, assumptions: Assumptions) -> FloatArray:
    """Return the factor on labour costs on each valuation day, against the year of the assumptions. [1]"""
    if assumptions.cost_decline_per_a == 0.0:
        return np.ones(len(market.as_of_day))
    years = market.of_days.days / DAYS_PER_YEAR + EPOCH_YEAR - COSTS_OF_YEAR
    return exp(-assumptions.cost_decline_per_a * years)[market.row]


def missing_quotes(nameplate: Nameplate, market: Market, metals: MetalContent) -> dict[int, MissingQuote]:
    """Return, by row, the error of each pack with a paid metal that was never quoted."""
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
    """Return the columns of the paid elements as a matrix of shape (elements, packs)."""
    return np.array([columns[element] for element in PAID_FORMS])


def _paid(nameplate: Nameplate, market: Market) -> FloatArray:
    """Return the rows of :func:`_paid_by_family` for each pack, shape (3, elements, packs)."""
    table = market.of_days.once("paid by family", lambda: _paid_by_family(market.of_days))
    by_pack: FloatArray = table[:, :, family_code(nameplate.chemistry).astype(np.int64), market.row]
    return by_pack


def _paid_by_family(quotes: DayQuotes) -> FloatArray:
    """Return price x payable [CNY/kg], its relative spread, and the omitted value of unquoted metals [CNY/kg].

    They depend on day and family only, so they are computed once: shape (3, elements, families, days).
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
    """Return the price of a metal in its paid form, else in the next best form, and its spread. [CNY/kg, 1]"""
    return quotes.once(("paid price", element), lambda: _best_form(element, quotes))


def _best_form(element: str, quotes: DayQuotes) -> tuple[FloatArray, FloatArray]:
    """Return price and spread of the best form quoted on each day. [CNY/kg, 1]"""
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
    """Return the error that names the missing quote."""
    names = [form.instrument for form in PAID_FORMS[element]]
    day = calendar_day(float(market.as_of_day[row]))
    return MissingQuote("market.not_quoted", field=names[0], value=str(day), names=names, name=names[0], day=day)
