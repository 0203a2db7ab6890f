"""Sales reported since training (成交上报), and recentring of a fitted model on them without a refit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.calibration.level_shift import OWN_REPORTER, LevelTracer, Stream
from models.inference.fitted_model import FittedRegressor, RowPredictions
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSales:
    """Sales reported since a model was trained, one row a sale.

    Attributes
    ----------
    predicted
        Prediction of the model for each pack on the day of its sale, before the band.
    price, day, weight
        The price in the unit of the structural values, without VAT; the day of sale, days since 1970-01-01; the weight.
    labels
        The group label of each pack; empty if the model takes none.
    reporter, pack
        Reporter and pack of each sale, "" if not known; empty if no sale names one. A sale without a reporter counts as
        a reporter of its own.

    """

    predicted: RowPredictions
    price: FloatArray
    day: FloatArray
    weight: FloatArray
    labels: tuple[str, ...] = ()
    reporter: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()

    def take(self, rows: BoolArray | IntArray) -> ReportedSales:
        """Return some of the sales, or all in another order."""
        places = np.arange(len(self.day))[rows].tolist()
        named = {
            name: tuple([column[place] for place in places]) if (column := getattr(self, name)) else ()
            for name in ("labels", "reporter", "pack")
        }
        return ReportedSales(
            predicted=self.predicted.take(rows),
            price=self.price[rows],
            day=self.day[rows],
            weight=self.weight[rows],
            **named,
        )

    def order(self) -> IntArray:
        """Return the rows ordered by day and by content, so that the order of listing does not matter."""
        numbers = {name: number for number, name in enumerate(sorted(set(self.reporter)))}
        reporter = np.array([numbers[name] for name in self.reporter] or np.zeros(len(self.day)))
        rows = self.predicted
        return np.lexsort((rows.width, rows.mean, rows.group, reporter, self.price, rows.structural, self.day))

    def first_of_packs(self) -> BoolArray:
        """Return which sales are the first of their pack by day, then by row."""
        first = np.ones(len(self.day), dtype=np.bool_)
        met: set[str] = set()
        for row in np.argsort(self.day, kind="stable").tolist() if self.pack else ():
            name = self.pack[row]
            first[row] = not name or name not in met
            met.add(name)
        return first

    def numbered_reporters(self) -> IntArray | None:
        """Return the number of each sale's reporter, None if no sale names one."""
        if not any(self.reporter):
            return None
        numbers = {name: number for number, name in enumerate(sorted(set(self.reporter) - {""}))}
        return np.array([numbers.get(name, OWN_REPORTER) for name in self.reporter], dtype=np.int64)


def tracer_of(state: FittedRegressor) -> LevelTracer:
    """Return a tracer of a model's levels, to keep if the model is recentred repeatedly."""
    return LevelTracer(state.records, state.groups, state.settings)


def recentred(
    state: FittedRegressor, sales: ReportedSales, as_of: float, tracer: LevelTracer | None = None
) -> FittedRegressor:
    """Return a model recentred on sales reported since its training, without a refit.

    Each sale is scored against the level known on its day. Only the first sale of a pack counts. Sales whose price is
    not yet known on ``as_of``, by the label delay of the model, are ignored.

    Parameters
    ----------
    state, sales
        The model, and sales with its predictions.
    as_of
        The day, days since 1970-01-01.
    tracer
        The tracer of the model (:func:`tracer_of`), if one is kept.

    """
    counts = (sales.day + state.settings.label_delay_days <= as_of + 1e-9) & sales.first_of_packs()
    sales = sales if np.all(counts) else sales.take(counts)
    rows = sales.predicted
    stream = Stream(
        residual=state.scale.to(sales.price) - rows.structural - rows.mean,
        width=rows.width,
        weight=sales.weight,
        day=sales.day,
        group=rows.group,
        reporter=sales.numbered_reporters(),
    )
    records, band = (tracer or tracer_of(state)).absorb(stream, as_of)
    return replace(state, records=records, band=band)
