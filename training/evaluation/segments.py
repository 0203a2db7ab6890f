"""Metrics by segment (分组指标): chemistry, evidence tier, region, health decile and month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.dataset.training_set import TrainingSet
from training.metrics import Forecast, Scores, score_by_segment
from valuation import features
from valuation.numeric.columns import FloatArray
from valuation.record.fields import CHEMISTRIES
from valuation.record.to_columns import calendar_day

LEAST_SALES = 20
"""Fewest sales of a segment that is scored."""

_SOH = features.NAMES.index("soh")


def segments_of(sales: TrainingSet) -> Mapping[str, Sequence[str]]:
    """Return the segment name of each sale, by kind of segment."""
    return {
        "chemistry": names_of(sales.chemistry),
        "tier": tiers_of(sales.tier),
        "region": [region or "not said" for region in sales.region],
        "health": health_deciles(sales.matrix[:, _SOH]),
        "month": [day.strftime("%Y-%m") if (day := calendar_day(one)) else "" for one in sales.sold_day.tolist()],
    }


def health_deciles(soh: FloatArray) -> list[str]:
    """Return the decile of the state of health of each sale.

    >>> health_deciles(np.linspace(0.5, 1.0, 11))[::5]
    ['decile 01 to 0.55', 'decile 05 to 0.75', 'decile 10 to 1.00']
    """
    edges = np.quantile(soh, np.linspace(0.1, 1.0, 10)) if len(soh) else np.zeros(10)
    place = np.minimum(np.searchsorted(edges, soh, side="left"), 9)
    return [f"decile {at + 1:02d} to {edges[at]:.2f}" for at in place.tolist()]


def score_segments(predicted: Forecast, sales: TrainingSet, level: float) -> dict[str, dict[str, Scores]]:
    """Return the metrics of every segment with at least :data:`LEAST_SALES` sales."""
    return {kind: score_by_segment(predicted, names, level, LEAST_SALES) for kind, names in segments_of(sales).items()}


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
