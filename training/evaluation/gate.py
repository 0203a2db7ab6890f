"""Promotion gate (上线门槛): decide whether a challenger may replace the champion, with a reason for each rule.

Both models are compared on the same sales, which neither was trained on. The limits are in
``training/configs/gate.toml``. The gate passes if all rules pass.
"""

from __future__ import annotations

import numpy as np

from models.artifact.predictor import Predictor
from models.drift import binomial_lower_count, pack_shifts
from training.dataset.training_set import TrainingSet
from training.evaluation.champion_challenger import Comparison, trained_through_day
from training.evaluation.feature_drift import measure_drift
from training.evaluation.gate_rules import GateConfig, GateDecision, RuleResult
from training.evaluation.holdout import names_of, tiers_of
from training.metrics import score_forecast
from valuation.features import label_of
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray

_MONTH_DAYS = 30.0
_LEAST_MONTHS = 4
_MOST_LUCK = 5.0


def evaluate_gate(
    pair: tuple[Predictor, Predictor | None],
    comparison: Comparison,
    sales: TrainingSet,
    level: float,
    config: GateConfig,
) -> GateDecision:
    """Return the decision of the gate.

    Parameters
    ----------
    pair
        Challenger and champion; None if there is no champion yet.
    comparison
        Forecasts of both for the same sales.
    sales
        All usable sales of the ledger, for the drift rule.
    level
        Nominal coverage of the bands. [1]
    config
        Limits of the rules.
    """
    results = [_volume(pair, comparison, config), _age(pair)]
    if len(comparison.evaluated) >= config.least_judged:
        results += [
            *_coverage(comparison, level, config),
            _score(comparison, level, config),
            *_segments(comparison, level, config),
        ]
    return GateDecision(results=(*results, _drift(pair[0], sales, config)))


def _volume(pair: tuple[Predictor, Predictor | None], comparison: Comparison, config: GateConfig) -> RuleResult:
    learned, evaluated = _sales_of(pair[0]), len(comparison.evaluated)
    before = 0 if pair[1] is None else _sales_of(pair[1])
    least = max(config.least_sales, int(before * config.least_share_of_champion))
    return RuleResult(
        rule="volume",
        passed=learned >= least and evaluated >= config.least_judged,
        message=Message(
            "gate.volume",
            learned=learned,
            least=least,
            evaluated=evaluated,
            day=comparison.started_on.isoformat(),
            least_evaluated=config.least_judged,
        ),
    )


def _age(pair: tuple[Predictor, Predictor | None]) -> RuleResult:
    challenger, champion = pair
    passed = champion is None or trained_through_day(challenger) >= trained_through_day(champion)
    day = challenger.trained_through
    message = Message("gate.age_alone", day=day)
    if champion is not None and champion.trained_through:
        message = Message("gate.age", day=day, champion_day=champion.trained_through)
    return RuleResult(rule="age", passed=passed, message=message)


def _coverage(comparison: Comparison, level: float, config: GateConfig) -> list[RuleResult]:
    """Check the coverage of the band in total and in each group against the lower binomial quantile."""
    inside = (comparison.challenger.price >= comparison.challenger.lower) & (
        comparison.challenger.price <= comparison.challenger.upper
    )
    groups = {"": np.ones(len(comparison.evaluated), dtype=np.bool_)} | segments_of(
        comparison.evaluated, config.least_segment
    )
    doubt = config.doubt / len(groups)
    results = []
    for name, rows in groups.items():
        count = int(rows.sum())
        luck = design_effect(inside[rows], comparison.evaluated.sold_day[rows], level)
        effective = max(int(count / luck), 1)
        least = binomial_lower_count(effective, level, doubt) / effective
        share = float(np.mean(inside[rows]))
        facts = {"level": level, "share": share, "count": count, "least": least}
        message = (
            Message("gate.coverage_of_segment", segment=name, **facts) if name else Message("gate.coverage", **facts)
        )
        results.append(RuleResult(rule="coverage", passed=share >= least, message=message))
    return [result for result in results if not result.passed or result is results[0]]


