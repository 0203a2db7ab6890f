"""A fitted model as data; prices need neither LightGBM nor scikit-learn nor pandas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.inference.band import Band, BandSettings, CalibrationScores
from models.inference.column_encoder import NEVER_SEEN, ColumnEncoder
from models.inference.encoding import Encoder
from models.inference.forest import Forest
from models.inference.group_tree import SEPARATOR, Groups
from models.inference.linear import LinearPart
from models.inference.price_scale import Scale
from valuation.errors import BundleMismatch
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.numeric.exact_math import exp

LINEAR_SHARE = 0.5  # half the linear fit, trees on the rest: better than either alone on every development set
_CHUNK_ROWS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPart:
    """The mean on the scale: the linear part with weight one half, plus a forest on its residuals."""

    encoder: Encoder
    linear: LinearPart
    forest: Forest

    def predict(self, encoded: FloatArray) -> FloatArray:
        """Return the mean of each encoded row."""
        return LINEAR_SHARE * self.linear.predict(encoded) + self.forest.predict(encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthPart:
    """The expected absolute residual on the scale.

    Attributes
    ----------
    forest
        Predicts the logarithm of width / unit.
    unit
        The mean absolute residual in training, on the scale.
    columns
        The encoded columns it uses: none with a required direction, so that the band keeps it.
    reads_mean
        Whether the mean itself is its last column; never if directions are required.

    """

    forest: Forest
    unit: float
    columns: IntArray
    reads_mean: bool

    def matrix(self, encoded: FloatArray, mean: FloatArray) -> FloatArray:
        """Return the columns that the width uses."""
        own = encoded[:, self.columns]
        return np.column_stack([own, mean]) if self.reads_mean else own

    def predict(self, encoded: FloatArray, mean: FloatArray) -> FloatArray:
        """Return the width of each encoded row."""
        return self.unit * exp(self.forest.predict(self.matrix(encoded, mean)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPredictions:
    """Predictions of rows on the scale, before the band.

    Attributes
    ----------
    structural, mean, width
        Share of the structural value in the price, mean relative to it, and width.
    group, known
        The row's group, or the nearest parent known; whether its own is known.

    """

    structural: FloatArray
    mean: FloatArray
    width: FloatArray
    group: IntArray
    known: BoolArray

    def take(self, rows: BoolArray | IntArray) -> RowPredictions:
        """Return some of the rows, or all in another order."""
        return RowPredictions(**{name: getattr(self, name)[rows] for name in RowPredictions.__slots__})

    def joined(self, other: RowPredictions) -> RowPredictions:
        """Return these rows followed by others."""
        names = RowPredictions.__slots__
        return RowPredictions(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedRegressor:
    """The fitted state.

    A row's price is ``scale.back(middle)``, its quantile at a level ``scale.back(middle + reach * width)``, where

    - ``encoded = mean.encoder.encode(codes)``, the last column of ``codes`` being ``latest_day`` where time is used;
    - ``group, known`` is the row's group, or the nearest parent known (:meth:`find_groups`);
    - ``learned = mean.predict(encoded) + centre``;
    - ``middle = base_share * scale.to(base) + learned + band.level(group, known)``;
    - ``width = width.predict(encoded, mean.predict(encoded))``;
    - ``reach = band.read(group, known, level)``: at most zero below the middle, at least zero above it.

    Attributes
    ----------
    scale, vocabulary, mean, width
        The scale, the columns, and the two parts.
    base_share
        Factor of the structural value on the scale; one if none was given.
    centre
        Correction of the mean, so that half of the out-of-sample sales are above it.
    groups, band, records, settings
        The tree of groups, the band, its calibration scores and its settings.
    novelty_column
        The input column that serves as group if no groups are given; -1 for none.
    uses_base, uses_time
        Whether a structural value is expected; whether the day of sale is the mean's last column.
    latest_day
        The last day of training, to which the mean refers; NaN if sales have no day.

    """

    scale: Scale
    vocabulary: ColumnEncoder
    mean: MeanPart
    width: WidthPart
    base_share: float
    centre: float
    groups: Groups
    band: Band
    records: CalibrationScores
    settings: BandSettings
    novelty_column: int
    uses_base: bool
    uses_time: bool
    latest_day: float

    def predict(self, codes: FloatArray, base: FloatArray | None, labels: list[str] | None) -> RowPredictions:
        """Return predictions for rows of numbers and codes; rows do not affect each other.

        Raises
        ------
        BundleMismatch
            A structural value is given to a model trained without one, or the other way round.

        """
        means, widths = [np.zeros(0)], [np.zeros(0)]
        for start in range(0, len(codes), _CHUNK_ROWS):
            encoded = self.encode(codes[start : start + _CHUNK_ROWS])
            mean = self.mean.predict(encoded)
            means.append(mean)
            widths.append(self.width.predict(encoded, mean))
        group, known = self.find_groups(codes, labels)
        return RowPredictions(
            structural=self.structural(base, len(codes)),
            mean=np.concatenate(means) + self.centre,
            width=np.concatenate(widths),
            group=group,
            known=known,
        )

    def encode(self, codes: FloatArray) -> FloatArray:
        """Return the encoded rows."""
        if self.uses_time:
            codes = np.column_stack([codes, np.full(len(codes), self.latest_day)])
        return self.mean.encoder.encode(codes)

    def structural(self, base: FloatArray | None, rows: int) -> FloatArray:
        """Return the part of the price that follows the structural value on the scale; zero for a model without one.

        Raises
        ------
        BundleMismatch
            A structural value is given to a model trained without one, or the other way round.

        """
        if self.uses_base != (base is not None):
            unlike_fit = "model.base_needed" if self.uses_base else "model.base_not_taken"
            raise BundleMismatch(unlike_fit, hint="model.base_as_in_fit")
        return np.zeros(rows) if base is None else self.base_share * self.scale.to(base)

    def find_groups(self, codes: FloatArray, labels: list[str] | None) -> tuple[IntArray, BoolArray]:
        """Return each row's group, or the nearest one known, and whether its own is known."""
        if labels is not None:
            return self.groups.find(labels)
        if self.novelty_column < 0:
            return np.zeros(len(codes), dtype=np.int64), np.ones(len(codes), dtype=np.bool_)
        return self.groups.find(group_labels(codes[:, self.novelty_column], self.vocabulary.texts[self.novelty_column]))

    def price(
        self, codes: FloatArray, base: FloatArray | None, labels: list[str] | None, levels: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return point (n,) and quantiles (n, levels) in money."""
        return self.price_of(self.predict(codes, base, labels), levels)

    def price_of(self, rows: RowPredictions, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return point (n,) and quantiles (n, levels) in money from predictions."""
        middle = rows.structural + rows.mean + self.band.level(rows.group, rows.known)
        edges = [middle + self.band.read(rows.group, rows.known, float(p)) * rows.width for p in levels]
        money = self.scale.back(np.column_stack([middle, *edges]))
        return money[:, 0], money[:, 1:]


def group_labels(column: FloatArray, texts: tuple[str, ...]) -> list[str]:
    """Return the group label of each category code: its text, or the code where there is none.

    >>> group_labels(np.array([0.0, np.nan, -2.0]), ("Model S/X",))
    ['Model S|X', 'not known', 'never seen']
    """
    named = {cell: _label(cell, texts) for cell in set(column[~np.isnan(column)].tolist())}
    return [named.get(cell, "not known") for cell in column.tolist()]


def _label(cell: float, texts: tuple[str, ...]) -> str:
    if cell == NEVER_SEEN:
        return "never seen"
    text = texts[int(cell)] if texts else f"{cell:.17g}"
    return text.replace(SEPARATOR, "|")  # the separator is reserved for parents
