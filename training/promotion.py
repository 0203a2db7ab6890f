"""Promotion of a model (上线): compare challenger and champion on sales, evaluate the gate, write the log entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.artifact.predictor import Predictor
from models.artifact.promotion_log import Decision, Promotion
from models.artifact.registry import CHAMPION, load_model, promote
from training.dataset.prepare import prepare
from training.dataset.source_files import Sources
from training.evaluation.champion_challenger import Comparison, compare_models, config_of
from training.evaluation.gate import evaluate_gate
from training.evaluation.gate_rules import GateConfig, GateDecision, RuleResult
from valuation.errors import PredictorError, UnknownModel
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionReview:
    """Result of a promotion review: both models, their comparison and the gate decision."""

    challenger: Predictor
    champion: Predictor | None
    comparison: Comparison
    gate_decision: GateDecision


def current_champion(home: Path) -> tuple[Predictor | None, str]:
    """Return the champion and "", or None and the error message if the champion cannot be read."""
    try:
        return load_model(CHAMPION, home=home), ""
    except UnknownModel:
        return None, ""
    except PredictorError as error:
        return None, error.text


def review(
    challenger: Predictor, home: Path, sources: Sources, config: GateConfig, begin: Callable[[str], None]
) -> PromotionReview:
    """Compare a challenger with the champion on the sales of the given files and evaluate the gate."""
    champion, problem = current_champion(home)
    pair = (challenger, champion)
    recipe = config_of(challenger)
    prepared = prepare(sources, recipe, begin)
    comparison = compare_models(pair, prepared.sales, prepared.augmentation, begin)
    gate_decision = evaluate_gate(pair, comparison, prepared.sales, recipe.level, config)
    if problem:
        gate_decision = GateDecision(results=(_unreadable(problem), *gate_decision.results))
    return PromotionReview(challenger=challenger, champion=champion, comparison=comparison, gate_decision=gate_decision)


def _unreadable(problem: str) -> RuleResult:
    """Return the rule result that reports an unreadable champion."""
    return RuleResult(rule="champion", passed=True, message=Message("gate.champion_unreadable", problem=problem))


def commit(reviewed: PromotionReview, home: Path, decision: Decision) -> Promotion | None:
    """Make the challenger champion and return the log entry, or None if it is already champion.

    Raises
    ------
    UnknownModel
        If another model became champion after the review, so that the comparison no longer applies.
    """
    now, _ = current_champion(home)
    if (now.digest if now else "") != (reviewed.champion.digest if reviewed.champion else ""):
        raise UnknownModel("training.champion_changed")
    return promote(reviewed.challenger.digest, decision, home)
