"""A batch worked out and priced, before it is spelled pack by pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from valuation.columns import FloatArray
from valuation.dossier import Dossier
from valuation.drivers import Reasons
from valuation.ports import Predictor
from valuation.pricing import Prices
from valuation.width import WidthReasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """A batch worked out and priced, ready to be spelled pack by pack."""

    dossier: Dossier
    prices: Prices
    reasons: Reasons | None
    width_reasons: WidthReasons | None
    evidence_ratio: Mapping[str, FloatArray]
    model: Predictor | None
    as_of: date
    level: float
    region: str
    market_shift: Mapping[str, float]
