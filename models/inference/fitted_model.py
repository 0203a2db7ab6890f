"""A trained model as data: everything a price needs, without LightGBM, scikit-learn or pandas."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.calibration.level_shift import OWN_REPORTER, Stream, absorb
from models.inference.band import Band, BandSettings, CalibrationScores
from models.inference.column_encoder import NEVER_SEEN, ColumnEncoder
from models.inference.encoding import Encoder
from models.inference.forest import Forest
from models.inference.groups import SEPARATOR, Groups
from models.inference.linear import LinearPart
from models.inference.target import Scale
from valuation.errors import BundleMismatch
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.numeric.exact_math import exp

LINEAR_SHARE = 0.5  # half the linear fit, trees on the rest: better than either alone on every development set
_CHUNK_ROWS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPart:
    """The mean on the scale: half a linear fit plus a forest on the rest, over encoded columns."""

    encoder: Encoder
    linear: LinearPart
    forest: Forest

    def predict(self, encoded: FloatArray) -> FloatArray:
        """Return the mean of each encoded row."""
        return LINEAR_SHARE * self.linear.predict(encoded) + self.forest.predict(encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthPart:
    """The expected size of the deviation on the scale.

    Attributes
    ----------
    forest
        Its sum is the logarithm of the width over ``unit``.
    unit
        The mean size of a deviation in training, on the scale.
    columns
        The encoded columns it may read: none with a required direction, or an edge of the band could break it.
    reads_mean
        Whether the mean itself is its last column; never where directions are required.

    """

    forest: Forest
    unit: float
    columns: IntArray
    reads_mean: bool

    def matrix(self, encoded: FloatArray, mean: FloatArray) -> FloatArray:
        """Return the columns the width reads."""
        own = encoded[:, self.columns]
        return np.column_stack([own, mean]) if self.reads_mean else own

    def predict(self, encoded: FloatArray, mean: FloatArray) -> FloatArray:
        """Return the width of each encoded row."""
        return self.unit * exp(self.forest.predict(self.matrix(encoded, mean)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the model says of each row on the scale, before groups and structural value are added."""

    mean: FloatArray
    width: FloatArray


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
        How much of the structural value on the scale prices follow; one where none was given.
    centre
        What is added to the mean so that half the sales never trained on lie above.
    groups, band, records, settings
        The tree of groups, its band, the sales behind it and how they are weighed.
    novelty_column
        The input column whose value is the group where no groups were given; -1 for none.
    uses_base, uses_time
        Whether a structural value is expected; whether the day of sale is the mean's last column.
    latest_day
        The last day trained on, NaN where no time was given: the day the mean speaks of.

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

    def learn(self, codes: FloatArray) -> Learned:
        """Return mean and width of rows of numbers and codes."""
        means, widths = [np.zeros(0)], [np.zeros(0)]
        for start in range(0, len(codes), _CHUNK_ROWS):
            encoded = self.encode(codes[start : start + _CHUNK_ROWS])
            mean = self.mean.predict(encoded)
            means.append(mean)
            widths.append(self.width.predict(encoded, mean))
        return Learned(mean=np.concatenate(means) + self.centre, width=np.concatenate(widths))

    def encode(self, codes: FloatArray) -> FloatArray:
        """Return rows of numbers and codes as the parts read them."""
        if self.uses_time:
            codes = np.column_stack([codes, np.full(len(codes), self.latest_day)])
        return self.mean.encoder.encode(codes)

    def structural(self, base: FloatArray | None, rows: int) -> FloatArray:
        """Return what prices follow of the structural value on the scale, zero where the model was trained without one.

        Raises
        ------
        BundleMismatch
            A structural value is given to a model trained without one, or the other way round.

        """
        if self.uses_base != (base is not None):
            raise BundleMismatch(
                "the model was trained with a structural value" if self.uses_base else "the model takes no base",
                hint="give base to predict exactly if it was given to fit",
            )
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
        learned = self.learn(codes)
        group, known = self.find_groups(codes, labels)
        middle = self.structural(base, len(codes)) + learned.mean + self.band.level(group, known)
        edges = [middle + self.band.read(group, known, float(p)) * learned.width for p in levels]
        money = self.scale.back(np.column_stack([middle, *edges]))
        return money[:, 0], money[:, 1:]

    def updated(
        self, codes: FloatArray, price: FloatArray, base: FloatArray | None, news: LateSales, as_of: float
    ) -> FittedRegressor:
        """Return the model re-anchored on sales reported since, without a refit.

        Each window of days is scored against the anchor known before it, then joins the anchor; sales whose price is
        not yet known on ``as_of`` are left out.
        """
        usable = (news.day + self.settings.label_delay_days <= as_of + 1e-9) & news.first_of_packs()
        learned = self.learn(codes[usable])
        deviation = self.scale.to(price[usable]) - self.structural(
            None if base is None else base[usable], len(codes[usable])
        )
        labels = (
            None if news.labels is None else [label for label, take in zip(news.labels, usable, strict=True) if take]
        )
        group, _ = self.find_groups(codes[usable], labels)
        reporter = news.numbered_reporters()
        sales = Stream(
            residual=deviation - learned.mean,
            width=learned.width,
            weight=news.weight[usable],
            day=news.day[usable],
            group=group,
            reporter=None if reporter is None else reporter[usable],
        )
        records, band = absorb(sales, self.records, self.groups, self.settings, as_of)
        return replace(self, records=records, band=band)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSales:
    """Sales reported since training.

    Attributes
    ----------
    day, weight, labels
        Day and weight of each, and group labels where groups are used.
    reporter, pack
        Who reported each sale and what was sold, "" where it is not known; None where nobody says. A sale of an unknown
        reporter stands for itself, and of the sales of a pack the first counts.

    """

    day: FloatArray
    weight: FloatArray
    labels: list[str] | None
    reporter: tuple[str, ...] | None = None
    pack: tuple[str, ...] | None = None

    def first_of_packs(self) -> BoolArray:
        """Return which sales are the first of their pack, by day and, on one day, by place."""
        first = np.ones(len(self.day), dtype=np.bool_)
        met: set[str] = set()
        if self.pack is None:
            return first
        for row in np.argsort(self.day, kind="stable").tolist():
            name = self.pack[row]
            first[row] = not name or name not in met
            met.add(name)
        return first

    def numbered_reporters(self) -> IntArray | None:
        """Return a number for each sale's reporter, None where nobody is named."""
        if self.reporter is None or not any(self.reporter):
            return None
        numbers = {name: number for number, name in enumerate(sorted(set(self.reporter) - {""}))}
        return np.array([numbers.get(name, OWN_REPORTER) for name in self.reporter], dtype=np.int64)


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
    return text.replace(SEPARATOR, "|")  # a group's parents are told by the separator
