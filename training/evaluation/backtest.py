"""The back-test (回测): at each origin only what was known then, forward to the next, all on the same sales.

Known at an origin are the sales made at least the label delay before, each with its pack's record, quotes and
structural value of its own day. The model is taught on them and re-anchored monthly on the sales reported since; the
rivals are taught at each origin and stand until the next.
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
from training.evaluation.backtest_entry import BacktestEntry, backtest_entry_of
from training.evaluation.baselines import Rival, Task, rivals
from training.evaluation.champion_challenger import recentre_frozen, replay_frozen, through_day
from training.fit_model import learn
from training.metrics import Forecast
from training.parallel import ALONE, Workers, iter_results
from valuation.errors import TooFewSales
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.to_columns import calendar_day, day_number

OURS, STRUCTURAL = "canzhi", "structural value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When a back-test looks: the origins, days since 1970-01-01; whether the model is taught anew at each.

    `parts` is a folder in which finished windows are kept for an interrupted back-test to go on from, `key` names the
    data they belong to. `crew` works on the windows; whoever does, the answers are the same.
    """

    origins: tuple[float, ...]
    refit: bool = True
    crew: Workers = ALONE
    parts: Path | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What came of a back-test: the sales judged, the contestants, ours first, and what could not take part and why."""

    judged: TrainingSet
    contestants: tuple[BacktestEntry, ...]
    origins: tuple[date, ...]
    level: float
    absent: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return the figures, plain JSON."""
        return {
            "sales": len(self.judged),
            "level": self.level,
            "origins": [day.isoformat() for day in self.origins],
            "absent": dict(self.absent),
            "contestants": [one.as_dict() for one in self.contestants],
        }


