"""Prepare the training input (数据准备): read ledger, traces and quotes, and build the training set.

This module imports no model library, so that a ledger can be checked quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.configuration import TrainingConfig
from training.dataset.source_files import Sources
from training.dataset.traces import read_traces, unread_codes
from training.dataset.training_set import TrainingSet, build_training_set, degraded
from training.sales_ledger import SalesLedger, read_ledger
from valuation.ingest import read_market
from valuation.market.snapshot import MarketHistory
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """Training input: sales, copies with degraded records, the ledger they come from, and the market."""

    sources: Sources
    ledger: SalesLedger
    sales: TrainingSet
    augmentation: TrainingSet
    market: MarketHistory


def prepare(sources: Sources, config: TrainingConfig, begin: Callable[[str], None]) -> TrainingInput:
    """Read the sources and build the training set, every sale as of its own day.

    Parameters
    ----------
    sources : Sources
        Ledger, traces, quotes.
    config : TrainingConfig
        Options of the training.
    begin : callable
        Called with the name of each stage as it begins, for a progress bar.
    """
    begin(Message("stage.reading"))
    traces, market = read_traces(sources.traces), read_market(sources.market)
    ledger = read_ledger(sources.ledger, sources.vat)
    begin(Message("stage.features"))
    sales, ledger = build_training_set(traces.table, ledger, market, unread_codes(traces))
    augmentation = degraded(sales, traces.table, market, share=config.degraded_share, seed=config.seed)
    return TrainingInput(sources=sources, ledger=ledger, sales=sales, augmentation=augmentation, market=market)
