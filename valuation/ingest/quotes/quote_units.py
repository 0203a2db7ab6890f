"""Units of quotes (报价单位) and their factors to base units."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class QuoteUnit(NamedTuple):
    """A unit of a quote: base unit, currency and factor to the base unit.

    `base` is ``CNY/t``, ``CNY/kWh``, ``fraction`` or ``CNY``; `currency` is the exchange-rate instrument to multiply
    by, or None if the quote is in CNY.
    """

    base: str
    currency: str | None
    factor: float


_CURRENCIES = {
    None: ("cny", "rmb", "¥", "元", "人民币"),
    "usd_cny": ("usd", "us$", "$", "美元"),
    "eur_cny": ("eur", "€", "欧元"),
}
_QUANTITIES = {
    ("CNY/t", 1.0): ("t", "mt", "ton", "tonne", "吨"),
    ("CNY/t", 1000.0): ("kg", "千克", "公斤"),
    ("CNY/t", 2204.62262): ("lb", "磅"),
    ("CNY/kWh", 1.0): ("kwh", "千瓦时", "度"),
    ("CNY/kWh", 1000.0): ("wh", "瓦时"),
}
_MULTIPLES = {1.0: "", 10_000.0: "万", 1000.0: "k"}

_PRICE_UNITS = {
    f"{multiple}{currency}/{quantity}": QuoteUnit(base, instrument, factor * times)
    for instrument, currencies in _CURRENCIES.items()
    for currency in currencies
    for (base, factor), quantities in _QUANTITIES.items()
    for quantity in quantities
    for times, multiple in _MULTIPLES.items()
}
_SHARE_UNITS = dict.fromkeys(("", "1", "fraction", "小数", "比例"), QuoteUnit("fraction", None, 1.0)) | dict.fromkeys(
    ("%", "percent", "pct", "百分比"), QuoteUnit("fraction", None, 0.01)
)
_RATE_UNITS = dict.fromkeys(
    ("", "1", "cny", "cny/usd", "cny/eur", "rmb/usd", "rmb/eur", "元/美元", "元/欧元"), QuoteUnit("CNY", None, 1.0)
)
UNITS: Final[Mapping[str, Mapping[str, QuoteUnit]]] = MappingProxyType(
    {
        "CNY/t": {name: unit for name, unit in _PRICE_UNITS.items() if unit.base == "CNY/t"},
        "CNY/kWh": {name: unit for name, unit in _PRICE_UNITS.items() if unit.base == "CNY/kWh"},
        "fraction": _SHARE_UNITS,
        "CNY": _RATE_UNITS,
    }
)
"""Known units by the base unit of the instrument they quote."""

EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CNY/t": "quotes.unit_t",
        "CNY/kWh": "quotes.unit_kwh",
        "fraction": "quotes.unit_fraction",
        "CNY": "quotes.unit_currency",
    }
)


def tidy(text: str) -> str:
    """Return a text in half-width small letters without blanks, for look-up.

    >>> tidy(" 元／吨 "), tidy("CNY / kWh")
    ('元/吨', 'cny/kwh')
    """
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def find_unit(base: str, spelled: str) -> QuoteUnit | None:
    """Return the unit that a text names for an instrument of that base unit, None if unknown.

    >>> find_unit("CNY/t", "万元/吨").factor, find_unit("CNY/t", "USD/t").currency, find_unit("CNY/t", "CNY/kWh")
    (10000.0, 'usd_cny', None)
    """
    return UNITS[base].get(tidy(spelled).replace("per", "/"))
