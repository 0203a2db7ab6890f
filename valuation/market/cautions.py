"""Cautions about the market (行情提示): stale, estimated, borrowed, substituted, missing or synthetic quotes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from valuation.market.instruments import INSTRUMENTS
from valuation.market.quote_usage import MINOR
from valuation.market.snapshot import Market
from valuation.pack.chemistry import ROWS
from valuation.result import Caution, Severity

STALE_AFTER_DAYS: Final = 30.0


def market_cautions(market: Market, row: int) -> tuple[Caution, ...]:
    """Return the cautions M01 to M07 for one pack, computed once per valuation day and chemistry."""
    return market.once("cautions", row, _all_cautions)


def _all_cautions(market: Market, row: int) -> tuple[Caution, ...]:
    return (
        *_stale(market, row),
        *_estimated(market, row),
        *_borrowed(market, row),
        *_stand_in(market, row),
        *_missing(market, row),
        *_synthetic(market),
    )


def _stale(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if a relevant quote is older than 30 days."""
    old = {
        name: float(market.age_days[name][row])
        for name, used in market.used.items()
        if name not in MINOR and used[row] and market.age_days[name][row] > STALE_AFTER_DAYS
    }
    if old:
        days = max(old.values())
        yield _caution(
            "M01",
            "warn",
            (
                f"Quotes are up to {days:.0f} days old: {_english(old)}.",
                f"行情陈旧（最长 {days:.0f} 天）：{_chinese(old)}。",
            ),
            "widens the band with the square root of the age; read fresher quotes",
        )


def _estimated(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if a main payable is estimated."""
    if market.chemistry is None:
        return
    family = ROWS[int(market.chemistry[row])].family
    elements = ("li", "ni", "co") if family in {"ternary", "other", "lco"} else ("li",) if family != "nimh" else ("ni",)
    names = [name for name in (f"payable_{element}_{family}" for element in elements) if market.estimated(name)[row]]
    if names:
        yield _caution(
            "M02",
            "info",
            (
                f"There is no quote of the {_english(names)}; it is estimated from the lithium price.",
                f"无{_chinese(names)}报价，按锂价水平估算。",
            ),
            "widens the band; quote the payables you deal at",
        )


def _borrowed(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if quotes of another region are used."""
    names = [name for name, used in market.used.items() if used[row] and market.borrowed(name)[row]]
    if names:
        yield _caution(
            "M03",
            "warn",
            (
                f"Region {market.region} has no quote of {_english(names)}; that of another region is used.",
                f"{market.region} 地区无{_chinese(names)}报价，采用其他地区报价。",
            ),
            "the price level may differ between regions",
        )


def _stand_in(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if the price of a metal is used for its sulphate."""
    names = [name for name in ("nickel", "cobalt") if name in market.used and market.used[name][row]]
    if names:
        yield _caution(
            "M04",
            "info",
            (
                f"The sulphate is not quoted; the price of {_english(names)} metal is used.",
                f"无硫酸盐报价，以{_chinese(names)}金属价代替。",
            ),
            "a few per cent more or less; quote nickel_sulphate and cobalt_sulphate",
        )


def _missing(market: Market, row: int) -> Iterator[Caution]:
    """Yield cautions if copper, aluminium or the new pack is not quoted."""
    names = [name for name in ("copper", "aluminium") if np.isnan(market.price[name][row])]
    if names:
        yield _caution(
            "M05",
            "warn",
            (f"Without a quote and valued at zero: {_english(names)}.", f"无报价，按零计价：{_chinese(names)}。"),
            "the value is too low and the band wider; add the quotes",
        )
    if market.chemistry is not None and ROWS[int(market.chemistry[row])].second_life:
        name = f"new_pack_{ROWS[int(market.chemistry[row])].new_pack}"
        if np.isnan(market.price[name][row]):
            yield _caution(
                "M06",
                "warn",
                (
                    f"There is no quote of the {_english([name])}; the routes that depend on it cannot be priced.",
                    f"无{_chinese([name])}报价，依赖该报价的途径无法计价。",
                ),
                f"closes reuse, and second_life where no new LFP pack is quoted either; quote {name}",
            )


def _synthetic(market: Market) -> Iterator[Caution]:
    """Yield a caution if every quote is synthetic."""
    if market.synthetic:
        yield _caution(
            "M07",
            "warn",
            (
                "The quotes are synthetic; this value does not reflect a real market.",
                "行情为合成数据，本结果不代表真实市场。",
            ),
            "none on the figures; read real quotes before you deal by them",
        )


def _english(names: object) -> str:
    """Return the English labels of instruments."""
    return ", ".join(INSTRUMENTS[str(name)].label_en for name in _listed(names))


def _chinese(names: object) -> str:
    """Return the Chinese labels of instruments."""
    return "、".join(INSTRUMENTS[str(name)].label_zh for name in _listed(names))


def _listed(names: object) -> list[str]:
    return [str(name) for name in names]  # type: ignore[attr-defined]  # lists and dictionaries of names


def _caution(id_: str, severity: Severity, message: tuple[str, str], effect: str) -> Caution:
    """Return a caution in both languages."""
    return Caution(id=id_, severity=severity, message_en=message[0], message_zh=message[1], effect=effect)
