"""How a model of the older sales does on the newest, before it is trusted with all of them (评判)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset import TrainingSet
from training.fit import forecast, learn
from training.metrics import Forecast, Verdict, judge, judge_by
from training.rolling import roll
from valuation.columns import FloatArray
from valuation.record.fields import CHEMISTRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the newest sales say about a model that had not seen them, next to the structural value alone.

    `overall` and the segments are re-anchored month by month on the sales reported by then, as the model is meant to be
    used; `untold` is the same model left without news from the first of these sales to the last.
    """

    overall: Verdict
    untold: Verdict
    structural: Verdict
    by_chemistry: dict[str, Verdict]
    by_tier: dict[str, Verdict]

    @property
    def worth_having(self) -> bool:
        """Whether the model's band says more than the structural value's: a better interval score on the same sales."""
        return self.overall.interval_score_per_kwh < self.structural.interval_score_per_kwh

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, ready for a run's record."""
        return {
            "overall": self.overall.as_dict(),
            "untold": self.untold.as_dict(),
            "structural": self.structural.as_dict(),
            "by_chemistry": {name: verdict.as_dict() for name, verdict in self.by_chemistry.items()},
            "by_tier": {name: verdict.as_dict() for name, verdict in self.by_tier.items()},
        }


def newest_from(sales: TrainingSet, config: TrainingConfig) -> float:
    """Return the day after which the newest share of the sales begins, days since 1970-01-01."""
    return float(np.quantile(sales.sold_day, 1.0 - config.test_share))


def judge_newest(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> Judgement | None:
    """Return how a model of the older sales does on the newest, nothing where there are too few to tell."""
    cut_day = newest_from(sales, config)
    known = sales.sold_day + config.label_delay_days <= cut_day
    if int(known.sum()) < LEAST_SALES or int((sales.sold_day > cut_day).sum()) < LEAST_SALES:
        return None
    older = None if extra is None else extra.where(extra.sold_day + config.label_delay_days <= cut_day)
    estimator = learn(sales.where(known), older, config)
    untold = forecast(estimator, sales.where(sales.sold_day > cut_day), config.level)
    said, tested = roll(estimator, sales, cut_day, config)
    judged = sales.where(tested)
    structural = Forecast(
        price=judged.price,
        point=judged.structural,
        lower=judged.structural_lower,
        upper=judged.structural_upper,
    )
    return Judgement(
        overall=judge(said, config.level),
        untold=judge(untold, config.level),
        structural=judge(structural, config.level),
        by_chemistry=judge_by(said, names_of(judged.chemistry), config.level),
        by_tier=judge_by(said, tiers_of(judged.tier), config.level),
    )


def names_of(chemistry: FloatArray) -> Sequence[str]:
    """Return the names of chemistry codes.

    >>> names_of(np.array([0.0, 5.0]))
    ['LFP', 'NMC811']
    """
    return [CHEMISTRIES[int(code)] for code in chemistry]


def tiers_of(tier: FloatArray) -> Sequence[str]:
    """Return the names of evidence tiers.

    >>> tiers_of(np.array([0.0, 4.0]))
    ['T0', 'T4']
    """
    return [f"T{int(number)}" for number in tier]
