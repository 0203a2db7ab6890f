"""Back-test (回测): fit at each origin on what was known then, predict to the next origin, score on the same sales.

A sale is known at an origin if it was made at least the label delay before; record, quotes and structural value are
those of its own day. The model is recentred monthly on the sales reported since; the baselines are refitted at each
origin and not updated in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from models.artifact.predictor import Predictor
from models.inference.fitted_model import FittedRegressor
from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.training_set import TrainingSet
from training.evaluation.backtest.baselines import Baseline, Task, baselines
from training.evaluation.backtest.scored_method import BacktestEntry, score_entry
from training.evaluation.champion_challenger import trained_through_day
from training.evaluation.replay import recentre, replay_calibrated
from training.fit_model import learn
from training.metrics import Forecast
from training.parallel import ALONE, Workers, iter_results
from valuation.errors import TooFewSales
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.to_columns import calendar_day, day_number

OURS, STRUCTURAL = "canzhi", "structural value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Origins of a back-test, days since 1970-01-01, and whether the model is refitted at each.

    `parts` is a folder for finished windows, so that an interrupted back-test can continue; `key` identifies their
    data. `workers` run the windows; the result does not depend on them.
    """

    origins: tuple[float, ...]
    refit: bool = True
    workers: Workers = ALONE
    parts: Path | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Result of a back-test: evaluated sales, entries with canzhi's first, and the omitted methods with the reason."""

    evaluated: TrainingSet
    entries: tuple[BacktestEntry, ...]
    origins: tuple[date, ...]
    level: float
    absent: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return the figures as plain JSON values."""
        return {
            "sales": len(self.evaluated),
            "level": self.level,
            "origins": [day.isoformat() for day in self.origins],
            "absent": dict(self.absent),
            "contestants": [one.as_dict() for one in self.entries],
        }


def plan_origins(sales: TrainingSet, config: TrainingConfig, start: date | None, step_months: int) -> tuple[float, ...]:
    """Return origins every `step_months` months from a day; by default from the start of the newest two fifths.

    Raises
    ------
    TooFewSales
        If too few sales are known by the first origin, or none follow it.
    """
    first = day_number(start) if start else float(np.quantile(sales.sold_day, 0.6))
    known = int(np.sum(sales.sold_day + config.label_delay_days <= first))
    last = float(sales.sold_day.max())
    if known < LEAST_SALES or first >= last:
        raise TooFewSales(
            "training.too_few_at_origin", field="from", count=known, day=calendar_day(first), least=LEAST_SALES
        )
    origins, day = [], calendar_day(first)
    while day is not None and day_number(day) < last:
        origins.append(day_number(day))
        month = day.month - 1 + step_months
        day = date(day.year + month // 12, month % 12 + 1, min(day.day, 28))
    return tuple(origins)


def backtest(  # noqa: PLR0913 - the sixth is for scenarios alone
    training_data: tuple[TrainingSet, TrainingSet],
    incumbent: Predictor | None,
    config: TrainingConfig,
    plan: Plan,
    done: Callable[[str], None],
    *,
    truth: TrainingSet | None = None,
) -> Backtest:
    """Return forecasts and scores of every method for the sales after the first origin.

    Parameters
    ----------
    training_data
        All usable sales, and copies of them with degraded records.
    incumbent
        The champion, evaluated only on windows after its newest training sale; None for none.
    config, plan
        Options of the training; origins and workers.
    done
        Called with the name of each finished window.
    truth
        Sales with their true prices for scoring, if `training_data` contains misread prices.
    """
    sales, augmentation = training_data
    methods = baselines()
    names = [OURS, STRUCTURAL, *methods, *(["incumbent"] if incumbent else [])]
    predicted = {name: np.full((len(sales), 3), np.nan) for name in names}
    window = _Window(
        sales=sales, augmentation=augmentation, config=config, baselines=methods, incumbent=incumbent, plan=plan
    )
    jobs = []
    for place, rows in _windows(plan.origins, sales):
        kept = window.kept(place, rows)
        if kept is None:
            jobs.append((window, place, rows))
        else:
            _take(predicted, rows, kept)
            done(_name(plan, place))
    if jobs and not plan.refit:
        window.fit_as_of(plan.origins[0])  # once for all workers
    for number, answers in iter_results(_answer, jobs, plan.workers):
        _, place, rows = jobs[number]
        window.keep(place, answers)
        _take(predicted, rows, answers)
        done(_name(plan, place))
    return _score_methods(
        sales if truth is None else truth, predicted, plan, config.level, _absent(methods, incumbent, predicted)
    )


def _windows(origins: tuple[float, ...], sales: TrainingSet) -> Iterator[tuple[int, BoolArray]]:
    """Yield the index of each origin and the sales up to the next, if there are any."""
    for place, (origin, ahead) in enumerate(pairwise([*origins, float(sales.sold_day.max())])):
        if (rows := (sales.sold_day > origin) & (sales.sold_day <= ahead)).any():
            yield place, rows


def _take(predicted: Mapping[str, FloatArray], rows: BoolArray, answers: Mapping[str, FloatArray]) -> None:
    for name, answer in answers.items():
        predicted[name][rows] = answer


def _name(plan: Plan, place: int) -> str:
    return (calendar_day(plan.origins[place]) or date.min).isoformat()


def _answer(job: tuple[_Window, int, BoolArray]) -> dict[str, FloatArray]:
    """Return the forecasts of all methods for one window, in one thread to keep the baselines reproducible."""
    window, place, rows = job
    with threadpool_limits(limits=1):
        return window.answers(place, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A fitted model, its calibrated market constants and the day of its newest known sale."""

    state: FittedRegressor
    calibration: Mapping[str, float]
    learned_to: float


