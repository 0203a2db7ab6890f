"""Options of a training run (训练选项): read from a TOML file into one frozen value with a digest."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from valuation.errors import SettingError

LEAST_SALES = 60
"""Fewest sales for which coverage can be distinguished from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Options of a training run. The names are stored in runs and bundles.

    Parameters
    ----------
    level : float
        Nominal coverage of the evaluated band. [1]
    market_calibration_rows : int
        Largest number of sales used to calibrate the market constants; 0 keeps the default constants.
    degraded_share : float
        Share of the sales added again with a degraded record (ADR 7). [1]
    degraded_weight : float
        Sample weight of a sale with a degraded record; the same sale with its full record weighs 1.
    test_share : float
        Newest share of the sales, held out to evaluate the model before it is refitted on all sales. [1]
    label_delay_days : float
        Time between a sale and the day its price is known to the trainer. [d]
    trees : int
        Trees of the mean forest; 0 selects the number by early stopping.
    folds : int
        Folds of the out-of-fold calibration.
    learning_rate : float
        Learning rate of the mean forest.
    group_rows, shift_rows : float
        Number of sales at which a group's own spread, or its own level, weighs as much as that of its parent group.
    anchor_days, decay_days : float
        Half-lives of recentring and of the calibration weights (ADR 15). [d]
    seed : int
        Seed of all random numbers of the training.
    """

    level: float = 0.9
    market_calibration_rows: int = 20_000
    degraded_share: float = 0.5
    degraded_weight: float = 0.3
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
        """Return a SHA-256 digest of the options.

        >>> TrainingConfig().digest() == TrainingConfig(seed=0).digest()
        True
        """
        return "sha256:" + hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


_FORMER_NAMES = {
    "habits_rows": "market_calibration_rows",
    "thinned_share": "degraded_share",
    "thinned_weight": "degraded_weight",
}


def with_present_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored options with the former names of options replaced.

    >>> with_present_names({"habits_rows": 0, "seed": 1})
    {'market_calibration_rows': 0, 'seed': 1}
    """
    return {_FORMER_NAMES.get(name, name): value for name, value in options.items()}


def read_config(path: Path | None = None) -> TrainingConfig:
    """Read the options from a TOML file, or the default options if no file is given.

    Raises
    ------
    SettingError
        If the file contains an unknown option.

    >>> read_config().level
    0.9
    """
    text = (
        path.read_text(encoding="utf-8")
        if path is not None
        else resources.files("training").joinpath("configs/default.toml").read_text(encoding="utf-8")
    )
    given = with_present_names(tomllib.loads(text))
    names = {field.name for field in fields(TrainingConfig)}
    for name in given:
        if name not in names:
            raise SettingError("training.unknown_option", field=name, name=name, choices=sorted(names))
    return TrainingConfig(**given)


def to_toml(config: TrainingConfig) -> str:
    """Format the options as TOML that :func:`read_config` reads.

    >>> to_toml(TrainingConfig()).splitlines()[0]
    'level = 0.9'
    """
    return "".join(f"{name} = {value!r}\n" for name, value in asdict(config).items())
