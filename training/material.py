"""The sales of a ledger as models see them, read from files for whoever judges models (评判材料)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.bundle import About
from training.configuration import TrainingConfig
from training.dataset import TrainingSet, thinned, worked_through
from training.ledger import read_ledger
from training.sources import Sources, remembered_sources
from training.traces import read_traces, unread_codes
from valuation.errors import TooFewSales
from valuation.intake import read_market
from valuation.market.snapshot import MarketHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Sales, copies of them with thinner records, the market, and how many rows were set aside, by reason."""

    sales: TrainingSet
    extra: TrainingSet
    market: MarketHistory
    set_aside: dict[str, int]


def read_material(sources: Sources, config: TrainingConfig) -> Material:
    """Return what the files hold, every sale worked out at its day."""
    traces, market = read_traces(sources.traces), read_market(sources.market)
    ledger = read_ledger(sources.ledger, sources.vat)
    sales, ledger = worked_through(traces.table, ledger, market, unread_codes(traces))
    extra = thinned(sales, traces.table, market, share=config.thinned_share, seed=config.seed)
    return Material(sales=sales, extra=extra, market=market, set_aside=ledger.set_aside)


def sources_for(home: Path, about: About, ledger: Path | None, traces: Path | None, market: Path | None) -> Sources:
    """Return the files that were named, else those the model was trained from.

    Raises
    ------
    TooFewSales
        If none are named, and those it was trained from are gone or have changed.
    """
    if ledger is not None and traces is not None and market is not None:
        return Sources(ledger=ledger, traces=traces, market=market)
    label = f"{about.name}@{about.version}"
    known = remembered_sources(home, label)
    if known is None or any(path is not None for path in (ledger, traces, market)):
        raise TooFewSales(
            f"there are no sales to judge {label} on: the files it was trained from are gone or have changed",
            hint="name all three: --ledger LEDGER --traces FOLDER --market QUOTES",
            field="ledger",
        )
    return known
