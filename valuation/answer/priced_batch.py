"""A batch of packs with its dossier and prices, and its explanations, which are computed on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from valuation.answer.band_drivers import BandDrivers, explain_band
from valuation.answer.drivers import ValueDrivers, explain_value
from valuation.answer.evidence import next_best
from valuation.answer.late_reports import not_used
from valuation.dossier import Dossier, build_dossier
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import FloatArray
from valuation.ports import Predictor
from valuation.pricing import Prices, price
from valuation.record.cases import TraceTable, cut
from valuation.record.to_columns import day_number
from valuation.record.unused_events import NotUsed
from valuation.terms import ValuationTerms


@dataclass(frozen=True, kw_only=True)
class PricedBatch:
    """A batch of packs, priced on the terms; :mod:`valuation.answer` turns it into answers."""

    dossier: Dossier
    prices: Prices
    model: Predictor | None
    terms: ValuationTerms

    @cached_property
    def value_drivers(self) -> ValueDrivers | None:
        """Drivers of each pack's value; None if no explanation is requested."""
        return explain_value(self.dossier, self.prices, self.model) if self.terms.explain else None

    @cached_property
    def band_drivers(self) -> BandDrivers | None:
        """Factors of each band's width; None if no explanation is requested."""
        return explain_band(self.dossier, self.prices, self.model) if self.terms.explain else None

    @cached_property
    def evidence_ratio(self) -> Mapping[str, FloatArray]:
        """Expected width after each action over the width now; empty if no explanation is requested. [1]"""
        return next_best(self.dossier) if self.terms.explain else {}

    @cached_property
    def not_used(self) -> list[NotUsed]:
        """Reports of each pack that came after the valuation day (未计入记录)."""
        return not_used(self.dossier.cases)


def value_batch(
    table: TraceTable, market: MarketHistory, model: Predictor | None, terms: ValuationTerms
) -> PricedBatch:
    """Price the packs of a table on the terms (批量计价); one pack, a lot and a fleet are priced here.

    Raises
    ------
    MissingQuote
        If a pack contains lithium, nickel or cobalt that was never quoted by the valuation day.
    """
    dossier = build_dossier(
        cut(table, np.full(table.rows, day_number(terms.as_of))),
        market,
        region=terms.region,
        market_shift=terms.market_shift,
        market_calibration=None if model is None else model.market_calibration,
    )
    return PricedBatch(dossier=dossier, prices=price(dossier, model, terms.level), model=model, terms=terms)
