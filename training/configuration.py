"""What may be chosen about a training: a TOML file becomes one frozen value, whose digest goes into the run."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path

from valuation.errors import SettingError

LEAST_SALES = 60
"""Fewer sales than this cannot tell a band from luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Choices of a training.

    Parameters
    ----------
    level : float
        Share of sales the judged band is to hold.
    habits_rows : int
        Sales at most that are asked how the market's constants differ from the judged ones; 0 keeps the judged ones.
    thinned_share : float
        Share of the sales added again with a thinner record (ADR 7).
    thinned_weight : float
        What a sale with a thinner record weighs beside the same sale with its full one.
    test_share : float
        Newest share of the sales that judges the model before it is refitted on everything.
    label_delay_days : float
        How long after a sale its price is known to the trainer. [d]
    trees : int
        Trees of the mean; 0 lets early stopping choose.
    folds : int
        Folds of the calibration.
    learning_rate : float
        Pace of the mean's trees.
    group_rows, shift_rows : float
        Sales at which a group's own spread, and its own level, weigh as much as those of its parent.
    anchor_days, decay_days : float
        Half-lives of the re-anchor and of calibration weights (ADR 15). [d]
    seed : int
        Seed of every chance in the training.
    """

    level: float = 0.9
    habits_rows: int = 20_000
    thinned_share: float = 0.5
    thinned_weight: float = 0.3
    test_share: float = 0.2
    label_delay_days: float = 30.0
    trees: int = 0
    folds: int = 5
    learning_rate: float = 0.05
    group_rows: float = 100.0
    shift_rows: float = 30.0
    anchor_days: float = 60.0
    decay_days: float = 360.0
    seed: int = 0

    def digest(self) -> str:
        """Return a hash of the choices.

        >>> TrainingConfig().digest() == TrainingConfig(seed=0).digest()
        True
        """
        return "sha256:" + hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_config(path: Path | None = None) -> TrainingConfig:
    """Return the choices of a TOML file, the default ones where none is given.

    Raises
    ------
    SettingError
        If the file names a choice that does not exist.

    >>> read_config().level
    0.9
    """
    text = (
        path.read_text(encoding="utf-8")
        if path is not None
        else resources.files("training").joinpath("configs/default.toml").read_text(encoding="utf-8")
    )
    given = tomllib.loads(text)
    names = {field.name for field in fields(TrainingConfig)}
    for name in given:
        if name not in names:
            raise SettingError(
                f"{name} is no choice of a training", hint=f"choose among {', '.join(sorted(names))}", field=name
            )
    return TrainingConfig(**given)


def written(config: TrainingConfig) -> str:
    """Return the choices as the TOML that :func:`read_config` reads.

    >>> written(TrainingConfig()).splitlines()[0]
    'level = 0.9'
    """
    return "".join(f"{name} = {value!r}\n" for name, value in asdict(config).items())