@dataclass(slots=True, kw_only=True)
class _Window:
    """Data and methods of a back-test, with the last fitted model."""

    sales: TrainingSet
    augmentation: TrainingSet
    config: TrainingConfig
    baselines: Mapping[str, Baseline]
    incumbent: Predictor | None
    plan: Plan
    fitted: tuple[float, _Candidate] | None = None

    def kept(self, place: int, rows: BoolArray) -> dict[str, FloatArray] | None:
        """Return the forecasts of a window from the file of an earlier run, or None."""
        file = self._file(place)
        if file is None or not file.exists():
            return None
        with np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        return found if all(len(answer) == int(rows.sum()) for answer in found.values()) else None

    def keep(self, place: int, answers: Mapping[str, FloatArray]) -> None:
        """Store the forecasts of a window, if a folder is given."""
        file = self._file(place)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".tmp.npz")
            np.savez(unfinished, **answers)  # type: ignore[arg-type]  # numpy's stubs take the first name for a flag
            unfinished.rename(file)

    def _file(self, place: int) -> Path | None:
        return None if self.plan.parts is None else self.plan.parts / f"{self.plan.key[:16]}-{place:03d}.npz"

    def answers(self, place: int, rows: BoolArray) -> dict[str, FloatArray]:
        """Return point, lower and upper of every method for the sales of a window."""
        origin = self.plan.origins[place]
        window = self.sales.where(rows)
        known = self.sales.where(self._known(self.sales, origin))
        structural = [window.structural, window.structural_lower, window.structural_upper]
        answers = {OURS: self._ours(place, rows), STRUCTURAL: np.column_stack(structural)}
        task = Task(known=known, targets=window, level=self.config.level, seed=self.config.seed)
        for name, baseline in self.baselines.items():
            answers[name] = _columns(baseline(task))
        if self.incumbent is not None:
            answers["incumbent"] = self._incumbents(origin, rows)
        return answers

    def _ours(self, place: int, rows: BoolArray) -> FloatArray:
        origin = self.plan.origins[place]
        return self._rolled(self.fit_as_of(origin if self.plan.refit else self.plan.origins[0]), origin, rows)

    def fit_as_of(self, day: float) -> _Candidate:
        """Return the model fitted on what was known by a day; the last one is cached."""
        if self.fitted is None or self.fitted[0] != day:
            known, degraded = (sales.where(self._known(sales, day)) for sales in (self.sales, self.augmentation))
            estimator = learn(known, degraded, self.config)
            model = _Candidate(
                state=estimator.fitted_,
                calibration=estimator.calibration_,
                learned_to=day - self.config.label_delay_days,
            )
            self.fitted = (day, model)
        return self.fitted[1]

    def _incumbents(self, origin: float, rows: BoolArray) -> FloatArray:
        champion = self.incumbent
        if champion is None or trained_through_day(champion) > origin:
            return np.full((int(rows.sum()), 3), np.nan)
        kept = _Candidate(
            state=champion.state, calibration=champion.market_calibration, learned_to=trained_through_day(champion)
        )
        return self._rolled(kept, origin, rows)

    def _rolled(self, model: _Candidate, origin: float, rows: BoolArray) -> FloatArray:
        """Return the forecasts of a window after recentring on the sales reported since the model's newest sale."""
        last = float(self.sales.sold_day[rows].max())
        needed = (self.sales.sold_day > model.learned_to) & (self.sales.sold_day <= last)
        listed, state = self.sales.where(needed), model.state
        sales = listed.with_calibration(model.calibration)
        meanwhile = self._known(sales, origin)
        if meanwhile.any():
            state = recentre(state, sales.where(meanwhile), origin)
        in_window = rows[needed][sales.sold_day > origin]
        share = (sales.energy_kwh / listed.energy_kwh)[sales.sold_day > origin]
        return _columns(replay_calibrated(state, sales, origin, self.config).times(share))[in_window]

    def _known(self, sales: TrainingSet, day: float) -> BoolArray:
        return sales.sold_day + self.config.label_delay_days <= day


