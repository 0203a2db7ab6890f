"""The story of a promotion: read the sales, let challenger and champion compete, ask the gate, enter the log (上线)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.predictor import Predictor
from models.promotions import Decision, Promotion
from models.registry import CHAMPION, load_model, promote
from training.contest import Contest, contest, recipe_of
from training.gate import rule
from training.preparation import prepare
from training.ruling import GateConfig, Reason, Ruling
from training.sources import Sources
from valuation.errors import PredictorError, UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What was asked and found before a promotion: the two models, what they said, and what the gate says."""

    challenger: Predictor
    champion: Predictor | None
    held: Contest
    ruling: Ruling


def present_champion(home: Path) -> tuple[Predictor | None, str]:
    """Return the champion, None where none was promoted yet or it cannot be read, and then why."""
    try:
        return load_model(CHAMPION, home=home), ""
    except UnknownModel:
        return None, ""
    except PredictorError as error:
        return None, error.message


def hear(
    challenger: Predictor, home: Path, sources: Sources, config: GateConfig, begin: Callable[[str], None]
) -> Hearing:
    """Return what the gate says of a challenger on the sales of the given files."""
    champion, problem = present_champion(home)
    pair = (challenger, champion)
    recipe = recipe_of(challenger)
    prepared = prepare(sources, recipe, begin)
    held = contest(pair, prepared.sales, prepared.extra, begin)
    ruling = rule(pair, held, prepared.sales, recipe.level, config)
    if problem:
        ruling = Ruling(reasons=(_unreadable(problem), *ruling.reasons))
    return Hearing(challenger=challenger, champion=champion, held=held, ruling=ruling)


def _unreadable(problem: str) -> Reason:
    """Return what the gate says where the champion cannot be asked."""
    return Reason(
        rule="champion",
        passed=True,
        message_en=f"the champion cannot be read ({problem}); the structural value stands for it",
        message_zh=f"现役模型无法读取({problem}),以结构价值代替比较",
    )


def enter(hearing: Hearing, home: Path, decision: Decision) -> Promotion | None:
    """Make the challenger champion and return the log's entry, None where it is champion already.

    Raises
    ------
    UnknownModel
        If another model became champion since the gate looked: then the comparison no longer holds.
    """
    now, _ = present_champion(home)
    if (now.digest if now else "") != (hearing.champion.digest if hearing.champion else ""):
        raise UnknownModel(
            "another model became champion while the gate was looking",
            hint="run the promotion again: the comparison was with the champion before",
        )
    return promote(hearing.challenger.digest, decision, home)
