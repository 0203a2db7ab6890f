"""Walk through time: fit on known sales, update monthly with newly known prices, and predict the next month.

Every price is known a month after its sale. Some methods update without a refit (recentring of the estimator, EnbPI,
adaptive conformal inference); the others stay fixed. A second walk refits all methods twice a year.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from benchmarks.price_bands.calibration import LEVEL, Band, Rival, Tuned
from benchmarks.price_bands.datasets import Sales
from benchmarks.price_bands.lightgbm_engine import lightgbm_model, tune_lightgbm
from benchmarks.price_bands.matrices import Reader, View
from benchmarks.price_bands.ours import said
from benchmarks.price_bands.scores import LEAST_QUARTER, covered, lowest_share, scores
from benchmarks.price_bands.splits import LABEL_DELAY_DAYS, REFIT_DAYS, Step, quarters, walk
from models import ResidualValueRegressor

ACI_PACE = 0.005  # I. Gibbs and E. Candès, 2021
BLOCKS = 10
DAY_COLUMN = "sale_day"


class Walker(Protocol):
    """A method that is fitted on known sales, updated as prices become known, and predicts prices."""

    def update(self, sales: Sales, day: float) -> None:
        """Update with prices that have become known by a day."""

    def band(self, sales: Sales) -> np.ndarray:
        """Return lower edge, point and upper edge of the logarithm of the price."""


Start = Callable[[Sales, Tuned, int], Walker]


class OursWalking:
    """The estimator with the day of each sale, recentred on new prices."""

    def __init__(self, known: Sales, tuned: Tuned, seed: int) -> None:
        del tuned
        self.estimator = ResidualValueRegressor(random_state=seed, n_jobs=1, label_delay_days=LABEL_DELAY_DAYS)
        self.estimator.fit(self._table(known), known.price, time=known.day, groups=known.model)

    def update(self, sales: Sales, day: float) -> None:
        """Recentre."""
        self.estimator.update(self._table(sales), sales.price, time=sales.day, as_of=day, groups=sales.model)

    def band(self, sales: Sales) -> np.ndarray:
        """Return the band of the estimator."""
        return said(self.estimator, self._table(sales), sales.model)

    @staticmethod
    def _table(sales: Sales) -> Any:  # noqa: ANN401 - a frame or a matrix, as the estimator takes it
        return sales.table.drop(columns=DAY_COLUMN)


class FixedModel:
    """A method that is not updated."""

    def __init__(self, rival: Rival, known: Sales, tuned: Tuned, seed: int) -> None:
        self.reader = Reader(known, seed)
        self.fitted: Band = rival(self.reader.training, tuned, seed)

    def update(self, sales: Sales, day: float) -> None:
        """Do nothing."""

    def band(self, sales: Sales) -> np.ndarray:
        """Return the band of the method."""
        return self.fitted(self.reader.read(sales))


class MapieWalking:
    """MAPIE's TimeSeriesRegressor on a tuned LightGBM: ensemble batch intervals, or adaptive conformal inference."""

    def __init__(self, method: str, known: Sales, tuned: Tuned, seed: int) -> None:
        from mapie.regression import TimeSeriesRegressor
        from mapie.subsample import BlockBootstrap

        self.reader = Reader(known, seed)
        view = self.reader.training
        choice = tuned.choice("lightgbm mean", lambda: tune_lightgbm(view, view.target, {}, seed))
        self.form, self.method = choice.form, method
        blocks = BlockBootstrap(n_resamplings=BLOCKS, n_blocks=BLOCKS, overlapping=False, random_state=seed)
        self.model = TimeSeriesRegressor(
            lightgbm_model(choice, {}, seed), method=method, cv=blocks, agg_function="mean"
        )
        order = np.argsort(known.day, kind="stable")
        native = list(view.categorical) if self.form == "native" else "auto"
        self.model.fit(view.matrix(self.form)[order], view.target[order], fit_params={"categorical_feature": native})

    def update(self, sales: Sales, day: float) -> None:
        """Update the method with new prices."""
        del day
        view = self._ordered(sales)
        if self.method == "enbpi":
            self.model.update(view.matrix(self.form), view.target, ensemble=True, confidence_level=LEVEL)
        else:
            self.model.adapt_conformal_inference(
                view.matrix(self.form), view.target, gamma=ACI_PACE, ensemble=True, confidence_level=LEVEL
            )

    def band(self, sales: Sales) -> np.ndarray:
        """Return the band of MAPIE."""
        matrix = self.reader.read(sales).matrix(self.form)
        point, edges = self.model.predict(matrix, ensemble=True, confidence_level=LEVEL, allow_infinite_bounds=True)
        return np.column_stack([edges[:, 0, 0], point, edges[:, 1, 0]])

    def _ordered(self, sales: Sales) -> View:
        return self.reader.read(sales.take(np.argsort(sales.day, kind="stable")))


def walked(sales: Sales, start: Start, tuned: Tuned, seed: int, *, refit: bool) -> dict[str, float]:
    """Return the scores of one method over one walk."""
    steps = walk(sales)
    band = np.full((len(sales), 3), np.nan)
    fitted_on = -np.inf
    walker: Walker | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in steps:
            if walker is None or (refit and step.start - fitted_on >= REFIT_DAYS):
                walker, fitted_on = start(sales.take(step.known), tuned, seed), step.start
            elif len(step.reported):
                walker.update(sales.take(step.reported), step.start)
            if len(step.asked):
                band[step.asked] = walker.band(sales.take(step.asked))
    return _judged(sales, steps, band)


def _judged(sales: Sales, steps: list[Step], band: np.ndarray) -> dict[str, float]:
    tested = np.flatnonzero(~np.isnan(band[:, 1]))
    target = np.log(sales.price[tested])
    said_of = band[tested]
    quarter = quarters(sales.day[tested], steps[0].start)
    held = covered(said_of, target)
    return scores(said_of, target, sales.group[tested]) | {"worst_quarter": lowest_share(held, quarter, LEAST_QUARTER)}
