"""The gate (上线门槛): whether a challenger may take the champion's place, with a reason in a sentence for each rule.

Both are asked about the same sales, none of which either has learned from. The rules are kept in
``training/configs/gate.toml``; each says yes or no by itself, and one no is a no.
"""

from __future__ import annotations

import numpy as np

from models.artifact.predictor import Predictor
from models.drift import binomial_lower_count
from training.dataset.training_set import TrainingSet
from training.evaluation.champion_challenger import Comparison, through_day
from training.evaluation.feature_drift import OF_THE_MARKET, drift_of
from training.evaluation.gate_rules import GateConfig, GateDecision, Reason
from training.evaluation.holdout import names_of, tiers_of
from training.metrics import judge
from valuation.features import LABELS
from valuation.numeric.columns import BoolArray, FloatArray

_MONTH_DAYS = 30.0
_LEAST_MONTHS = 4
_MOST_LUCK = 5.0


def evaluate_gate(
    pair: tuple[Predictor, Predictor | None], held: Comparison, sales: TrainingSet, level: float, config: GateConfig
) -> GateDecision:
    """Return what the gate says.

    Parameters
    ----------
    pair
        Challenger and champion; None where none is champion yet.
    held
        What the two said of the same sales.
    sales
        All usable sales of the ledger, for the look at drift.
    level
        Share of sales the judged bands are to hold.
    config
        The rules.
    """
    reasons = [_volume(pair, held, config), _age(pair)]
    if len(held.judged) >= config.least_judged:
        reasons += [*_coverage(held, level, config), _score(held, level, config), *_segments(held, level, config)]
    return GateDecision(reasons=(*reasons, _drift(pair[0], sales, config)))


def _volume(pair: tuple[Predictor, Predictor | None], held: Comparison, config: GateConfig) -> Reason:
    learned, judged = _sales_of(pair[0]), len(held.judged)
    before = 0 if pair[1] is None else _sales_of(pair[1])
    least = max(config.least_sales, int(before * config.least_share_of_champion))
    return Reason(
        rule="volume",
        passed=learned >= least and judged >= config.least_judged,
        message_en=(
            f"it learned from {learned:,} sales, of which at least {least:,} are asked, and is judged on "
            f"{judged:,} after {held.started_on.isoformat()}, of which at least {config.least_judged:,} are asked"
        ),
        message_zh=(
            f"训练用成交 {learned:,} 笔(至少 {least:,} 笔),评判用 {held.started_on.isoformat()} 之后的成交 "
            f"{judged:,} 笔(至少 {config.least_judged:,} 笔)"
        ),
    )


def _age(pair: tuple[Predictor, Predictor | None]) -> Reason:
    challenger, champion = pair
    passed = champion is None or through_day(challenger) >= through_day(champion)
    theirs = "" if champion is None else champion.trained_through
    return Reason(
        rule="age",
        passed=passed,
        message_en=f"it knows sales through {challenger.trained_through}"
        + (f", the champion through {theirs}" if theirs else ""),
        message_zh=f"所知成交截至 {challenger.trained_through}" + (f",现役模型截至 {theirs}" if theirs else ""),
    )


def _coverage(held: Comparison, level: float, config: GateConfig) -> list[Reason]:
    """Return whether the band holds its promise, in all and in each group, bad luck allowed for."""
    inside = (held.challenger.price >= held.challenger.lower) & (held.challenger.price <= held.challenger.upper)
    groups = {"": np.ones(len(held.judged), dtype=np.bool_)} | segments_of(held.judged, config.least_segment)
    doubt = config.doubt / len(groups)
    reasons = []
    for name, rows in groups.items():
        count = int(rows.sum())
        luck = design_effect(inside[rows], held.judged.sold_day[rows], level)
        effective = max(int(count / luck), 1)
        least = binomial_lower_count(effective, level, doubt) / effective
        share = float(np.mean(inside[rows]))
        where_en, where_zh = (f" of {name}", f"{name} 的") if name else ("", "")
        reasons.append(
            Reason(
                rule="coverage",
                passed=share >= least,
                message_en=(
                    f"its {level:.0%} band holds {share:.1%} of {count:,} sales{where_en}; "
                    f"a true band would hold at least {least:.1%}"
                ),
                message_zh=(
                    f"{where_zh}{level:.0%} 区间覆盖 {count:,} 笔成交的 {share:.1%};真实区间至少覆盖 {least:.1%}"
                ),
            )
        )
    return [reason for reason in reasons if not reason.passed or reason is reasons[0]]


