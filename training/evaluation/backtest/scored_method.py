"""One method of a back-test: its forecasts, scores and profit or loss (回测成绩)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from training.dataset.training_set import TrainingSet
from training.evaluation.segments import score_segments
from training.metrics import Forecast, Scores, score_forecast
from valuation.numeric.columns import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Profit and loss of buying every pack at the point or at the lower edge of the band. [CNY without VAT]

    `turnover` is the sum of realised prices; `lost_at_point` the loss on packs bought above their realised price,
    `net_at_point` the sum over all packs; the same for `lower`.
    """

    turnover: float
    lost_at_point: float
    net_at_point: float
    lost_at_lower: float
    net_at_lower: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestEntry:
    """Scores of one method in total and by segment, and its profit and loss."""

    name: str
    overall: Scores
    segments: Mapping[str, Mapping[str, Scores]]
    money: Money
    predicted: Forecast = field(repr=False)

    def as_dict(self) -> dict[str, object]:
        """Return the figures as plain JSON values."""
        return {
            "name": self.name,
            "overall": self.overall.as_dict(),
            "money": asdict(self.money),
            "segments": {
                kind: {name: scores.as_dict() for name, scores in found.items()}
                for kind, found in self.segments.items()
            },
        }


def score_entry(name: str, predicted: Forecast, sales: TrainingSet, level: float) -> BacktestEntry:
    """Score the forecasts of a method at the given level."""
    return BacktestEntry(
        name=name,
        overall=score_forecast(predicted, level),
        segments=score_segments(predicted, sales, level),
        money=money_if_bought(predicted, sales.energy_kwh),
        predicted=predicted,
    )


def money_if_bought(predicted: Forecast, energy_kwh: FloatArray) -> Money:
    """Return profit and loss of buying every pack at the point or at the lower edge.

    >>> one = Forecast(price=np.array([10.0, 10.0]), point=np.array([12.0, 9.0]), lower=np.zeros(2), upper=np.ones(2))
    >>> money_if_bought(one, np.array([1.0, 1.0])).lost_at_point
    2.0
    """
    at_point, at_lower = (predicted.price - paid for paid in (predicted.point, predicted.lower))
    return Money(
        turnover=float(np.sum(predicted.price * energy_kwh)),
        lost_at_point=float(np.sum(np.maximum(-at_point, 0.0) * energy_kwh)),
        net_at_point=float(np.sum(at_point * energy_kwh)),
        lost_at_lower=float(np.sum(np.maximum(-at_lower, 0.0) * energy_kwh)),
        net_at_lower=float(np.sum(at_lower * energy_kwh)),
    )