def _score(comparison: Comparison, level: float, config: GateConfig) -> RuleResult:
    candidate, current = score_forecast(comparison.challenger, level), score_forecast(comparison.champion, level)
    ratio = candidate.interval_score_per_kwh / current.interval_score_per_kwh
    return RuleResult(
        rule="score",
        passed=ratio <= 1.0 + config.score_slack,
        message=Message(
            "gate.score",
            score=candidate.interval_score_per_kwh,
            ratio=ratio,
            current=current.interval_score_per_kwh,
            most=1.0 + config.score_slack,
            mape=candidate.mape,
            current_mape=current.mape,
        ),
    )


def _segments(comparison: Comparison, level: float, config: GateConfig) -> list[RuleResult]:
    """Return a failed result for each segment worse than allowed, or one passed result."""
    results = []
    segments = segments_of(comparison.evaluated, config.least_segment)
    for name, rows in segments.items():
        candidate, current = (
            score_forecast(comparison.challenger.where(rows), level),
            score_forecast(comparison.champion.where(rows), level),
        )
        ratio = candidate.interval_score_per_kwh / current.interval_score_per_kwh
        if ratio > 1.0 + config.segment_slack:
            message = Message(
                "gate.segment", count=candidate.sales, segment=name, ratio=ratio, most=1.0 + config.segment_slack
            )
            results.append(RuleResult(rule="segment", passed=False, message=message))
    if results:
        return results
    return [RuleResult(rule="segment", passed=True, message=Message("gate.segments", count=len(segments)))]


def _drift(challenger: Predictor, sales: TrainingSet, config: GateConfig) -> RuleResult:
    newest = sales.where(sales.sold_day > float(sales.sold_day.max()) - config.drift_days)
    reference = challenger.about.summary.get("reference")
    if not reference:
        return RuleResult(rule="drift", passed=True, message=Message("gate.no_reference"))
    found = pack_shifts(measure_drift(dict(reference), newest))
    moved = [shift for shift in found if shift.moved]
    share = len(moved) / max(len(found), 1)
    facts = {"moved": len(moved), "total": len(found), "count": len(newest), "most": config.most_moved}
    names = [label_of(shift.name) for shift in moved[:3]]
    message = Message("gate.drift_of", names=names, **facts) if moved else Message("gate.drift", **facts)
    return RuleResult(rule="drift", passed=share <= config.most_moved, message=message)


def segments_of(sales: TrainingSet, least: int) -> dict[str, BoolArray]:
    """Return a mask of sales for each chemistry, evidence tier and region with at least `least` sales."""
    regions = [region or "unknown" for region in sales.region]
    named = {f"region {region}": Message("gate.region", region=region) for region in set(regions)}
    found: dict[str, BoolArray] = {}
    for labels in (names_of(sales.chemistry), tiers_of(sales.tier), [f"region {region}" for region in regions]):
        column = np.array(labels)
        for name in sorted(set(labels)):
            rows = column == name
            if least <= int(rows.sum()) < len(sales):
                found[named.get(name, name)] = rows
    return found


def design_effect(inside: BoolArray, sold_day: FloatArray, level: float) -> float:
    """Return the design effect of sales clustered by month (L. Kish, 1965), between 1 and 5. [1]

    It is the variance of the monthly coverages over the variance of independent draws. The effective number of sales is
    their number divided by the design effect.

    >>> days = np.arange(1000.0)
    >>> design_effect(np.arange(1000) % 10 > 0, days, 0.9)
    1.0
    >>> design_effect((days // 100) % 10 > 0, days, 0.9)
    5.0
    """
    month = np.floor((sold_day - sold_day.min()) / _MONTH_DAYS).astype(np.int64) if len(sold_day) else np.zeros(0, int)
    counts = np.bincount(month)
    full = counts > 0
    months = int(full.sum())
    if months < _LEAST_MONTHS:
        return 1.0
    covered = np.bincount(month, weights=inside.astype(np.float64))[full] / counts[full]
    spread = float(np.sum(counts[full] * (covered - float(np.mean(inside))) ** 2)) / (months - 1)
    return min(max(spread / (level * (1.0 - level)), 1.0), _MOST_LUCK)


def _sales_of(model: Predictor) -> int:
    return int(model.about.summary.get("sales", 0))
