"""Choices sought by trial (超参数搜索): older sales teach, newer ones judge; what judges the model is never seen.

Only sales before the newest share are used, cut twice in time: a trial learns from what was known at each cut and is
scored by the interval score on the sales that followed. Trials are kept in a file and go on where they stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset import TrainingSet
from training.fit import forecast, learn
from training.judgement import newest_from
from training.metrics import judge
from training.retrain import Prepared
from valuation.errors import TooFewSales

CUTS = (0.6, 0.8, 1.0)
"""Shares of the older sales: known at the first cut, judged to the second; known at the second, judged to the third."""

LEAST_GAIN = 0.01
"""Share of the interval score that a winner must take off; what gains less is chance, and the given choices stay."""

SPACE: dict[str, tuple[float, float]] = {
    "learning_rate": (0.02, 0.12),
    "group_rows": (30.0, 300.0),
    "shift_rows": (10.0, 100.0),
    "decay_days": (60.0, 720.0),
    "thinned_weight": (0.05, 1.0),
}
"""What is sought, and between which bounds, on a logarithmic scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Attributes
    ----------
    config : TrainingConfig
        The choices that won; those given where nothing beat them.
    before, after : float
        Interval score of the given choices and of the winner on sales inside the training part. [CNY/kWh]
    trials, earlier : int
        Trials on record now, and how many of them stood there before.
    changed : dict
        The choices that differ from those given.
    """

    config: TrainingConfig
    before: float
    after: float
    trials: int
    earlier: int
    changed: dict[str, float]

    @property
    def gain(self) -> float:
        """Share of the interval score that the winner takes off."""
        return 1.0 - self.after / self.before


def search(
    prepared: Prepared, config: TrainingConfig, trials: int, home: Path, tick: Callable[[], None] = lambda: None
) -> Found:
    """Return the best choices after a number of trials in all, those of earlier runs on the same data counted.

    Parameters
    ----------
    prepared : Prepared
        A ledger worked out.
    config : TrainingConfig
        The choices to start from; they are the first trial.
    trials : int
        How many trials there are to be in all.
    home : Path
        Folder of all local state; trials are kept in searches.db.
    tick : callable
        Called after each trial.

    Raises
    ------
    TooFewSales
        If the sales cannot be cut so that each part can tell anything.
    """
    import optuna  # noqa: PLC0415 - only a search needs it

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    rounds = rounds_of(prepared.sales, prepared.extra, config)
    home.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=_name(prepared, config),
        storage=f"sqlite:///{(home / 'searches.db').resolve()}",
        direction="minimize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )
    earlier = _done(study)
    given = {name: float(getattr(config, name)) for name in SPACE}
    if not study.trials:
        study.enqueue_trial(given)
    while _done(study) < trials:
        # reseeded by its number, a search that was interrupted goes on as if it had not been
        study.sampler = optuna.samplers.TPESampler(seed=config.seed + _done(study), n_startup_trials=6)
        study.optimize(lambda trial: _score(trial, rounds, config), n_trials=1)
        tick()
    before, best = float(study.trials[0].value or 0.0), float(study.best_value)  # the first trial is never given up
    better = best < before * (1.0 - LEAST_GAIN)
    won = {name: float(value) for name, value in study.best_params.items()}
    changed = {name: value for name, value in won.items() if value != given[name]} if better else {}
    return Found(
        config=replace(config, **changed),  # type: ignore[arg-type]  # all of them are floats
        before=before,
        after=best if better else before,
        trials=_done(study),
        earlier=min(earlier, _done(study)),
        changed=changed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One cut in time: what was known by then, the same with thinner records, and the sales that followed."""

    known: TrainingSet
    thin: TrainingSet
    following: TrainingSet


def rounds_of(sales: TrainingSet, extra: TrainingSet, config: TrainingConfig) -> tuple[Round, ...]:
    """Return the rounds of a search: all of their sales were known before the sales that judge the model.

    Raises
    ------
    TooFewSales
        If a part has too few sales to tell anything.
    """
    delay = config.label_delay_days
    end = newest_from(sales, config) - delay
    older = sales.where((sales.sold_day <= end) & sales.alone)
    taught = sales.where(sales.sold_day <= end)
    if len(older) < 4 * LEAST_SALES:
        raise TooFewSales(
            f"{len(older)} sales before those that judge the model are too few to search with",
            hint=f"leave --search out, or give a ledger with {4 * LEAST_SALES} older sales",
            field="search",
            value=len(older),
        )
    edges = np.quantile(older.sold_day, CUTS)
    rounds = []
    for start, stop in pairwise(edges.tolist()):
        known, thin = taught.sold_day + delay <= start, extra.sold_day + delay <= start
        following = older.where((older.sold_day > start) & (older.sold_day <= stop))
        if int(known.sum()) >= LEAST_SALES and len(following):
            rounds.append(Round(known=taught.where(known), thin=extra.where(thin), following=following))
    if not rounds:
        raise TooFewSales(
            "the sales lie too close in time to search with: none is known before the next",
            hint="leave --search out, or give a ledger over a longer time",
            field="search",
        )
    return tuple(rounds)


def _score(trial: Any, rounds: tuple[Round, ...], config: TrainingConfig) -> float:  # noqa: ANN401 - untyped library
    """Return the mean interval score of a trial, given up where the first round says that it is no use."""
    import optuna  # noqa: PLC0415 - as above

    chosen = {}
    for name, (low, high) in SPACE.items():
        given = float(getattr(config, name))  # whoever chose a value outside of the usual bounds widens them
        chosen[name] = trial.suggest_float(name, min(low, given), max(high, given), log=True)
    tried = replace(config, **chosen)
    scores: list[float] = []
    for step, part in enumerate(rounds):
        estimator = learn(part.known, part.thin, tried)
        said = forecast(estimator, part.following, config.level)
        scores.append(judge(said, config.level).interval_score_per_kwh)
        trial.report(float(np.mean(scores)), step)
        if trial.number and step + 1 < len(rounds) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(scores))


def _done(study: Any) -> int:  # noqa: ANN401 - untyped library
    """Return how many trials came to an end; one that was killed half-way did not."""
    return sum(trial.state.name in {"COMPLETE", "PRUNED"} for trial in study.trials)


def _name(prepared: Prepared, config: TrainingConfig) -> str:
    """Return the name of a study: the same data and choices go on with the same trials."""
    told = {"data": prepared.sources.digests(), "vat": prepared.sources.vat, "config": asdict(config), "space": SPACE}
    return "search-" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
