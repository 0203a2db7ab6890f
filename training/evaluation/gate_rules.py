"""What the gate asks and how it answers: rules from a file, a reason for each, yes or no (门槛规则)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from valuation.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """What the gate asks.

    Parameters
    ----------
    least_sales : int
        Sales the challenger must have learned from.
    least_share_of_champion : float
        And the least share of what the champion had learned from: a ledger that lost its history is not a better one.
    least_judged : int
        Sales on which the two are compared.
    doubt : float
        How often a true band may be refused by bad luck, over all groups together.
    score_slack : float
        By which share the interval score may be above the champion's.
    segment_slack : float
        By which share it may be above the champion's in one segment.
    least_segment : int
        Sales from which a segment has a say.
    most_moved : float
        Share of the packs' features that may have moved between what was learned and the newest sales; what moves with
        market and season does not count.
    drift_days : float
        How far the newest sales reach back. [d]
    """

    least_sales: int = 300
    least_share_of_champion: float = 0.5
    least_judged: int = 200
    doubt: float = 0.01
    score_slack: float = 0.0
    segment_slack: float = 0.10
    least_segment: int = 100
    most_moved: float = 0.25
    drift_days: float = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one rule says: yes or no, and why, in English and Chinese."""

    rule: str
    passed: bool
    message_en: str
    message_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """What the gate says of a challenger."""

    reasons: tuple[Reason, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule says yes."""
        return all(reason.passed for reason in self.reasons)

    def summary(self) -> str:
        """Return the ruling as one sentence for the log of promotions."""
        against = [reason.message_en for reason in self.reasons if not reason.passed]
        return "the gate says no: " + "; ".join(against) if against else "the gate says yes"


def read_gate(path: Path | None = None) -> GateConfig:
    """Return the gate's rules from a TOML file, the default ones where none is given.

    Raises
    ------
    SettingError
        If the file names a rule that does not exist.

    >>> read_gate().least_judged
    200
    """
    source = resources.files("training").joinpath("configs/gate.toml") if path is None else path
    given = tomllib.loads(source.read_text(encoding="utf-8"))
    names = {field.name for field in fields(GateConfig)}
    for name in given:
        if name not in names:
            raise SettingError(
                f"{name} is no rule of the gate", hint=f"choose among {', '.join(sorted(names))}", field=name
            )
    return GateConfig(**given)
