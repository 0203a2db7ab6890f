"""A ledger worked out before anybody learns from it: sales at their days, and what became of every row (数据准备).

Nothing here learns, so that a ledger is checked without waiting for the libraries that do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.configuration import TrainingConfig
from training.dataset.sources import Sources
from training.dataset.traces import read_traces, unread_codes
from training.dataset.training_set import TrainingSet, degraded, with_calibration
from training.sales_ledger import Ledger, read_ledger
from valuation.ingest import read_market
from valuation.market.snapshot import MarketHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """A ledger worked out: sales, the same with thinner records, the ledger they came from, the market."""

    sources: Sources
    ledger: Ledger
    sales: TrainingSet
    extra: TrainingSet
    market: MarketHistory


def prepare(sources: Sources, config: TrainingConfig, begin: Callable[[str], None]) -> TrainingInput:
    """Return a ledger worked out, every sale at its own day.

    Parameters
    ----------
    sources : Sources
        Ledger, traces, quotes.
    config : TrainingConfig
        Choices of the training.
    begin : callable
        Told the name of each stage as it begins, for a progress bar.
    """
    begin("reading")
    traces, market = read_traces(sources.traces), read_market(sources.market)
    ledger = read_ledger(sources.ledger, sources.vat)
    begin("working out every sale at its day")
    sales, ledger = with_calibration(traces.table, ledger, market, unread_codes(traces))
    extra = degraded(sales, traces.table, market, share=config.thinned_share, seed=config.seed)
    return TrainingInput(sources=sources, ledger=ledger, sales=sales, extra=extra, market=market)