def _columns(forecast: Forecast) -> FloatArray:
    return np.column_stack([forecast.point, forecast.lower, forecast.upper])


def _absent(
    methods: Mapping[str, Baseline], incumbent: Predictor | None, predicted: Mapping[str, FloatArray]
) -> dict[str, Message]:
    """Return the methods that were left out, with the reason."""
    absent: dict[str, Message] = {}
    if "CatBoost + split conformal" not in methods:
        absent["CatBoost + split conformal"] = Message("backtest.absent.package", package="catboost")
    if incumbent is None:
        absent["incumbent"] = Message("backtest.absent.no_champion")
    elif not np.isfinite(predicted["incumbent"][:, 0]).any():
        label = f"{incumbent.name}@{incumbent.version}"
        absent["incumbent"] = Message("backtest.absent.trained_later", model=label)
    return absent


def _score_methods(
    sales: TrainingSet, predicted: Mapping[str, FloatArray], plan: Plan, level: float, absent: Mapping[str, str]
) -> Backtest:
    rows = np.isfinite(predicted[OURS][:, 0]) & sales.single_sale  # a pack of a lot has no price of its own
    evaluated = sales.where(rows)
    entries = []
    for name, answers in predicted.items():
        if name not in absent:
            answer = answers[rows]
            forecast = Forecast(price=evaluated.price, point=answer[:, 0], lower=answer[:, 1], upper=answer[:, 2])
            answered = np.isfinite(forecast.point)
            entries.append(score_entry(name, forecast.where(answered), evaluated.where(answered), level))
    origins = tuple(day for origin in plan.origins if (day := calendar_day(origin)) is not None)
    return Backtest(evaluated=evaluated, entries=tuple(entries), origins=origins, level=level, absent=absent)


def key_of(digests: Mapping[str, str], config: TrainingConfig, incumbent: Predictor | None, origins: object) -> str:
    """Return a digest of data and options of a back-test, so that stored windows are not mixed up."""
    identity = [
        dict(digests),
        asdict(config),
        "" if incumbent is None else incumbent.digest,
        origins,
        sorted(baselines()),
    ]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
