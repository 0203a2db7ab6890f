"""A trained model ready to price: what :func:`models.load_model` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.attribution import Attribution
from models.bundle import About, Bundle
from models.fitted import LINEAR_SHARE, FittedRegressor
from valuation.columns import FloatArray, IntArray
from valuation.elementary import log
from valuation.errors import BundleMismatch

_WIDTH_LEVEL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Prices per unit, in the unit of the structural values given.

    Attributes
    ----------
    point
        Shape (n,).
    quantiles
        Shape (n, levels); they never cross, and none below one half lies above the point.
    group_used
        The group whose sales shaped the band; "" for all sales together.
    group_known
        Whether sales of the row's own group were trained on.
    effective_n
        How many equally weighted sales of that group the band stands on.
    newest_day
        Day of the newest sale behind the band, days since 1970; NaN where unknown.

    """

    point: FloatArray
    quantiles: FloatArray
    group_used: list[str]
    group_known: list[bool]
    effective_n: FloatArray
    newest_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A learned value taken apart: base level plus effects is the whole, row by row.

    ``base_level`` (n,), ``effects`` (n, features); both on the scale of the learned value.
    """

    base_level: FloatArray
    effects: FloatArray


class Explainer:
    """The two parts of a model prepared for explanation."""

    def __init__(self, state: FittedRegressor) -> None:
        self.state = state
        self._mean = Attribution(state.mean.forest)
        self._width = Attribution(state.width.forest)

    def mean(self, codes: FloatArray, labels: list[str] | None) -> Explained:
        """Return what each input column adds to the learned value (price over structural value) on the scale."""
        state = self.state
        encoded = state.encode(codes)
        effects = self._mean.effects(encoded)
        effects = effects + LINEAR_SHARE * state.mean.linear.effects(encoded, encoded.shape[1])
        by_column = self._gather(effects, state.mean.encoder.source)
        group, known = state.find_groups(codes, labels)
        whole = state.mean.predict(encoded) + state.centre + state.band.level(group, known)
        return Explained(base_level=_rest(whole, by_column), effects=by_column)

    def width(self, codes: FloatArray, labels: list[str] | None) -> Explained:
        """Return what each input column adds to the logarithm of the 90 % band's width on the scale."""
        state = self.state
        encoded = state.encode(codes)
        matrix = state.width.matrix(encoded, state.mean.predict(encoded))
        effects = self._width.effects(matrix) if state.width.forest.trees else np.zeros(matrix.shape)
        source = state.mean.encoder.source[state.width.columns]
        by_column = self._gather(effects[:, : len(source)], source)  # the mean's own effect stays in the base level
        group, known = state.find_groups(codes, labels)
        reach = state.band.read(group, known, 0.5 + _WIDTH_LEVEL / 2.0)
        reach = reach - state.band.read(group, known, 0.5 - _WIDTH_LEVEL / 2.0)
        span = np.maximum(reach * state.width.unit, 1e-300)
        return Explained(base_level=_rest(log(span) + state.width.forest.predict(matrix), by_column), effects=by_column)

    def _gather(self, effects: FloatArray, source: IntArray) -> FloatArray:
        by_column = np.zeros((len(effects), len(self.state.vocabulary.names)))
        for position, column in enumerate(source.tolist()):
            if column < by_column.shape[1]:  # the day of sale is no input: what it adds stays in the base level
                by_column[:, column] += effects[:, position]
        return by_column


def _rest(whole: FloatArray, effects: FloatArray) -> FloatArray:
    """Return the base level: what is left of the whole when the effects are taken off in order."""
    total = np.zeros(len(effects))
    for column in range(effects.shape[1]):
        total = total + effects[:, column]
    return whole - total


class Predictor:
    """A trained model that prices rows of the feature catalogue.

    Rows are float64 in the order of ``feature_names``, category columns as codes, NaN for not known; ``base`` is the
    structural value per unit; ``groups`` a label for each row, "/" between a group and its parent.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._state = bundle.state
        self.about: About = bundle.about
        self.digest: str = bundle.digest
        self.signed_by: str = bundle.signed_by

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns a row must have, in order."""
        return self._state.vocabulary.names

    @property
    def name(self) -> str:
        """The model's name."""
        return self.about.name

    @property
    def version(self) -> str:
        """The model's version."""
        return self.about.version

    @property
    def trained_through(self) -> str:
        """The day of the newest sale the model has seen, ISO 8601."""
        return self.about.trained_through

    @property
    def demonstration(self) -> bool:
        """Whether the model was trained on a synthetic market."""
        return self.about.demonstration

    @property
    def softening(self) -> float:
        """The softening of the signed-log scale: price = softening * sinh(asinh(base / softening) + learned)."""
        return self._state.scale.softening

    @property
    def state(self) -> FittedRegressor:
        """The fitted state."""
        return self._state

    def price(
        self, matrix: FloatArray, base: FloatArray | None, groups: Sequence[str] | None, levels: Sequence[float]
    ) -> Priced:
        """Return point and quantiles per unit for each row.

        Raises
        ------
        BundleMismatch
            The rows have other columns, a label a row is missing, or base is given to a model trained without.

        """
        codes, labels = self._rows(matrix, groups)
        point, quantiles = self._state.price(codes, base, labels, np.asarray(levels, dtype=np.float64))
        group, known = self._state.find_groups(codes, labels)
        names = self._state.groups.names
        return Priced(
            point=point,
            quantiles=quantiles,
            group_used=[names[code] for code in group.tolist()],
            group_known=known.tolist(),
            effective_n=self._state.band.effective_rows[group],
            newest_day=self._state.band.newest_day,
        )

    def explain(self, matrix: FloatArray, base: FloatArray | None, groups: Sequence[str] | None) -> Explained:
        """Return what each feature adds to the learned value on the scale, over the structural value."""
        codes, labels = self._rows(matrix, groups)
        self._state.structural(base, len(codes))
        return self._explainer.mean(codes, labels)

    def explain_width(self, matrix: FloatArray, base: FloatArray | None, groups: Sequence[str] | None) -> Explained:
        """Return what each feature adds to the logarithm of the 90 % band's width on the scale."""
        codes, labels = self._rows(matrix, groups)
        self._state.structural(base, len(codes))
        return self._explainer.width(codes, labels)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self._state)

    def _rows(self, matrix: FloatArray, groups: Sequence[str] | None) -> tuple[FloatArray, list[str] | None]:
        codes = self._state.vocabulary.codes(np.asarray(matrix, dtype=np.float64))
        if groups is not None and len(groups) != len(codes):
            raise BundleMismatch(f"{len(codes)} rows came with {len(groups)} group labels", hint="give one label a row")
        return codes, None if groups is None else list(groups)
