"""Choices sought by trial (超参数搜索): older sales teach, newer ones judge; what judges the model is never seen.

Only sales before the newest share are used, cut twice in time: a trial learns from what was known at each cut and is
scored by the interval score on the sales that followed. Trials are kept in a file and go on where they stopped.

Trials are drawn in batches, each from the trials of the batches before alone, so that processes may share a batch and
whoever does the work, interrupted or not, finds the same.
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

from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.prepare import TrainingInput
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import newest_from
from training.fit_model import forecast, learn
from training.metrics import judge
from training.parallel import ALONE, Workers, iter_results
from valuation.errors import TooFewSales

CUTS = (0.6, 0.8, 1.0)
"""Shares of the older sales: known at the first cut, judged to the second; known at the second, judged to the third."""

BATCH = 4
"""Trials that are drawn together, and may be tried at the same time."""

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
class Study:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Who tries, and what is called after each trial."""

    crew: Workers = ALONE
    tick: Callable[[], None] = lambda: None


def search(prepared: TrainingInput, config: TrainingConfig, trials: int, home: Path, work: Work | None = None) -> Study:
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
    work : Work, optional
        Who tries, and what is called after each trial; the same choices win whoever does the work.

    Raises
    ------
    TooFewSales
        If the sales cannot be cut so that each part can tell anything.
    """
    rounds = rounds_of(prepared.sales, prepared.extra, config)
    with _kept_study(home, _name(prepared, config)) as study:
        return _best_of(study, rounds, config, trials, work or Work())


@contextmanager
def _kept_study(home: Path, name: str) -> Iterator[Any]:
    """Give the study that is kept under a name; its database is closed after the block."""
    import optuna  # noqa: PLC0415 - only a search needs it

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    home.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{(home / 'searches.db').resolve()}")
    try:
        yield optuna.create_study(study_name=name, storage=storage, direction="minimize", load_if_exists=True)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _best_of(study: Any, rounds: tuple[Round, ...], config: TrainingConfig, trials: int, work: Work) -> Study:  # noqa: ANN401 - untyped library
    """Return the best choices of a study after a number of trials in all."""
    earlier = len(study.trials)
    while len(study.trials) < trials:
        done = study.trials
        end = min(len(done) - len(done) % BATCH + BATCH, trials)
        batch = [_Trial(number, done, config) for number in range(len(done), end)]
        _try(batch, rounds, work)
        study.add_trials([one.finished() for one in batch])  # only what came to an end: a kill leaves no half a trial
    given = {name: float(getattr(config, name)) for name in SPACE}
    before, best = float(study.trials[0].value or 0.0), float(study.best_value)  # the first trial is never given up
    better = best < before * (1.0 - LEAST_GAIN)
    won = {name: float(value) for name, value in study.best_params.items()}
    changed = {name: value for name, value in won.items() if value != given[name]} if better else {}
    return Study(
        config=replace(config, **changed),  # type: ignore[arg-type]  # all of them are floats
        before=before,
        after=best if better else before,
        trials=len(study.trials),
        earlier=min(earlier, len(study.trials)),
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


class _Trial:
    """One trial under way: its choices, drawn from earlier batches alone, and what they scored so far."""

    def __init__(self, number: int, done: Sequence[Any], config: TrainingConfig) -> None:
        import optuna  # noqa: PLC0415 - as above

        self._given = number == 0
        self._space: dict[str, Any] = {}
        for name, (low, high) in SPACE.items():
            given = float(getattr(config, name))  # whoever chose a value outside of the usual bounds widens them
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
        self.given_up = False

    def scored(self, score: float, *, last: bool) -> None:
        """Take the score of a round; what is no use after it is given up."""
        self.scores.append(score)
        self._trial.report(float(np.mean(self.scores)), len(self.scores) - 1)
        self.given_up = not last and not self._given and self._trial.should_prune()

    def finished(self) -> Any:  # noqa: ANN401 - untyped library
        """Return the trial as it is kept."""
        import optuna  # noqa: PLC0415 - as above

        means = {step: float(np.mean(self.scores[: step + 1])) for step in range(len(self.scores))}
        state = optuna.trial.TrialState.PRUNED if self.given_up else optuna.trial.TrialState.COMPLETE
        return optuna.trial.create_trial(
            state=state,
            value=None if self.given_up else means[max(means)],
            params=self._trial.params,
            distributions=self._space,
            intermediate_values=means,
        )


def _try(batch: Sequence[_Trial], rounds: tuple[Round, ...], work: Work) -> None:
    """Score the trials of a batch round by round, those given up left out."""
    for step, part in enumerate(rounds):
        last = step + 1 == len(rounds)
        going = [one for one in batch if not one.given_up]
        for place, score in iter_results(_score, [(part, one.config) for one in going], work.crew):
            going[place].scored(score, last=last)
            if last or going[place].given_up:
                work.tick()


def _score(job: tuple[Round, TrainingConfig]) -> float:
    """Return the interval score of some choices in one round."""
    part, tried = job
    said = forecast(learn(part.known, part.thin, tried), part.following, tried.level)
    return judge(said, tried.level).interval_score_per_kwh


def _name(prepared: TrainingInput, config: TrainingConfig) -> str:
    """Return the name of a study: the same data and choices go on with the same trials."""
    told = {
        "data": prepared.sources.digests(),
        "vat": prepared.sources.vat,
        "config": asdict(config),
        "space": SPACE,
        "batch": BATCH,
    }
    return "search-" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
