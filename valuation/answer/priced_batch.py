"""A batch worked out and priced, before it is spelled pack by pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from valuation.answer.band_drivers import BandDrivers
from valuation.answer.drivers import Reasons
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray
from valuation.ports import Predictor
from valuation.pricing import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBatch:
    """A batch worked out and priced, ready to be spelled pack by pack."""

    dossier: Dossier
    prices: Prices
    reasons: Reasons | None
    explain_band: BandDrivers | None
    evidence_ratio: Mapping[str, FloatArray]
    model: Predictor | None
    as_of: date
    level: float
    region: str
    market_shift: Mapping[str, float]
