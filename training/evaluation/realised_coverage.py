"""What came of the champion's bands: the sales of a ledger that it never learned from, month by month (兑现).

Each sale is valued at its own day by the champion as it stood then, told monthly what had been reported; beside it
stands the champion as it was trained. The packs of those sales are compared with the packs it learned from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.artifact.predictor import Predictor
from models.artifact.registry import CHAMPION, load_model
from models.drift import Shift, binomial_lower_count, shifts
from training.dataset.traces import read_traces, unread_codes
from training.dataset.training_set import TrainingSet, with_calibration
from training.evaluation.champion_challenger import predict_frozen, recipe_of, replay_frozen, through_day
from training.evaluation.feature_drift import OF_THE_MARKET, PRICE, drift_of
from training.evaluation.gate import design_effect
from training.metrics import Forecast, Verdict, judge
from training.sales_ledger import VatBasis, read_ledger
from valuation.errors import TooFewSales
from valuation.features import LABELS
from valuation.ingest import read_market
from valuation.record.to_columns import calendar_day

LEAST_SALES = 30
"""Fewer sales than this say nothing about a band."""

_DOUBT, _FAR, _MOST_MOVED = 0.01, 0.10, 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedCoverage:
    """What the champion said of later sales, and how its packs and points have moved.

    Attributes
    ----------
    model
        The champion, name@version.
    level
        Share of sales its bands promise to hold.
    told, untold
        Figures of the champion re-anchored monthly on what had been reported, and as it was trained.
    months
        Month, and the figures of the champion told; a month with few sales is there all the same.
    least
        Share of the sales that a true band would hold, bad luck allowed for.
    shifts
        How far the packs' features have moved from those learned from, the farthest first; the market's do not count.
    points
        How far the points of these sales have moved from the prices learned from.
    """

    model: str
    level: float
    told: Verdict
    untold: Verdict
    months: tuple[tuple[str, Verdict], ...]
    least: float
    shifts: tuple[Shift, ...]
    points: Shift | None

    @property
    def broken(self) -> bool:
        """Whether the bands held fewer sales than bad luck explains."""
        return self.told.sales >= LEAST_SALES and self.told.coverage < self.least

    @property
    def moved(self) -> tuple[Shift, ...]:
        """The packs' features that have moved by more than chance explains."""
        return tuple(shift for shift in self.shifts if shift.moved)

    @property
    def calls_for_action(self) -> bool:
        """Whether somebody should look into it."""
        return self.broken or abs(self.told.bias) > _FAR or len(self.moved) > _MOST_MOVED * max(len(self.shifts), 1)

    def as_dict(self) -> dict[str, object]:
        """Return everything, plain JSON."""
        return {
            "model": self.model,
            "level": self.level,
            "sales": self.told.sales,
            "coverage": self.told.coverage,
            "least_coverage": self.least,
            "reanchored": self.told.as_dict(),
            "as_trained": self.untold.as_dict(),
            "months": {month: verdict.as_dict() for month, verdict in self.months},
            "shifts": [asdict(shift) | {"moved": shift.moved} for shift in self.shifts],
            "points": None if self.points is None else asdict(self.points) | {"moved": self.points.moved},
            "calls_for_action": self.calls_for_action,
        }

    def lines(self, language: str) -> list[str]:
        """Return months, features and what to do, a line each, in English or Chinese (zh)."""
        place = 1 if language == "zh" else 0
        head = ("month      sales  coverage  width    bias", "月份       成交   覆盖率   宽度    偏差")[place]
        rows = [
            f"{month:<9}{one.sales:>7,}{one.coverage:>10.1%}{one.relative_width:>7.0%}{one.bias:>+8.1%}"
            for month, one in self.months
        ]
        features = [
            f"{'*' if shift.moved else ' '} PSI {shift.psi:6.3f}  KS {shift.ks:5.3f}  {_label(shift.name, place)}"
            for shift in self.shifts[:5]
        ]
        return [head, *rows, *features, *(sentence[place] for sentence in self._sentences())]

    def _sentences(self) -> list[tuple[str, str]]:
        told, promised = self.told, f"{self.level:.0%}"
        few = told.sales < LEAST_SALES
        verdict = (
            ("too few to judge the band", "数量不足以评判区间")
            if few
            else ("fewer than luck explains", "低于偶然可解释的范围")
            if self.broken
            else ("as promised", "符合承诺")
        )
        closing = (
            (
                "retrain with these sales, and let the gate compare: canzhi train, then canzhi promote",
                "建议用这些成交重新训练并经门槛比较:canzhi train,再 canzhi promote",
            )
            if self.calls_for_action
            else ("nothing calls for action", "无需处理")
        )
        held, bias = f"{told.coverage:.1%}", f"{told.bias:+.1%}"
        of_band_en = (
            f"{self.model}: its bands held {held} of {told.sales:,} sales it never learned from, where {promised} was "
            f"promised: {verdict[0]}; points were {bias} off in all"
        )
        of_band_zh = (
            f"{self.model}:区间覆盖其未学过的 {told.sales:,} 笔成交的 {held}(承诺 {promised}):{verdict[1]};"
            f"估值总偏差 {bias}"
        )
        return [
            (of_band_en, of_band_zh),
            (
                f"without the sales reported meanwhile they would have held {self.untold.coverage:.1%}",
                f"若无期间上报的成交,则为 {self.untold.coverage:.1%}",
            ),
            self._of_packs(),
            closing,
        ]

    def _of_packs(self) -> tuple[str, str]:
        """Return whether packs and points are like those learned from."""
        names = [[_label(shift.name, place) for shift in self.moved[:3]] for place in (0, 1)]
        count, total = len(self.moved), len(self.shifts)
        points = ("", "")
        if self.points is not None and self.points.moved:
            points = ("; the points have moved from the prices learned from", ";估值偏离训练价格分布")
        if not total:
            return ("the model carries no summary of what it learned from", "模型未携带训练摘要")
        if not count:
            return ("the packs sold are like those learned from" + points[0], "所售电池包与训练样本相近" + points[1])
        return (
            f"{count} of {total} features of the packs sold have moved, most of all {', '.join(names[0])}" + points[0],
            f"所售电池包的 {total} 个特征中有 {count} 个偏离训练样本,首要:{'、'.join(names[1])}" + points[1],
        )


