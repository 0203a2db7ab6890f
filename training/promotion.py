"""The story of a promotion: read the sales, let challenger and champion compete, ask the gate, enter the log (上线)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.artifact.predictor import Predictor
from models.artifact.promotion_log import Decision, Promotion
from models.artifact.registry import CHAMPION, load_model, promote
from training.dataset.prepare import prepare
from training.dataset.sources import Sources
from training.evaluation.champion_challenger import Comparison, compare_models, recipe_of
from training.evaluation.gate import evaluate_gate
from training.evaluation.gate_rules import GateConfig, GateDecision, Reason
from valuation.errors import PredictorError, UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionReview:
    """What was asked and found before a promotion: the two models, what they said, and what the gate says."""

    challenger: Predictor
    champion: Predictor | None
    held: Comparison
    ruling: GateDecision


def current_champion(home: Path) -> tuple[Predictor | None, str]:
    """Return the champion, None where none was promoted yet or it cannot be read, and then why."""
    try:
        return load_model(CHAMPION, home=home), ""
    except UnknownModel:
        return None, ""
    except PredictorError as error:
        return None, error.message


def review(
    challenger: Predictor, home: Path, sources: Sources, config: GateConfig, begin: Callable[[str], None]
) -> PromotionReview:
    """Return what the gate says of a challenger on the sales of the given files."""
    champion, problem = current_champion(home)
    pair = (challenger, champion)
    recipe = recipe_of(challenger)
    prepared = prepare(sources, recipe, begin)
    held = compare_models(pair, prepared.sales, prepared.extra, begin)
    ruling = evaluate_gate(pair, held, prepared.sales, recipe.level, config)
    if problem:
        ruling = GateDecision(reasons=(_unreadable(problem), *ruling.reasons))
    return PromotionReview(challenger=challenger, champion=champion, held=held, ruling=ruling)


def _unreadable(problem: str) -> Reason:
    """Return what the gate says where the champion cannot be asked."""
    return Reason(
        rule="champion",
        passed=True,
        message_en=f"the champion cannot be read ({problem}); the structural value stands for it",
        message_zh=f"现役模型无法读取({problem}),以结构价值代替比较",
    )


def commit(hearing: PromotionReview, home: Path, decision: Decision) -> Promotion | None:
    """Make the challenger champion and return the log's entry, None where it is champion already.

    Raises
    ------
    UnknownModel
        If another model became champion since the gate looked: then the comparison no longer holds.
    """
    now, _ = current_champion(home)
    if (now.digest if now else "") != (hearing.champion.digest if hearing.champion else ""):
        raise UnknownModel(
            "another model became champion while the gate was looking",
            hint="run the promotion again: the comparison was with the champion before",
        )
    return promote(hearing.challenger.digest, decision, home)
