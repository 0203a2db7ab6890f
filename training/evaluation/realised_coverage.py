"""Realised coverage of the champion's bands on later sales, month by month (实际覆盖率).

Each sale is valued at its own day by the champion, recentred monthly on the reported sales, and by the champion as it
was trained. The features of the packs sold are compared with those of the training sales.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.artifact.predictor import Predictor
from models.artifact.registry import CHAMPION, load_model
from models.drift import (
    LEAST_SALES,
    PRICE,
    Shift,
    calls_for_action,
    is_undercovered,
    least_coverage,
    pack_shifts,
    shift_message,
    shifts,
)
from training.dataset.traces import read_traces, unread_codes
from training.dataset.training_set import TrainingSet, build_training_set
from training.evaluation.champion_challenger import config_of, trained_through_day
from training.evaluation.feature_drift import measure_drift
from training.evaluation.gate import design_effect
from training.evaluation.replay import predict, replay_calibrated
from training.metrics import Forecast, Scores, score_forecast
from training.sales_ledger import VatBasis, read_ledger
from valuation.errors import TooFewSales
from valuation.features import label_of
from valuation.ingest import read_market
from valuation.messages import Language, Message, say
from valuation.record.to_columns import calendar_day


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedCoverage:
    """Metrics of the champion on later sales, and the drift of features and predicted values.

    Attributes
    ----------
    model
        The champion, name@version.
    level
        Nominal coverage of its bands. [1]
    recentred, frozen
        Metrics of the champion recentred monthly on reported sales, and of the champion as trained.
    months
        Month, and the metrics of the recentred champion; months with few sales are included.
    least
        Lower binomial quantile of the coverage of a valid band. [1]
    shifts
        Drift of the pack features from the training sales, largest first; market features are excluded.
    points
        Drift of the predicted values from the prices of the training sales.
    """

    model: str
    level: float
    recentred: Scores
    frozen: Scores
    months: tuple[tuple[str, Scores], ...]
    least: float
    shifts: tuple[Shift, ...]
    points: Shift | None

    @property
    def broken(self) -> bool:
        """Whether coverage is lower than chance explains."""
        return is_undercovered(self.recentred.sales, self.recentred.coverage, self.least)

    @property
    def moved(self) -> tuple[Shift, ...]:
        """The pack features that have drifted by more than chance explains."""
        return tuple(shift for shift in self.shifts if shift.moved)

    @property
    def calls_for_action(self) -> bool:
        """Whether coverage, bias or drift calls for action."""
        return calls_for_action(self.shifts, self.recentred.bias, undercovered=self.broken)

    def as_dict(self) -> dict[str, object]:
        """Return all figures as plain JSON values."""
        return {
            "model": self.model,
            "level": self.level,
            "sales": self.recentred.sales,
            "coverage": self.recentred.coverage,
            "least_coverage": self.least,
            "reanchored": self.recentred.as_dict(),
            "as_trained": self.frozen.as_dict(),
            "months": {month: scores.as_dict() for month, scores in self.months},
            "shifts": [asdict(shift) | {"moved": shift.moved} for shift in self.shifts],
            "points": None if self.points is None else asdict(self.points) | {"moved": self.points.moved},
            "calls_for_action": self.calls_for_action,
        }

    def lines(self, language: Language) -> list[str]:
        """Return months, features and the recommended action, one per line, in a language."""
        rows = [
            f"{month:<9}{one.sales:>7,}{one.coverage:>10.1%}{one.relative_width:>7.0%}{one.bias:>+8.1%}"
            for month, one in self.months
        ]
        features = [shift_message(shift).in_language(language) for shift in self.shifts[:5]]
        sentences = [one.in_language(language) for one in self._sentences()]
        return [say(language, "drift.months"), *rows, *features, *sentences]

    def _sentences(self) -> list[Message]:
        recentred = self.recentred
        few = recentred.sales < LEAST_SALES
        comparison = "few_sales" if few else "undercovered" if self.broken else "as_expected"
        return [
            Message(
                "drift.of_ledger",
                model=self.model,
                coverage=recentred.coverage,
                count=recentred.sales,
                level=self.level,
                comparison=Message(f"drift.{comparison}"),
                bias=recentred.bias,
            ),
            Message("drift.without_recentring", coverage=self.frozen.coverage),
            self._of_packs(),
            Message("drift.retrain" if self.calls_for_action else "drift.nothing_to_do"),
        ]

    def _of_packs(self) -> Message:
        """Return the sentence on the drift of pack features and predicted values."""
        count, total = len(self.moved), len(self.shifts)
        values = Message("drift.values_moved") if self.points is not None and self.points.moved else ""
        if not total:
            return Message("drift.no_reference")
        if not count:
            return Message("drift.sold_alike", values=values)
        names = [label_of(shift.name) for shift in self.moved[:3]]
        return Message("drift.sold_moved", count=count, total=total, names=names, values=values)


def drift_of_ledger(files: tuple[Path, Path, Path], vat: VatBasis | None, home: Path) -> RealisedCoverage:
    """Return the realised coverage of the champion on the sales of a ledger after its newest training sale.

    Parameters
    ----------
    files : tuple of Path
        Ledger, folder of traces, quotes.
    vat : "included" or "excluded", optional
        Tax basis of the prices if the ledger does not state it.
    home : Path
        Folder of all local state.

    Raises
    ------
    UnknownModel
        If no model is champion.
    TooFewSales
        If the ledger has no sale after the champion's newest training sale.
    """
    champion = load_model(CHAMPION, home=home)
    ledger, read, quotes = read_ledger(files[0], vat), read_traces(files[1]), read_market(files[2])
    sales, _ = build_training_set(read.table, ledger, quotes, unread_codes(read))
    return realised(champion, sales)


def realised(champion: Predictor, sales: TrainingSet) -> RealisedCoverage:
    """Return the realised coverage of a model on the sales after its newest training sale."""
    start, config = trained_through_day(champion), config_of(champion)
    label = f"{champion.name}@{champion.version}"
    later = sales.where(sales.sold_day > start)
    single = later.where(later.single_sale)  # a pack of a lot has no price of its own
    if not len(single):
        raise TooFewSales("training.no_later_sale", field="ledger", day=champion.trained_through, model=label)
    calibrated = later.with_calibration(champion.market_calibration)
    own = later.single_sale
    share = calibrated.energy_kwh / later.energy_kwh
    recentred = replay_calibrated(champion.state, calibrated, start, config).times(share).where(own)
    predicted = (predict(champion.state, calibrated, config.level) * share[:, np.newaxis])[own]
    frozen = Forecast(price=single.price, point=predicted[:, 0], lower=predicted[:, 1], upper=predicted[:, 2])
    inside = (recentred.price >= recentred.lower) & (recentred.price <= recentred.upper)
    effective = max(int(len(single) / design_effect(inside, single.sold_day, config.level)), 1)
    reference = dict(champion.about.summary.get("reference", {}))
    moved = measure_drift(reference, later) if reference else ()
    return RealisedCoverage(
        model=label,
        level=config.level,
        recentred=score_forecast(recentred, config.level),
        frozen=score_forecast(frozen, config.level),
        months=_by_month(recentred, single, config.level),
        least=least_coverage(effective, config.level),
        shifts=pack_shifts(moved),
        points=_points(reference, recentred),
    )


def _points(reference: dict[str, object], recentred: Forecast) -> Shift | None:
    """Return the drift of the predicted values from the prices of the training sales."""
    found = shifts(reference, {PRICE: recentred.point}) if reference else ()
    return found[0] if found else None


def _by_month(recentred: Forecast, sales: TrainingSet, level: float) -> tuple[tuple[str, Scores], ...]:
    months = np.array([str(calendar_day(day))[:7] for day in sales.sold_day.tolist()])
    return tuple((str(month), score_forecast(recentred.where(months == month), level)) for month in np.unique(months))
