"""Features of the market on the valuation day (行情特征)."""

from __future__ import annotations

import numpy as np

from valuation.dossier import Dossier
from valuation.market.payables import PAID_FORMS
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray, coalesce, unknown
from valuation.numeric.exact_math import log
from valuation.pack.chemistry import FAMILIES, family_code
from valuation.routes.second_life import new_pack_price


def lithium_price(dossier: Dossier) -> FloatArray:
    """Return the price of lithium carbonate without VAT (碳酸锂价格). [CNY/t]"""
    return dossier.market.price["lithium_carbonate"]


def nickel_price(dossier: Dossier) -> FloatArray:
    """Return the price of nickel in its paid form, per metal (镍价). [CNY/kg]"""
    return _metal_price(dossier.market, "Ni")


def cobalt_price(dossier: Dossier) -> FloatArray:
    """Return the price of cobalt in its paid form, per metal (钴价). [CNY/kg]"""
    return _metal_price(dossier.market, "Co")


def copper_price(dossier: Dossier) -> FloatArray:
    """Return the price of copper without VAT (铜价). [CNY/t]"""
    return dossier.market.price["copper"]


def new_pack(dossier: Dossier) -> FloatArray:
    """Return the price of a new pack of the same kind (新电池价). [CNY/kWh]"""
    return new_pack_price(dossier.nameplate, dossier.market)


def lithium_payable(dossier: Dossier) -> FloatArray:
    """Return the payable of lithium for the pack's family (锂折扣系数). [1]"""
    family = family_code(dossier.nameplate.chemistry)
    payable = unknown(dossier.rows)
    for code, name in enumerate(FAMILIES):
        here = family == float(code)
        if here.any():
            payable = np.where(here, dossier.market.price[f"payable_li_{name}"], payable)
    return payable


def second_life_discount(dossier: Dossier) -> FloatArray:
    """Return the quoted discount of second-life packs (梯次折扣). [1]"""
    return dossier.market.price["second_life_discount"]


def lithium_trend(dossier: Dossier) -> FloatArray:
    """Return the change of the lithium price over 90 days, as a logarithm (碳酸锂90日走势). [1]"""
    now, earlier = (market.price["lithium_carbonate"] for market in (dossier.market, dossier.earlier_market))
    return log(now / earlier)


def basket_trend(dossier: Dossier) -> FloatArray:
    """Return the change of the value of the pack's metals over 90 days, as a logarithm (金属篮子90日走势). [1]"""
    now, before = np.zeros(dossier.rows), np.zeros(dossier.rows)
    for element, value in dossier.routes.metal_value_per_kwh.items():
        price, earlier = _metal_price(dossier.market, element), _metal_price(dossier.earlier_market, element)
        counted = ~np.isnan(price) & ~np.isnan(earlier)
        ratio = np.where(counted, earlier, 1.0) / np.where(counted, price, 1.0)
        now = now + np.where(counted, value, 0.0)
        before = before + np.where(counted, value * ratio, 0.0)
    known = (now > 0.0) & (before > 0.0)
    return np.where(known, log(np.where(known, now, 1.0) / np.where(known, before, 1.0)), np.nan)


def new_pack_trend(dossier: Dossier) -> FloatArray:
    """Return the change of the new-pack price over 90 days, as a logarithm (新电池价90日走势). [1]"""
    return log(new_pack(dossier) / new_pack_price(dossier.nameplate, dossier.earlier_market))


def quote_age(dossier: Dossier) -> FloatArray:
    """Return the age of the oldest quote that the value depends on (行情时效). [d]"""
    return dossier.market.oldest_quote_days


def region(dossier: Dossier) -> FloatArray:
    """Return the province in which the pack is sold (地区). [code of REGIONS]"""
    return dossier.region


def _metal_price(market: Market, element: str) -> FloatArray:
    """Return the price of a metal in its first quoted form. [CNY/kg]"""
    quotes = market.of_days
    forms = PAID_FORMS[element]
    of_day = quotes.once(
        ("metal price", element),
        lambda: coalesce(*[quotes.price(form.instrument) * (form.per_metal / 1000.0) for form in forms]),
    )
    return of_day[market.row]
