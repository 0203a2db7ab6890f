"""Hyperparameter search (超参数搜索) on the sales before the held-out share.

The sales are cut twice in time. A trial is fitted on the sales known at each cut and scored by the interval score of
the sales that follow. Trials are stored in a database, so an interrupted search continues.

Trials are drawn in batches. A batch depends only on completed batches, so the result does not depend on the number of
processes or on interruptions.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.prepare import TrainingInput
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import newest_from
from training.fit_model import forecast, learn
from training.metrics import score_forecast
from training.parallel import ALONE, Workers, iter_results
from valuation.errors import TooFewSales

CUTS = (0.6, 0.8, 1.0)
"""Time cuts as shares of the sales: fit to the first and score to the second, fit to the second, score to the third."""

BATCH = 4
"""Number of trials drawn together; they may run at the same time."""

LEAST_GAIN = 0.01
"""Smallest relative reduction of the interval score that is accepted; a smaller gain is treated as chance. [1]"""

SPACE: dict[str, tuple[float, float]] = {
    "learning_rate": (0.02, 0.12),
    "group_rows": (30.0, 300.0),
    "shift_rows": (10.0, 100.0),
    "decay_days": (60.0, 720.0),
    "degraded_weight": (0.05, 1.0),
}
"""Searched options with lower and upper bound, on a logarithmic scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Result of a search.

    Attributes
    ----------
    config : TrainingConfig
        The best options, or the given ones if no trial was better.
    before, after : float
        Interval score of the given and of the best options on sales of the training part. [CNY/kWh]
    trials, earlier : int
        Number of stored trials, and how many of them came from earlier searches.
    changed : dict
        Options that differ from the given ones.
    """

    config: TrainingConfig
    before: float
    after: float
    trials: int
    earlier: int
    changed: dict[str, float]

    @property
    def gain(self) -> float:
        """Relative reduction of the interval score. [1]"""
        return 1.0 - self.after / self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Workers that run the trials, and a callback after each trial."""

    workers: Workers = ALONE
    tick: Callable[[], None] = lambda: None


def search(
    prepared: TrainingInput, config: TrainingConfig, trials: int, home: Path, execution: Execution | None = None
) -> Study:
    """Search the options until the given number of trials is stored; trials of earlier searches count.

    Parameters
    ----------
    prepared : TrainingInput
        Prepared sales.
    config : TrainingConfig
        Initial options; they are the first trial.
    trials : int
        Total number of trials.
    home : Path
        Folder of all local state; trials are stored in searches.db.
    execution : Execution, optional
        Workers and callback; the result does not depend on them.

    Raises
    ------
    TooFewSales
        If the sales are too few to be cut in time.
    """
    splits = time_splits(prepared.sales, prepared.augmentation, config)
    with _stored_study(home, _name(prepared, config)) as study:
        return _best_of(study, splits, config, trials, execution or Execution())


