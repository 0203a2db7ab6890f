"""Cautions about the market (行情提示): stale, estimated, borrowed, substituted, missing or synthetic quotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from valuation.market.instruments import INSTRUMENTS
from valuation.market.quote_usage import MINOR
from valuation.market.snapshot import Market
from valuation.messages import Wording
from valuation.pack.chemistry import ROWS
from valuation.result import Caution, make_caution

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
        yield make_caution("M01", "warn", days=max(old.values()), instruments=_labels(old))


def _estimated(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if a main payable is estimated."""
    if market.chemistry is None:
        return
    family = ROWS[int(market.chemistry[row])].family
    elements = ("li", "ni", "co") if family in {"ternary", "other", "lco"} else ("li",) if family != "nimh" else ("ni",)
    names = [name for name in (f"payable_{element}_{family}" for element in elements) if market.estimated(name)[row]]
    if names:
        yield make_caution("M02", "info", instruments=_labels(names))


def _borrowed(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if quotes of another region are used."""
    names = [name for name, used in market.used.items() if used[row] and market.borrowed(name)[row]]
    if names:
        yield make_caution("M03", "warn", region=market.region, instruments=_labels(names))


def _stand_in(market: Market, row: int) -> Iterator[Caution]:
    """Yield a caution if the price of a metal is used for its sulphate."""
    names = [name for name in ("nickel", "cobalt") if name in market.used and market.used[name][row]]
    if names:
        yield make_caution("M04", "info", instruments=_labels(names))


def _missing(market: Market, row: int) -> Iterator[Caution]:
    """Yield cautions if copper, aluminium or the new pack is not quoted."""
    names = [name for name in ("copper", "aluminium") if np.isnan(market.price[name][row])]
    if names:
        yield make_caution("M05", "warn", instruments=_labels(names))
    if market.chemistry is not None and ROWS[int(market.chemistry[row])].second_life:
        name = f"new_pack_{ROWS[int(market.chemistry[row])].new_pack}"
        if np.isnan(market.price[name][row]):
            yield make_caution("M06", "warn", instruments=_labels([name]), name=name)


def _synthetic(market: Market) -> Iterator[Caution]:
    """Yield a caution if every quote is synthetic."""
    if market.synthetic:
        yield make_caution("M07", "warn")


def _labels(names: Iterable[str]) -> list[Wording]:
    """Return the labels of instruments."""
    return [INSTRUMENTS[name].label for name in names]
