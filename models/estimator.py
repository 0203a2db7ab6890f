"""ResidualValueRegressor: a scikit-learn estimator of the value of used assets with a calibrated band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted, validate_data

from models.calibration.level_shift import rebuild
from models.calibration.reported_sales import ReportedSales, recentred
from models.fitting.fit import FitInputs, fit
from models.fitting.fit_mean_and_width import FitSettings
from models.fitting.lot_allocation import keep_together, read_lots
from models.fitting.training_data import TrainingData, days, directions, group_labels_of, numbers, together
from models.inference.band import BandSettings
from models.inference.column_encoder import column_names, fit_column_encoder
from models.inference.explanation.explainer import Explainer
from models.inference.fitted_model import FittedRegressor
from models.inference.price_scale import LOG, Scale, choose_scale
from valuation.numeric.columns import FloatArray


class ResidualValueRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Learns market prices, relative to a structural value if given, and their prediction intervals.

    The mean is a ridge fit with weight one half plus three forests of boosted trees, the width a small forest. The band
    is calibrated by group on out-of-fold sales, and on left-out groups for unseen ones.

    Parameters
    ----------
    monotone
        Required directions: a mapping from column (name or position) to +1 or -1, or one of -1, 0, +1 per column.
        They hold for the point and for both edges of the band.
    categorical
        Numeric columns (names or positions) that hold category codes; text columns always do.
    trees
        Total number of trees of the mean; None for early stopping in the folds.
    learning_rate, folds
        Learning rate of a single forest with all trees; number of cross-validation folds (at most two from
        100,000 sales on).
    softening
        Money per unit below which the scale is linear; None to choose it by maximum likelihood.
    group_rows, shift_rows
        Sales at which a group's own spread, and its own level, weigh as much as those of its parent.
    anchor_days, decay_days, label_delay_days
        Half-lives of the recentring and of calibration weights; delay until a price is known. [days]
    level
        Default level of ``predict_interval``.
    random_state, n_jobs
        Seed, and threads of a fit: the same seed gives the same model on any number of them.

    """

    def __init__(  # noqa: PLR0913 - scikit-learn's way: every parameter by name
        self,
        *,
        monotone: Mapping[str | int, int] | Sequence[int] | None = None,
        categorical: Iterable[str | int] | None = None,
        trees: int | None = None,
        learning_rate: float = 0.05,
        folds: int = 5,
        softening: float | None = None,
        group_rows: float = 100.0,
        shift_rows: float = 30.0,
        anchor_days: float = 60.0,
        decay_days: float = 180.0,
        label_delay_days: float = 30.0,
        level: float = 0.9,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.monotone = monotone
        self.categorical = categorical
        self.trees = trees
        self.learning_rate = learning_rate
        self.folds = folds
        self.softening = softening
        self.group_rows = group_rows
        self.shift_rows = shift_rows
        self.anchor_days = anchor_days
        self.decay_days = decay_days
        self.label_delay_days = label_delay_days
        self.level = level
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(  # noqa: PLR0913 - scikit-learn's way: every column by name
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        y: ArrayLike,
        *,
        base: ArrayLike | None = None,
        time: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        packs: ArrayLike | None = None,
        lots: ArrayLike | None = None,
        quantity: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to sales.

        Parameters
        ----------
        X
            Matrix or frame, shape (n, columns). Texts and columns of a category type are categories; NaN, None and
            marks such as "-" are not known; texts that are plain numbers are numbers; days are days since 1970.
        y
            Prices, shape (n,); in the rows of a lot the sum of the whole lot.
        base
            Structural values in the unit of y; may be zero or negative.
        time
            Day of each sale: dates or days since 1970, none outside 1970 to 2100.
        groups
            Group label of each sale; 1, 1.0 and "1" are one; "/" parts a group from its parent, as in
            "LFP/maker/model".
        packs
            Label of each pack; sales of one pack stay in one fold.
        lots, quantity
            Label of the lot of each sale of which only the lot's sum is known, None, NaN or "" for one sold singly.
            Units of each asset of a lot, where y is a price per unit: the sum is that of quantity times price.
        sample_weight
            Weight of each sale.

        Raises
        ------
        ValueError
            A price is missing or infinite, lengths differ, or a cell cannot be read; the column is named.

        """
        table, price = self._training_table(X, y)
        rows = len(price)
        names = column_names(table)
        vocabulary = fit_column_encoder(table, names, self.categorical)
        structural = numbers(base, rows, "base")
        weight = np.asarray(_check_sample_weight(sample_weight, price, dtype=np.float64, ensure_non_negative=True))
        bundled = None if lots is None else read_lots(lots, price, numbers(quantity, rows, "quantity"), structural)
        held = together(packs, rows)
        if bundled is not None:
            price, held = bundled.price, keep_together(bundled, held)
        scale = _scale(price[weight > 0.0], None if structural is None else structural[weight > 0.0], self.softening)
        codes = vocabulary.codes(table)
        day = days(time, rows)
        offset = np.zeros(rows) if structural is None else scale.to(structural)
        if not np.all(np.isnan(day)):
            codes = np.column_stack([codes, day])
        ledger = TrainingData(
            codes=codes,
            categorical=(*vocabulary.categorical, False)[: codes.shape[1]],
            target=scale.to(price) - offset,
            weight=weight,
            day=day,
            packs=held,
            labels=group_labels_of(groups, rows),
            structural=offset,
            lots=bundled,
        )
        shape = FitInputs(scale=scale, vocabulary=vocabulary, uses_base=structural is not None)
        self.fitted_: FittedRegressor = fit(ledger, self._settings(vocabulary.names), shape)
        return self

    def predict(self, X: ArrayLike, base: ArrayLike | None = None, groups: ArrayLike | None = None) -> FloatArray:  # noqa: N803 - scikit-learn's name
        """Return the point value of each row, shape (n,)."""
        return self._price(X, base, groups, ())[0]

    def predict_interval(
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        level: float | None = None,
        base: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the lower and upper edge of the band with the given coverage, shape (n, 2)."""
        share = self.level if level is None else level
        if not 0.0 < share < 1.0:
            raise ValueError(f"level is {share}; give a share between 0 and 1, such as 0.9")
        return self._price(X, base, groups, (0.5 - share / 2.0, 0.5 + share / 2.0))[1]

    def predict_quantiles(
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        levels: Sequence[float],
        base: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the quantiles at the given levels, shape (n, levels); they never cross."""
        asked = np.asarray(levels, dtype=np.float64)
        if asked.ndim != 1 or not np.all((asked > 0.0) & (asked < 1.0)):
            raise ValueError("levels must be a list of numbers between 0 and 1")
        return self._price(X, base, groups, tuple(asked.tolist()))[1]

    def explain(
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        base: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return base level (n,) and effects (n, columns) on the scale; together they are the learned value."""
        state, codes, _, labels = self._prediction_inputs(X, base, groups)
        explained = Explainer(state).mean(codes, labels)
        return explained.base_level, explained.effects

    def update(  # noqa: PLR0913 - scikit-learn's way: every column by name
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        y: ArrayLike,
        *,
        time: ArrayLike,
        as_of: object,
        base: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Recentre on sales reported since training, without a refit; sales not yet known on ``as_of`` are ignored."""
        state, codes, structural, labels = self._prediction_inputs(X, base, groups)
        price = np.asarray(y, dtype=np.float64)
        if price.shape != (len(codes),) or not np.all(np.isfinite(price)):
            raise ValueError("y must hold one finite price a row")
        if state.scale.kind == LOG and not np.all(price > 0.0):
            raise ValueError("the model was trained on positive prices only and cannot learn from others; fit again")
        weight = np.asarray(_check_sample_weight(sample_weight, price, dtype=np.float64))
        predicted = state.predict(codes, structural, labels)
        sales = ReportedSales(predicted=predicted, price=price, day=days(time, len(price)), weight=weight)
        self.fitted_ = recentred(state, sales, float(days(np.array([as_of]), 1)[0]))
        return self

    def as_of(self, day: object) -> Self:
        """Recompute the band for a later day without new sales."""
        state = self._state()
        band = rebuild(state.records, state.groups, state.settings, float(days(np.array([day]), 1)[0]))
        self.fitted_ = replace(state, band=band)
        return self

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn's untyped tags
        """Tell scikit-learn that missing cells, texts and categories are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _training_table(self, table: ArrayLike, y: ArrayLike) -> tuple[object, FloatArray]:
        if hasattr(table, "columns"):
            validate_data(self, table, skip_check_array=True)
            price = column_or_1d(y, warn=True, dtype=np.float64)
            check_consistent_length(table, price)
            if not np.all(np.isfinite(price)):
                raise ValueError("y contains NaN or infinity; every sale needs a finite price")
        else:
            table, price = validate_data(
                self, table, y, dtype=None, ensure_all_finite="allow-nan", y_numeric=True, ensure_min_samples=2
            )
        if len(price) < 2:
            raise ValueError(f"n_samples = {len(price)}: a fit needs at least 2 sales")
        return table, np.asarray(price, dtype=np.float64)

    def _prediction_inputs(
        self, table: ArrayLike, base: ArrayLike | None, groups: ArrayLike | None
    ) -> tuple[FittedRegressor, FloatArray, FloatArray | None, list[str] | None]:
        state = self._state()
        if hasattr(table, "columns"):
            if not hasattr(self, "feature_names_in_"):  # scikit-learn compares names only where they are texts
                state.vocabulary.expect_names(column_names(table))
            validate_data(self, table, reset=False, skip_check_array=True)
        else:
            table = validate_data(self, table, reset=False, dtype=None, ensure_all_finite="allow-nan")
        codes = state.vocabulary.codes(table)
        return state, codes, numbers(base, len(codes), "base"), group_labels_of(groups, len(codes))

    def _price(
        self, table: ArrayLike, base: ArrayLike | None, groups: ArrayLike | None, levels: tuple[float, ...]
    ) -> tuple[FloatArray, FloatArray]:
        state, codes, structural, labels = self._prediction_inputs(table, base, groups)
        return state.price(codes, structural, labels, np.array(levels))

    def _state(self) -> FittedRegressor:
        check_is_fitted(self, "fitted_")
        return self.fitted_

    def _settings(self, names: Sequence[str]) -> FitSettings:
        band = BandSettings(
            group_rows=self.group_rows,
            shift_rows=self.shift_rows,
            anchor_days=self.anchor_days,
            decay_days=self.decay_days,
            label_delay_days=self.label_delay_days,
        )
        return FitSettings(
            monotone=directions(self.monotone, names),
            trees=self.trees,
            learning_rate=self.learning_rate,
            folds=self.folds,
            seed=0 if self.random_state is None else int(check_random_state(self.random_state).randint(2**31 - 1)),
            threads=self.n_jobs or 1,
            band=band,
        )


def _scale(price: FloatArray, base: FloatArray | None, softening: float | None) -> Scale:
    """Return the scale chosen from distinct sales, so that duplicates do not affect it."""
    pairs = np.unique(np.column_stack([price, price if base is None else base]), axis=0)
    return choose_scale(pairs[:, 0], None if base is None else pairs[:, 1], softening)
