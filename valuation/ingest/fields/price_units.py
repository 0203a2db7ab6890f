"""Units of prices (价格单位): currency, multiple and quantity, with factors to base units; and the words for VAT."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
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
    ("CNY/t", 1.0): ("t", "mt", "ton", "tonne", "tonnes", "吨"),
    ("CNY/t", 1000.0): ("kg", "千克", "公斤"),
    ("CNY/t", 2000.0): ("斤", "市斤"),
    ("CNY/t", 2204.62262): ("lb", "磅"),
    ("CNY/kWh", 1.0): ("kwh", "千瓦时", "度", "度电"),
    ("CNY/kWh", 1000.0): ("wh", "瓦时"),
    ("CNY/kWh", 0.001): ("mwh", "兆瓦时"),
}
_MULTIPLES = {"": 1.0, "万": 10_000.0, "千": 1000.0, "k": 1000.0}

_PRICE_UNITS = {
    f"{multiple}{currency}/{quantity}": QuoteUnit(base, instrument, factor * times)
    for instrument, currencies in _CURRENCIES.items()
    for currency in currencies
    for (base, factor), quantities in _QUANTITIES.items()
    for quantity in quantities
    for multiple, times in _MULTIPLES.items()
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


class PriceBasis(NamedTuple):
    """Basis of prices as stated in a heading: VAT, currency and quantity; amounts are multiplied by `factor`.

    `currency` is an exchange-rate instrument, ``cny``, or "" if not stated; `per` is ``kWh``, ``kg`` or "" for a pack.
    """

    vat_included: bool | None = None
    currency: str = ""
    per: str = ""
    factor: float = 1.0


CURRENCIES: Final[Mapping[str, str]] = {
    spelled: instrument or "cny" for instrument, names in _CURRENCIES.items() for spelled in names
} | {"圆": "cny", "cnh": "cny", "美金": "usd_cny"}
"""Exchange-rate instrument of each spelling of a currency; "cny" where none is needed."""

_PACKS = frozenset(["包", "套", "台", "个", "组", "只", "件", "pack", "pcs", "unit", "battery"])
_VAT = re.compile(
    r"(?P<without>未税|不含\s*(?:[\d.]+\s*%)?\s*(?:增值)?税|excl(?:uding|usive|uded)?\.?(?:\s*(?:of\s*)?(?:vat|tax))?"
    r"|without\s*(?:vat|tax)|net\s*of\s*(?:vat|tax)|ex[\s._-]*(?:vat|tax))"
    r"|含\s*(?:[\d.]+\s*%)?\s*(?:增值)?税|incl(?:uding|usive|uded)?\.?(?:\s*(?:of\s*)?(?:vat|tax))?|with\s*(?:vat|tax)"
)


def without_vat_words(text: str) -> str:
    """Return a heading without the words that state whether prices include VAT.

    >>> without_vat_words("含税成交价"), without_vat_words("price incl. VAT")
    ('成交价', 'price')
    """
    return _VAT.sub(" ", text.casefold()).strip(" ,，、;；_/-")


def price_basis(heading: str, stated: Sequence[str]) -> PriceBasis | None:
    """Return the basis of the prices in a column, None if a text beside the name of the heading is unknown.

    >>> price_basis("不含税单价(万元/吨)", ["万元/吨"])
    PriceBasis(vat_included=False, currency='cny', per='kg', factor=10.0)
    >>> price_basis("成交价(元/Ah)", ["元/Ah"]) is None
    True
    """
    words = [match["without"] is None for match in _VAT.finditer(heading.casefold())]
    basis = PriceBasis(vat_included=all(words) if words else None)
    for text in stated:
        for piece in re.split(r"[,，、;；|]+", without_vat_words(text)):
            found = _basis_of(piece)
            if found is None or (basis.currency and found.currency and basis.currency != found.currency):
                return None
            currency, per = found.currency or basis.currency, found.per or basis.per
            basis = PriceBasis(basis.vat_included, currency, per, basis.factor * found.factor)
    return basis


def _basis_of(text: str) -> PriceBasis | None:
    """Return the currency, quantity and factor that a text states."""
    tidied = re.sub(r"^(?:in|单位:?)", "", tidy(text).replace("_", "").replace("每", "/").replace("per", "/"))
    amount, slash, quantity = tidied.partition("/")
    if quantity in _PACKS:
        slash = quantity = ""
    if not slash:
        multiple = next((one for one in ("万", "千", "k") if amount.startswith(one)), "")
        currency = amount.removeprefix(multiple)
        if currency and currency not in CURRENCIES:
            return None
        return PriceBasis(currency=CURRENCIES.get(currency, ""), factor=_MULTIPLES[multiple])
    for base, per, size in (("CNY/kWh", "kWh", 1.0), ("CNY/t", "kg", 1000.0)):
        unit = UNITS[base].get(f"{amount or '元'}/{quantity}")
        if unit is not None:
            return PriceBasis(currency=(unit.currency or "cny") if amount else "", per=per, factor=unit.factor / size)
    return None


def unit_of_price(basis: PriceBasis) -> str:
    """Return the unit of a quote that a heading states with its price.

    >>> unit_of_price(price_basis("价格(万元/吨)", ["万元/吨"]))
    '万cny/t'
    """
    base, size = ("CNY/t", 1000.0) if basis.per == "kg" else ("CNY/kWh", 1.0)
    currency = None if basis.currency in {"", "cny"} else basis.currency
    return next(
        name
        for name, unit in UNITS[base].items()
        if unit.currency == currency and math.isclose(unit.factor, basis.factor * size)
    )
