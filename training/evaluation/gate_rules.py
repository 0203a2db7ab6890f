"""Rules of the promotion gate (上线门槛规则), read from a file, and the result of each rule."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from valuation.errors import SettingError
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """Limits of the gate rules.

    Parameters
    ----------
    least_sales : int
        Fewest training sales of the challenger.
    least_share_of_champion : float
        Fewest training sales as a share of the champion's; detects a ledger that lost its history. [1]
    least_judged : int
        Fewest sales on which the two models are compared.
    doubt : float
        Probability that a valid band is rejected by chance, over all groups together. [1]
    score_slack : float
        Allowed relative excess of the interval score over the champion's. [1]
    segment_slack : float
        Allowed relative excess of the interval score in one segment. [1]
    least_segment : int
        Fewest sales of a segment that is evaluated.
    most_moved : float
        Largest share of pack features that may have drifted between training sales and newest sales; market and
        season features are excluded. [1]
    drift_days : float
        Length of the period of newest sales. [d]
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
class RuleResult:
    """Result of one rule: whether it passed, and the reason."""

    rule: str
    passed: bool
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """Decision of the gate on a challenger."""

    results: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Whether all rules passed."""
        return all(result.passed for result in self.results)

    def summary(self) -> str:
        """Return the decision as one sentence for the promotion log."""
        against = [result.message for result in self.results if not result.passed]
        return str(Message("gate.rejects", reasons=against) if against else Message("gate.passes"))


def read_gate(path: Path | None = None) -> GateConfig:
    """Read the gate limits from a TOML file, or the default limits if no file is given.

    Raises
    ------
    SettingError
        If the file contains an unknown rule.

    >>> read_gate().least_judged
    200
    """
    source = resources.files("training").joinpath("configs/gate.toml") if path is None else path
    given = tomllib.loads(source.read_text(encoding="utf-8"))
    names = {field.name for field in fields(GateConfig)}
    for name in given:
        if name not in names:
            raise SettingError("gate.unknown_rule", field=name, name=name, choices=sorted(names))
    return GateConfig(**given)