def plan_origins(sales: TrainingSet, config: TrainingConfig, start: date | None, step_months: int) -> tuple[float, ...]:
    """Return the origins: from a day, else where the newest two fifths begin, every so many months.

    Raises
    ------
    TooFewSales
        If too few sales are known by the first of them, or none follow it.
    """
    first = day_number(start) if start else float(np.quantile(sales.sold_day, 0.6))
    known = int(np.sum(sales.sold_day + config.label_delay_days <= first))
    last = float(sales.sold_day.max())
    if known < LEAST_SALES or first >= last:
        day = calendar_day(first)
        raise TooFewSales(
            f"{known} sales are known by {day.isoformat() if day else 'that day'}, too few to learn from",
            hint=f"begin later with --from; at least {LEAST_SALES} sales must be known, and some must follow",
            field="from",
        )
    origins, day = [], calendar_day(first)
    while day is not None and day_number(day) < last:
        origins.append(day_number(day))
        month = day.month - 1 + step_months
        day = date(day.year + month // 12, month % 12 + 1, min(day.day, 28))
    return tuple(origins)


def backtest(  # noqa: PLR0913 - the sixth is for scenarios alone
    lessons: tuple[TrainingSet, TrainingSet],
    incumbent: Predictor | None,
    config: TrainingConfig,
    plan: Plan,
    done: Callable[[str], None],
    *,
    truth: TrainingSet | None = None,
) -> Backtest:
    """Return what every contestant said of the sales after the first origin, and how good it was.

    Parameters
    ----------
    lessons
        All usable sales, and copies of them with thinner records.
    incumbent
        The champion, asked only where it knew none of the sales; None for none.
    config, plan
        Choices of the training; when to look.
    done
        Told the name of each window once done.
    truth
        The sales that judge: at what they truly fetched, where the lessons misread them.
    """
    sales, extra = lessons
    field_of = rivals()
    names = [OURS, STRUCTURAL, *field_of, *(["incumbent"] if incumbent else [])]
    said = {name: np.full((len(sales), 3), np.nan) for name in names}
    window = _Window(sales=sales, extra=extra, config=config, rivals=field_of, incumbent=incumbent, plan=plan)
    jobs = []
    for place, rows in _windows(plan.origins, sales):
        kept = window.kept(place, rows)
        if kept is None:
            jobs.append((window, place, rows))
        else:
            _take(said, rows, kept)
            done(_name(plan, place))
    if jobs and not plan.refit:
        window.teach(plan.origins[0])  # once, for all who work on the windows
    for number, answers in iter_results(_answer, jobs, plan.crew):
        _, place, rows = jobs[number]
        window.keep(place, answers)
        _take(said, rows, answers)
        done(_name(plan, place))
    return _judged(sales if truth is None else truth, said, plan, config.level, _absent(field_of, incumbent, said))


def _windows(origins: tuple[float, ...], sales: TrainingSet) -> Iterator[tuple[int, BoolArray]]:
    """Yield the place of each origin and the sales from it to the next, where there are any."""
    for place, (origin, ahead) in enumerate(pairwise([*origins, float(sales.sold_day.max())])):
        if (rows := (sales.sold_day > origin) & (sales.sold_day <= ahead)).any():
            yield place, rows


def _take(said: Mapping[str, FloatArray], rows: BoolArray, answers: Mapping[str, FloatArray]) -> None:
    for name, answer in answers.items():
        said[name][rows] = answer


def _name(plan: Plan, place: int) -> str:
    return (calendar_day(plan.origins[place]) or date.min).isoformat()


def _answer(job: tuple[_Window, int, BoolArray]) -> dict[str, FloatArray]:
    """Return what all contestants say of one window, in one thread: more of them would change a rival's last bits."""
    window, place, rows = job
    with threadpool_limits(limits=1):
        return window.answers(place, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A model as it is asked: its state, the habits its structural values rest on, the last day it learned from."""

    state: FittedRegressor
    habits: Mapping[str, float]
    learned_to: float


@dataclass(slots=True, kw_only=True)
class _Window:
    """What is needed to answer for one window after another."""

    sales: TrainingSet
    extra: TrainingSet
    config: TrainingConfig
    rivals: Mapping[str, Rival]
    incumbent: Predictor | None
    plan: Plan
    taught: tuple[float, _Asked] | None = None

    def kept(self, place: int, rows: BoolArray) -> dict[str, FloatArray] | None:
        """Return the answers for a window from its file, if an earlier run kept one."""
        file = self._file(place)
        if file is None or not file.exists():
            return None
        with np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        return found if all(len(answer) == int(rows.sum()) for answer in found.values()) else None

    def keep(self, place: int, answers: Mapping[str, FloatArray]) -> None:
        """Keep the answers for a window in its file, where there is a folder for them."""
        file = self._file(place)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".tmp.npz")
            np.savez(unfinished, **answers)  # type: ignore[arg-type]  # numpy's stubs take the first name for a flag
            unfinished.rename(file)

    def _file(self, place: int) -> Path | None:
        return None if self.plan.parts is None else self.plan.parts / f"{self.plan.key[:16]}-{place:03d}.npz"

    def answers(self, place: int, rows: BoolArray) -> dict[str, FloatArray]:
        """Return point, lower and upper of every contestant for the sales of a window."""
        origin = self.plan.origins[place]
        asked = self.sales.where(rows)
        known = self.sales.where(self._known(self.sales, origin))
        bare = [asked.structural, asked.structural_lower, asked.structural_upper]
        answers = {OURS: self._ours(place, rows), STRUCTURAL: np.column_stack(bare)}
        task = Task(known=known, asked=asked, level=self.config.level, seed=self.config.seed)
        for name, rival in self.rivals.items():
            answers[name] = _columns(rival(task))
        if self.incumbent is not None:
            answers["incumbent"] = self._incumbents(origin, rows)
        return answers

    def _ours(self, place: int, rows: BoolArray) -> FloatArray:
        origin = self.plan.origins[place]
        return self._rolled(self.teach(origin if self.plan.refit else self.plan.origins[0]), origin, rows)

    def teach(self, day: float) -> _Asked:
        """Return the model taught on what was known by a day; the last one is remembered."""
        if self.taught is None or self.taught[0] != day:
            known, thinner = (sales.where(self._known(sales, day)) for sales in (self.sales, self.extra))
            estimator = learn(known, thinner, self.config)
            model = _Asked(
                state=estimator.fitted_, habits=estimator.habits_, learned_to=day - self.config.label_delay_days
            )
            self.taught = (day, model)
        return self.taught[1]

    def _incumbents(self, origin: float, rows: BoolArray) -> FloatArray:
        champion = self.incumbent
        if champion is None or through_day(champion) > origin:
            return np.full((int(rows.sum()), 3), np.nan)
        kept = _Asked(state=champion.state, habits=champion.market_calibration, learned_to=through_day(champion))
        return self._rolled(kept, origin, rows)

    def _rolled(self, model: _Asked, origin: float, rows: BoolArray) -> FloatArray:
        """Return what a model says of a window, told first the sales reported since the last day it learned from."""
        last = float(self.sales.sold_day[rows].max())
        needed = (self.sales.sold_day > model.learned_to) & (self.sales.sold_day <= last)
        listed, state = self.sales.where(needed), model.state
        sales = listed.seen(model.habits)
        meanwhile = self._known(sales, origin)
        if meanwhile.any():
            state = recentre_frozen(state, sales.where(meanwhile), origin)
        asked = rows[needed][sales.sold_day > origin]
        share = (sales.energy_kwh / listed.energy_kwh)[sales.sold_day > origin]
        return _columns(replay_frozen(state, sales, origin, self.config).times(share))[asked]

    def _known(self, sales: TrainingSet, day: float) -> BoolArray:
        return sales.sold_day + self.config.label_delay_days <= day


def _columns(forecast: Forecast) -> FloatArray:
    return np.column_stack([forecast.point, forecast.lower, forecast.upper])


def _absent(
    field_of: Mapping[str, Rival], incumbent: Predictor | None, said: Mapping[str, FloatArray]
) -> dict[str, str]:
    """Return who could not take part, and why."""
    absent = {}
    if "CatBoost + split conformal" not in field_of:
        absent["CatBoost + split conformal"] = "the package catboost is not installed (pip install catboost)"
    if incumbent is None:
        absent["incumbent"] = "no model is champion"
    elif not np.isfinite(said["incumbent"][:, 0]).any():
        absent["incumbent"] = f"{incumbent.name}@{incumbent.version} knew all of these sales"
    return absent


def _judged(
    sales: TrainingSet, said: Mapping[str, FloatArray], plan: Plan, level: float, absent: Mapping[str, str]
) -> Backtest:
    rows = np.isfinite(said[OURS][:, 0]) & sales.alone  # what a pack of a lot fetched by itself is not known
    judged = sales.where(rows)
    contestants = []
    for name, answers in said.items():
        if name not in absent:
            answer = answers[rows]
            forecast = Forecast(price=judged.price, point=answer[:, 0], lower=answer[:, 1], upper=answer[:, 2])
            told = np.isfinite(forecast.point)
            contestants.append(backtest_entry_of(name, forecast.where(told), judged.where(told), level))
    origins = tuple(day for origin in plan.origins if (day := calendar_day(origin)) is not None)
    return Backtest(judged=judged, contestants=tuple(contestants), origins=origins, level=level, absent=absent)


def key_of(digests: Mapping[str, str], config: TrainingConfig, incumbent: Predictor | None, origins: object) -> str:
    """Return what names the data and choices of a back-test, so that kept windows are never taken for others."""
    told = [dict(digests), asdict(config), "" if incumbent is None else incumbent.digest, origins, sorted(rivals())]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