def drift_of_ledger(files: tuple[Path, Path, Path], vat: VatBasis | None, home: Path) -> RealisedCoverage:
    """Return what came of the champion's bands on the sales of a ledger that were made after its last.

    Parameters
    ----------
    files : tuple of Path
        Ledger, folder of traces, quotes.
    vat : "included" or "excluded", optional
        What prices are where the ledger does not say.
    home : Path
        Folder of all local state.

    Raises
    ------
    UnknownModel
        If no model is champion.
    TooFewSales
        If the ledger holds no sale after the last that the champion learned from.
    """
    champion = load_model(CHAMPION, home=home)
    ledger, read, quotes = read_ledger(files[0], vat), read_traces(files[1]), read_market(files[2])
    sales, _ = with_calibration(read.table, ledger, quotes, unread_codes(read))
    return realised(champion, sales)


def realised(champion: Predictor, sales: TrainingSet) -> RealisedCoverage:
    """Return what came of a model's bands on the sales made after the last that it learned from."""
    start, config = through_day(champion), recipe_of(champion)
    label = f"{champion.name}@{champion.version}"
    later = sales.where(sales.sold_day > start)
    alone = later.where(later.alone)  # what a pack of a lot fetched by itself is not known
    if not len(alone):
        raise TooFewSales(
            f"the ledger holds no sale after {champion.trained_through}, the last that {label} learned from",
            hint="give the ledger as it stands today, or look again when packs were sold",
            field="ledger",
        )
    seen = later.seen(champion.market_calibration)
    own = later.alone
    share = seen.energy_kwh / later.energy_kwh
    told = replay_frozen(champion.state, seen, start, config).times(share).where(own)
    said = (predict_frozen(champion.state, seen, config.level) * share[:, np.newaxis])[own]
    untold = Forecast(price=alone.price, point=said[:, 0], lower=said[:, 1], upper=said[:, 2])
    inside = (told.price >= told.lower) & (told.price <= told.upper)
    effective = max(int(len(alone) / design_effect(inside, alone.sold_day, config.level)), 1)
    reference = dict(champion.about.summary.get("reference", {}))
    moved = drift_of(reference, later) if reference else ()
    return RealisedCoverage(
        model=label,
        level=config.level,
        told=judge(told, config.level),
        untold=judge(untold, config.level),
        months=_by_month(told, alone, config.level),
        least=binomial_lower_count(effective, config.level, _DOUBT) / effective,
        shifts=tuple(shift for shift in moved if shift.name not in OF_THE_MARKET),
        points=_points(reference, told),
    )


def _points(reference: dict[str, object], told: Forecast) -> Shift | None:
    """Return how far the points have moved from the prices learned from."""
    found = shifts(reference, {PRICE: told.point}) if reference else ()
    return found[0] if found else None


def _by_month(told: Forecast, sales: TrainingSet, level: float) -> tuple[tuple[str, Verdict], ...]:
    months = np.array([str(calendar_day(day))[:7] for day in sales.sold_day.tolist()])
    return tuple((str(month), judge(told.where(months == month), level)) for month in np.unique(months))


def _label(name: str, place: int) -> str:
    return LABELS.get(name, (name, name))[place]
