"""Instruments that are quoted (行情品种): base unit, plausible range and volatility of each.

Base units are CNY/t for metals and salts, CNY/kWh for packs, both without value-added tax; fractions for payables and
discounts; CNY per foreign unit for exchange rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.messages import Wording, both, sentence
from valuation.numeric.columns import FloatArray, IntArray
from valuation.pack.chemistry import FAMILIES

VAT_RATES: Final = ((0.0, 0.17), (17652.0, 0.16), (17987.0, 0.13))
"""First day since 1970-01-01 and rate from then on of value-added tax (增值税) on goods in China: 17 % from 1994, 16 %
from 2018-05-01 (Ministry of Finance and State Taxation Administration, Cai Shui 2018 No. 32), 13 % from 2019-04-01
(public notice 39 of 2019). A future change is a new row."""

VAT_RATE: Final = VAT_RATES[-1][1]
"""The current rate."""

_VAT_STARTS: Final = np.array([day for day, _ in VAT_RATES])
_VAT_STEPS: Final = np.array([rate for _, rate in VAT_RATES])


def vat_rate_on(day: FloatArray) -> FloatArray:
    """Return the rate of value-added tax on goods on each day (days since 1970-01-01).

    >>> vat_rate_on(np.array([17651.0, 17652.0, 17986.0, 17987.0, 20000.0])).tolist()
    [0.17, 0.16, 0.16, 0.13, 0.13]
    """
    return _VAT_STEPS[vat_period_of(day)]


def vat_period_of(day: FloatArray) -> IntArray:
    """Return the row of :data:`VAT_RATES` in force on each day; an unknown day has the current rate."""
    return np.maximum(np.searchsorted(_VAT_STARTS, day, side="right") - 1, 0)


PAYABLE_ELEMENTS: Final = ("li", "ni", "co", "mn", "cu", "al", "fe", "graphite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One quoted instrument.

    Attributes
    ----------
    unit : str
        ``CNY/t``, ``CNY/kWh``, ``fraction`` or ``CNY`` (for one unit of a currency).
    low, high : float
        Plausible range in base units; a number outside is taken for a wrong unit or a typing error.
    monthly_sd : float
        Standard deviation of the logarithm over a month; it makes old quotes less certain. [1]
    name : str
        Public name.
    label : Wording
        What people call it.
    """

    name: str
    unit: str
    low: float
    high: float
    monthly_sd: float
    label: Wording


def _metal(name: str, low: float, high: float, monthly_sd: float) -> Instrument:
    return Instrument(name=name, unit="CNY/t", low=low, high=high, monthly_sd=monthly_sd, label=_label(name))


def _pack(name: str) -> Instrument:
    return Instrument(name=name, unit="CNY/kWh", low=50.0, high=20_000.0, monthly_sd=0.03, label=_label(name))


def _currency(name: str, low: float, high: float) -> Instrument:
    return Instrument(name=name, unit="CNY", low=low, high=high, monthly_sd=0.012, label=_label(name))


def _label(name: str) -> Wording:
    return sentence(f"instrument.{name}")


# Monthly log-return s.d. 2017-2025: Li2CO3 13.0 %, Co 10.0 %, Ni 7.4 %, Cu 4.6 %, Al 4.7 %, computed in 2026 from
# public price series (World Bank, USGS, trade press); the others are judged. Bounds lie several times beyond 2010-2026.
_PRICES: Final = (
    _metal("lithium_carbonate", 5_000, 3_000_000, 0.130),
    _metal("nickel_sulphate", 5_000, 400_000, 0.065),
    _metal("nickel", 20_000, 1_500_000, 0.074),
    _metal("cobalt_sulphate", 5_000, 700_000, 0.100),
    _metal("cobalt", 40_000, 3_000_000, 0.100),
    _metal("manganese_sulphate", 1_000, 60_000, 0.050),
    _metal("manganese", 3_000, 200_000, 0.060),
    _metal("copper", 10_000, 600_000, 0.046),
    _metal("aluminium", 3_000, 200_000, 0.047),
    _metal("steel", 300, 30_000, 0.055),
    _metal("graphite", 300, 300_000, 0.040),
    _metal("iron_phosphate", 1_000, 150_000, 0.060),
    _pack("new_pack_lfp"),
    _pack("new_pack_ternary"),
    Instrument(
        name="second_life_discount",
        unit="fraction",
        low=0.0,
        high=0.95,
        monthly_sd=0.0,
        label=_label("second_life_discount"),
    ),
    _currency("usd_cny", 2.0, 30.0),
    _currency("eur_cny", 2.0, 40.0),
)

_PAYABLES: Final = tuple(
    Instrument(
        name=f"payable_{element}_{family}",
        unit="fraction",
        low=0.0,
        high=5.0,  # joint coefficients above 2 were traded in 2022, when they included lithium
        monthly_sd=0.02,
        label=both("instrument.payable", element=_label(f"element.{element}"), family=_label(f"family.{family}")),
    )
    for element in PAYABLE_ELEMENTS
    for family in FAMILIES
)

INSTRUMENTS: Final[Mapping[str, Instrument]] = MappingProxyType({one.name: one for one in (*_PRICES, *_PAYABLES)})
"""Every instrument by its public name (CONTRACT: market quotes)."""

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {instrument.label.zh: name for name, instrument in INSTRUMENTS.items()}
    | {
        f"{_label(f'element.{element}').zh}折扣系数{mark}{_label(f'family.{family}').zh}": f"payable_{element}_{family}"
        for element in PAYABLE_ELEMENTS
        for family in FAMILIES
        for mark in ("", "_", "-")
    }
    | {
        "电池级碳酸锂": "lithium_carbonate",
        "电碳": "lithium_carbonate",
        "电池级硫酸镍": "nickel_sulphate",
        "电解镍": "nickel",
        "电解钴": "cobalt",
        "电池级硫酸锰": "manganese_sulphate",
        "电解锰": "manganese",
        "电解铜": "copper",
        "电解铝": "aluminium",
        "钢": "steel",
        "人造石墨": "graphite",
        "磷酸铁锂电池包": "new_pack_lfp",
        "新电池包_磷酸铁锂": "new_pack_lfp",
        "三元电池包": "new_pack_ternary",
        "新电池包_三元": "new_pack_ternary",
        "梯次折扣": "second_life_discount",
        "美元兑人民币": "usd_cny",
        "欧元兑人民币": "eur_cny",
        "nickel_sulfate": "nickel_sulphate",
        "cobalt_sulfate": "cobalt_sulphate",
        "manganese_sulfate": "manganese_sulphate",
        "aluminum": "aluminium",
        "li2co3": "lithium_carbonate",
    }
)
"""Other names of instruments in quote files."""
