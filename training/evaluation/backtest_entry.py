"""One contestant of a back-test: what it said of the sales, how good that was, and what it would have cost (成绩)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from training.dataset.training_set import TrainingSet
from training.evaluation.segments import judge_segments
from training.metrics import Forecast, Verdict, judge
from valuation.numeric.columns import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What buying every pack would have brought, CNY without VAT: at the point, and at the band's lower edge.

    `turnover` is what all packs fetched; `lost_at_point` the sum over packs bought above what they fetched, `net` the
    sum over all; the same for `lower`.
    """

    turnover: float
    lost_at_point: float
    net_at_point: float
    lost_at_lower: float
    net_at_lower: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestEntry:
    """One contestant's figures: on how many of the sales it has an answer, in all, by segment, and in money."""

    name: str
    overall: Verdict
    segments: Mapping[str, Mapping[str, Verdict]]
    money: Money
    said: Forecast = field(repr=False)

    def as_dict(self) -> dict[str, object]:
        """Return the figures, plain JSON."""
        return {
            "name": self.name,
            "overall": self.overall.as_dict(),
            "money": asdict(self.money),
            "segments": {
                kind: {name: verdict.as_dict() for name, verdict in found.items()}
                for kind, found in self.segments.items()
            },
        }


def backtest_entry_of(name: str, said: Forecast, sales: TrainingSet, level: float) -> BacktestEntry:
    """Return the figures of what a contestant said of sales, at the level its bands were asked for."""
    return BacktestEntry(
        name=name,
        overall=judge(said, level),
        segments=judge_segments(said, sales, level),
        money=money_of(said, sales.energy_kwh),
        said=said,
    )


def money_of(said: Forecast, energy_kwh: FloatArray) -> Money:
    """Return what buying every pack at the point, or at the lower edge, would have brought.

    >>> one = Forecast(price=np.array([10.0, 10.0]), point=np.array([12.0, 9.0]), lower=np.zeros(2), upper=np.ones(2))
    >>> money_of(one, np.array([1.0, 1.0])).lost_at_point
    2.0
    """
    at_point, at_lower = (said.price - paid for paid in (said.point, said.lower))
    return Money(
        turnover=float(np.sum(said.price * energy_kwh)),
        lost_at_point=float(np.sum(np.maximum(-at_point, 0.0) * energy_kwh)),
        net_at_point=float(np.sum(at_point * energy_kwh)),
        lost_at_lower=float(np.sum(np.maximum(-at_lower, 0.0) * energy_kwh)),
        net_at_lower=float(np.sum(at_lower * energy_kwh)),
    )