def _score(held: Comparison, level: float, config: GateConfig) -> Reason:
    mine, theirs = judge(held.challenger, level), judge(held.champion, level)
    ratio = mine.interval_score_per_kwh / theirs.interval_score_per_kwh
    return Reason(
        rule="score",
        passed=ratio <= 1.0 + config.score_slack,
        message_en=(
            f"its interval score is {mine.interval_score_per_kwh:.1f} CNY/kWh, {ratio:.3f} times that in service "
            f"({theirs.interval_score_per_kwh:.1f}), where at most {1.0 + config.score_slack:.3f} is agreed; "
            f"MAPE {mine.mape:.1%} after {theirs.mape:.1%}"
        ),
        message_zh=(
            f"区间得分 {mine.interval_score_per_kwh:.1f} 元/kWh,为现役({theirs.interval_score_per_kwh:.1f})的 "
            f"{ratio:.3f} 倍,约定不超过 {1.0 + config.score_slack:.3f} 倍;MAPE {mine.mape:.1%}(现役 {theirs.mape:.1%})"
        ),
    )


def _segments(held: Comparison, level: float, config: GateConfig) -> list[Reason]:
    """Return the segments in which the challenger is worse than agreed, or one sentence that there is none."""
    reasons = []
    segments = segments_of(held.judged, config.least_segment)
    for name, rows in segments.items():
        mine, theirs = judge(held.challenger.where(rows), level), judge(held.champion.where(rows), level)
        ratio = mine.interval_score_per_kwh / theirs.interval_score_per_kwh
        if ratio > 1.0 + config.segment_slack:
            reasons.append(
                Reason(
                    rule="segment",
                    passed=False,
                    message_en=(
                        f"on {mine.sales:,} sales of {name} its interval score is {ratio:.2f} times that in service, "
                        f"more than the agreed {1.0 + config.segment_slack:.2f}"
                    ),
                    message_zh=(
                        f"{name}({mine.sales:,} 笔)的区间得分为现役的 {ratio:.2f} 倍,"
                        f"超过约定的 {1.0 + config.segment_slack:.2f} 倍"
                    ),
                )
            )
    if reasons:
        return reasons
    return [
        Reason(
            rule="segment",
            passed=True,
            message_en=f"none of {len(segments)} segments is worse than agreed",
            message_zh=f"{len(segments)} 个分组均未差于约定",
        )
    ]


def _drift(challenger: Predictor, sales: TrainingSet, config: GateConfig) -> Reason:
    newest = sales.where(sales.sold_day > float(sales.sold_day.max()) - config.drift_days)
    reference = challenger.about.summary.get("reference")
    if not reference:
        return Reason(
            rule="drift",
            passed=True,
            message_en="the model carries no summary of what it learned from, so drift is not judged",
            message_zh="模型未携带训练摘要,不评判漂移",
        )
    found = [shift for shift in drift_of(dict(reference), newest) if shift.name not in OF_THE_MARKET]
    moved = [shift for shift in found if shift.moved]
    share = len(moved) / max(len(found), 1)
    most_en = ", ".join(LABELS[shift.name][0] if shift.name in LABELS else shift.name for shift in moved[:3])
    most_zh = "、".join(LABELS[shift.name][1] if shift.name in LABELS else shift.name for shift in moved[:3])
    return Reason(
        rule="drift",
        passed=share <= config.most_moved,
        message_en=(
            f"{len(moved)} of {len(found)} features of the packs in the newest {len(newest):,} sales have moved "
            "from what it learned"
            + (f", most of all {most_en}" if moved else "")
            + f"; at most {config.most_moved:.0%} may"
        ),
        message_zh=(
            f"最近 {len(newest):,} 笔成交的 {len(found)} 个电池包特征中有 {len(moved)} 个偏离训练分布"
            + (f"(首要:{most_zh})" if moved else "")
            + f",允许不超过 {config.most_moved:.0%}"
        ),
    )


def segments_of(sales: TrainingSet, least: int) -> dict[str, BoolArray]:
    """Return which sales belong to each chemistry, evidence tier and region that has sales enough."""
    regions = [f"region {region or 'unknown'}" for region in sales.region]
    found: dict[str, BoolArray] = {}
    for labels in (names_of(sales.chemistry), tiers_of(sales.tier), regions):
        column = np.array(labels)
        for name in sorted(set(labels)):
            rows = column == name
            if least <= int(rows.sum()) < len(sales):
                found[name] = rows
    return found


def design_effect(inside: BoolArray, sold_day: FloatArray, level: float) -> float:
    """Return by how much less the sales say than as many drawn one by one, because those of a month share its luck.

    The spread of monthly coverages over that of independent draws (the design effect of L. Kish, 1965), at least 1.

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
