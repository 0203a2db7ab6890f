"""A batch of packs with its dossier and prices, and its explanations, which are computed on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from valuation.answer.band_drivers import BandDrivers, explain_band
from valuation.answer.drivers import ValueDrivers, explain_value
from valuation.answer.evidence import next_best
from valuation.answer.late_reports import not_used
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray
from valuation.ports import Predictor
from valuation.pricing import Prices
from valuation.record.not_used import NotUsed


@dataclass(frozen=True, kw_only=True)
class PricedBatch:
    """A batch of packs, priced; :mod:`valuation.answer` turns it into answers.

    `explain` states whether answers contain the drivers and the next best evidence.
    """

    dossier: Dossier
    prices: Prices
    model: Predictor | None
    as_of: date
    level: float
    region: str
    market_shift: Mapping[str, float]
    explain: bool

    @cached_property
    def value_drivers(self) -> ValueDrivers | None:
        """Drivers of each pack's value; None if no explanation is requested."""
        return explain_value(self.dossier, self.prices, self.model) if self.explain else None

    @cached_property
    def band_drivers(self) -> BandDrivers | None:
        """Factors of each band's width; None if no explanation is requested."""
        return explain_band(self.dossier, self.prices, self.model) if self.explain else None

    @cached_property
    def evidence_ratio(self) -> Mapping[str, FloatArray]:
        """Expected width after each action over the width now; empty if no explanation is requested. [1]"""
        return next_best(self.dossier) if self.explain else {}

    @cached_property
    def not_used(self) -> list[NotUsed]:
        """Reports of each pack that came after the valuation day (未计入记录)."""
        return not_used(self.dossier.cases)
