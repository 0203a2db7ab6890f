"""Units of fields as people write them (单位), and their conversion to the unit in the name of the field."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from valuation.numeric.columns import FloatArray
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, PACK_FIELDS

NUMBERS: Final = {
    field.name: field for field in (*PACK_FIELDS, *COMPOSITION_FIELDS, *EVENT_FIELDS) if field.kind == "number"
}
"""The fields of a record that hold a quantity."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit; a value in it is `(value - zero) * times / per` in the unit of the field.

    >>> Unit("%", per=100.0).convert(85.0), Unit("°F", times=5.0, per=9.0, zero=32.0).convert(212.0)
    (0.85, 100.0)
    """

    name: str
    times: float = 1.0
    per: float = 1.0
    zero: float = 0.0

    def convert(self, value: float) -> float:
        """Return a value in the unit of the field."""
        return (value - self.zero) * self.times / self.per

    def convert_many(self, values: FloatArray) -> FloatArray:
        """Return values in the unit of the field, equal to :meth:`convert` one by one."""
        return (values - self.zero) * self.times / self.per

    @property
    def own(self) -> bool:
        """Whether this is the unit of the field, so that nothing is converted."""
        return self.times == self.per and self.zero == 0.0


def _units(*rows: tuple[Unit, str]) -> Mapping[str, Unit]:
    """Return units by their spellings without blanks, in small letters."""
    return {spelled: unit for unit, spellings in rows for spelled in (tidy_unit(unit.name), *spellings.split())}


def tidy_unit(text: str) -> str:
    """Return a unit in half width and lower case without blanks; the two that differ only in case keep it.

    >>> tidy_unit(" kW h"), tidy_unit("MWh"), tidy_unit("mWh")
    ('kwh', 'MWh', 'mWh')
    """
    text = "".join(unicodedata.normalize("NFKC", text).split())
    return text if text in _BY_CASE else text.casefold()


_BY_CASE: Final = frozenset({"MWh", "MWH", "mWh"})
_FRACTION = "fraction"
DIMENSIONS: Final[Mapping[str, Mapping[str, Unit]]] = {
    "_kwh": _units(
        (Unit("kWh"), "千瓦时 千瓦小时 度 度电 kw·h kw.h kw*h kw-h kwhr 千瓦·时"),
        (Unit("Wh", per=1000.0), "瓦时 w·h w.h"),
        (Unit("MWh", times=1000.0), "MWH 兆瓦时"),
        (Unit("mWh", per=1e6), ""),
        (Unit("万kWh", times=10_000.0), "万千瓦时 万度"),
    ),
    "_ah": _units((Unit("Ah"), "安时 安培时 a·h a.h a*h ahr"), (Unit("mAh", per=1000.0), "毫安时 ma·h")),
    "_kg": _units(
        (Unit("kg"), "千克 公斤 kgs kilogram kilograms"),
        (Unit("g", per=1000.0), "克 gram grams"),
        (Unit("t", times=1000.0), "吨 ton tonne tonnes"),
        (Unit("斤", per=2.0), "市斤"),
        (Unit("lb", times=0.45359237), "lbs 磅"),
    ),
    "_km": _units(
        (Unit("km"), "公里 千米 kms kilometer kilometers kilometre kilometres"),
        (Unit("m", per=1000.0), "米"),
        (Unit("mi", times=1.609344), "英里 mile miles"),
        (Unit("万km", times=10_000.0), "万公里 万千米 万"),
        (Unit("千km", times=1000.0), "千公里"),
    ),
    "_mv": _units((Unit("mV"), "毫伏"), (Unit("V", times=1000.0), "伏 伏特")),
    "_v": _units(
        (Unit("V"), "伏 伏特 volt volts vdc"), (Unit("mV", per=1000.0), "毫伏"), (Unit("kV", times=1000.0), "千伏")
    ),
    "45c": _units(
        (Unit("h"), "小时 时 hour hours hr hrs"),
        (Unit("d", times=24.0), "天 日 days"),
        (Unit("分钟", per=60.0), "minutes"),
    ),
    "_c": _units(
        (Unit("°C"), "c 摄氏度 度 degc"),
        (Unit("°F", times=5.0, per=9.0, zero=32.0), "f 华氏度 degf"),
        (Unit("K", zero=273.15), "开"),
    ),
    "_cny": _units(
        (Unit("CNY"), "元 rmb 人民币 ¥ 圆 yuan"), (Unit("万元", times=10_000.0), "万"), (Unit("千元", times=1000.0), "")
    ),
    "_cycles": _units((Unit("次"), "1 cycles cycle 圈 循环"), (Unit("万次", times=10_000.0), "")),
    "model_year": _units((Unit("年"), "年款 款 year 年份")),
    "missing_modules": _units((Unit("个"), "1 块 只 pcs 组")),
    _FRACTION: _units(
        (Unit("0-1"), "1 0~1 小数 比例 fraction ratio"),
        (Unit("%", per=100.0), "百分比 百分数 percent percentage pct"),
        (Unit("‰", per=1000.0), "千分比 permille"),
    ),
}  # fmt: skip
"""Units by the end of a field's name, by spelling; the first is the field's own."""

CURRENT: Final = _units((Unit("A"), "安 安培"), (Unit("mA", per=1000.0), "毫安"))
"""Units of a current, which only logs have."""

PERCENT: Final = DIMENSIONS[_FRACTION]["%"]
_OTHERS = frozenset(
    {"psi", "bar", "kpa", "mpa", "mm", "cm", "ohm", "mohm", "ω", "mω", "kw", "w", "hz", "kj", "mj", "j", "ml", "ma"}
    | {"km/h", "gwh", "mwh", "kah", "usd", "eur", "美元", "欧元"}
)
KNOWN: Final = _OTHERS.union(*DIMENSIONS.values())
"""All spellings of units; a heading with the unit of another field is refused, not ignored."""

SHARE_OF_RATED: Final = {"remaining_capacity_ah": "soh", "remaining_energy_kwh": "soh"}
"""Quantities whose percentage of the rated value is another field."""


ENERGY_OF_CAPACITY: Final = {
    "rated_capacity_ah": "rated_energy_kwh",
    "remaining_capacity_ah": "remaining_energy_kwh",
}
"""Capacities that people also state as an energy; the unit tells which is meant, as in 容量(kWh)."""


@lru_cache(maxsize=256)
def units_of(field: str) -> Mapping[str, Unit]:
    """Return the units of a field of numbers, by spelling; empty for other fields.

    >>> list(units_of("rated_energy_kwh"))[:2], units_of("soh")["%"].per, units_of("maker")
    (['kwh', '千瓦时'], 100.0, {})
    """
    if field not in NUMBERS:
        return {}
    name = "45c" if field.endswith("0c") else field
    return next((units for suffix, units in DIMENSIONS.items() if name.endswith(suffix)), DIMENSIONS[_FRACTION])


def own_unit(field: str) -> str:
    """Return the name of the unit that a field has, empty for a field without one.

    >>> own_unit("mass_kg"), own_unit("soh")
    ('kg', '0-1')
    """
    return next((unit.name for unit in units_of(field).values()), "")


def unit_names(units: Iterable[Unit]) -> str:
    """Return the names of units for a message.

    >>> unit_names(units_of("odometer_km").values())
    'km, m, mi, 万km, 千km'
    """
    return ", ".join(dict.fromkeys(unit.name for unit in units))