@contextmanager
def _stored_study(home: Path, name: str) -> Iterator[Any]:
    """Open the study stored under a name; its database is closed after the block."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    home.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{(home / 'searches.db').resolve()}")
    try:
        yield optuna.create_study(study_name=name, storage=storage, direction="minimize", load_if_exists=True)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _best_of(
    study: Any,  # noqa: ANN401 - the library has no types
    splits: tuple[TimeSplit, ...],
    config: TrainingConfig,
    trials: int,
    execution: Execution,
) -> Study:
    """Return the best options of a study when it has the given number of trials."""
    earlier = len(study.trials)
    while len(study.trials) < trials:
        done = study.trials
        end = min(len(done) - len(done) % BATCH + BATCH, trials)
        batch = [_Trial(number, done, config) for number in range(len(done), end)]
        _run_batch(batch, splits, execution)
        study.add_trials([one.finished() for one in batch])  # stored when complete: a kill leaves no partial trial
    given = {name: float(getattr(config, name)) for name in SPACE}
    before, best = float(study.trials[0].value or 0.0), float(study.best_value)  # the first trial is never pruned
    better = best < before * (1.0 - LEAST_GAIN)
    found = {name: float(value) for name, value in study.best_params.items()}
    changed = {name: value for name, value in found.items() if value != given[name]} if better else {}
    return Study(
        config=replace(config, **changed),  # type: ignore[arg-type]  # all of them are floats
        before=before,
        after=best if better else before,
        trials=len(study.trials),
        earlier=min(earlier, len(study.trials)),
        changed=changed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """One cut in time: the sales known at the cut, their degraded copies, and the sales that follow."""

    known: TrainingSet
    degraded: TrainingSet
    following: TrainingSet


def time_splits(sales: TrainingSet, augmentation: TrainingSet, config: TrainingConfig) -> tuple[TimeSplit, ...]:
    """Return the time splits of a search; all their prices were known before the held-out sales begin.

    Raises
    ------
    TooFewSales
        If a part has too few sales.
    """
    delay = config.label_delay_days
    end = newest_from(sales, config) - delay
    older = sales.where((sales.sold_day <= end) & sales.single_sale)
    older_rows = sales.where(sales.sold_day <= end)
    if len(older) < 4 * LEAST_SALES:
        raise TooFewSales(
            "training.too_few_to_search", field="search", value=len(older), count=len(older), least=4 * LEAST_SALES
        )
    edges = np.quantile(older.sold_day, CUTS)
    splits = []
    for start, stop in pairwise(edges.tolist()):
        known, degraded = older_rows.sold_day + delay <= start, augmentation.sold_day + delay <= start
        following = older.where((older.sold_day > start) & (older.sold_day <= stop))
        if int(known.sum()) >= LEAST_SALES and len(following):
            splits.append(
                TimeSplit(known=older_rows.where(known), degraded=augmentation.where(degraded), following=following)
            )
    if not splits:
        raise TooFewSales("training.too_close_in_time", field="search")
    return tuple(splits)


class _Trial:
    """A running trial: its options, drawn from earlier batches only, and its scores so far."""

    def __init__(self, number: int, done: Sequence[Any], config: TrainingConfig) -> None:
        self._given = number == 0
        self._space: dict[str, Any] = {}
        for name, (low, high) in SPACE.items():
            given = float(getattr(config, name))  # a given value outside the bounds widens them
            self._space[name] = optuna.distributions.FloatDistribution(min(low, given), max(high, given), log=True)
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=config.seed + number, n_startup_trials=6),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        study.add_trials(done[: number - number % BATCH])
        if self._given:
            study.enqueue_trial({name: float(getattr(config, name)) for name in SPACE})
        self._trial = study.ask(self._space)
        self.config = replace(config, **self._trial.params)
        self.scores: list[float] = []
        self.pruned = False

    def add_score(self, score: float, *, last: bool) -> None:
        """Add the score of a split; prune the trial if it is clearly worse than the others."""
        self.scores.append(score)
        self._trial.report(float(np.mean(self.scores)), len(self.scores) - 1)
        self.pruned = not last and not self._given and self._trial.should_prune()

    def finished(self) -> Any:  # noqa: ANN401 - untyped library
        """Return the trial as it is stored."""
        means = {step: float(np.mean(self.scores[: step + 1])) for step in range(len(self.scores))}
        state = optuna.trial.TrialState.PRUNED if self.pruned else optuna.trial.TrialState.COMPLETE
        return optuna.trial.create_trial(
            state=state,
            value=None if self.pruned else means[max(means)],
            params=self._trial.params,
            distributions=self._space,
            intermediate_values=means,
        )


def _run_batch(batch: Sequence[_Trial], splits: tuple[TimeSplit, ...], execution: Execution) -> None:
    """Score the trials of a batch split by split, without the pruned ones."""
    for step, split in enumerate(splits):
        last = step + 1 == len(splits)
        running = [one for one in batch if not one.pruned]
        for place, score in iter_results(_score, [(split, one.config) for one in running], execution.workers):
            running[place].add_score(score, last=last)
            if last or running[place].pruned:
                execution.tick()


def _score(job: tuple[TimeSplit, TrainingConfig]) -> float:
    """Return the interval score of the given options on one time split."""
    split, tried = job
    predicted = forecast(learn(split.known, split.degraded, tried), split.following, tried.level)
    return score_forecast(predicted, tried.level).interval_score_per_kwh


def _name(prepared: TrainingInput, config: TrainingConfig) -> str:
    """Return the study name; the same data and options continue the same study."""
    key = {
        "data": prepared.sources.digests(),
        "vat": prepared.sources.vat,
        "config": asdict(config),
        "space": SPACE,
        "batch": BATCH,
    }
    return "search-" + hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
