"""The predictor: a trained model ready to price, as :func:`models.load_model` returns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.artifact.bundle import About, Bundle
from models.inference.explanation.explainer import Explained, ExplainedWidth, Explainer
from models.inference.fitted_model import FittedRegressor
from models.inference.interval_table import IntervalTable
from models.inference.native_model import prepare_model
from models.inference.shift_monitor import ShiftMonitor
from valuation.errors import BundleMismatch
from valuation.numeric.columns import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Prices per unit, in the unit of the structural values given.

    Attributes
    ----------
    point
        Shape (n,).
    quantiles
        Shape (n, levels), never crossing; none below level one half is above the point.
    group_used
        The group whose sales the band is based on; "" for all sales.
    group_known
        Whether the training set has sales of the row's own group.
    effective_n
        Effective number of sales of that group behind the band.
    newest_day
        Day of the newest sale behind the band, days since 1970; NaN where unknown.

    """

    point: FloatArray
    quantiles: FloatArray
    group_used: list[str]
    group_known: list[bool]
    effective_n: FloatArray
    newest_day: float


class Predictor:
    """A trained model that prices rows of the feature catalogue.

    Rows are float64 in the order of ``feature_names``, category columns as codes, NaN for not known; ``base`` is the
    structural value per unit; ``groups`` a label for each row, "/" between a group and its parent.
    """

    def __init__(self, bundle: Bundle, week_move: float | None = None) -> None:
        self._state = bundle.state
        self.week_move = week_move
        self.about: About = bundle.about
        self.digest: str = bundle.digest
        self.signed_by: str = bundle.signed_by
        self._interval_table = IntervalTable(bundle.state)
        self._program = prepare_model(bundle.state)

    def __getstate__(self) -> dict[str, object]:
        """Return the state to pickle, without the prepared program, which points into the memory of this process."""
        left = {"_program", "_explainer"}
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore the state and prepare the program again."""
        self.__dict__.update(state)
        self._program = prepare_model(self._state)

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
        """Day of the newest sale in the training set, ISO 8601."""
        return self.about.trained_through

    @property
    def demonstration(self) -> bool:
        """Whether the model was trained on a synthetic market."""
        return self.about.demonstration

    @property
    def market_calibration(self) -> Mapping[str, float]:
        """Calibrated constants of the market; the structural values given must use them."""
        return self.about.market_calibration

    @property
    def shift_monitor(self) -> ShiftMonitor:
        """Coverage of the newest sales by the band, and whether the model is still reliable."""
        return self._state.band.turn

    @property
    def linear_threshold(self) -> float:
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
        wanted = tuple(float(level) for level in levels)
        places = self._interval_table.places(codes, labels)
        if self._program is None:
            point, quantiles = self._state.price(codes, base, labels, np.array(wanted))
        else:
            self._check_base(base, len(codes))
            level, reach = self._interval_table.level[places], self._interval_table.reach(wanted)[places]
            point, quantiles = self._program.price(codes, base, level, reach)
        group, known = self._interval_table.groups(places)
        names = self._state.groups.names
        return Priced(
            point=point,
            quantiles=quantiles,
            group_used=[names[code] for code in group.tolist()],
            group_known=known,
            effective_n=self._state.band.effective_rows[group],
            newest_day=self._state.band.newest_day,
        )

    def explain(self, matrix: FloatArray, base: FloatArray | None, groups: Sequence[str] | None) -> Explained:
        """Return the contribution of each feature to the learned value on the scale, over the structural value."""
        codes, labels = self._rows(matrix, groups)
        self._check_base(base, len(codes))
        return self._explainer.mean(codes, labels)

    def explain_width(
        self, matrix: FloatArray, base: FloatArray | None, groups: Sequence[str] | None
    ) -> ExplainedWidth:
        """Return the contribution of each feature to the logarithm of the width of the 90 % band on the scale."""
        codes, labels = self._rows(matrix, groups)
        self._check_base(base, len(codes))
        return self._explainer.width(codes, labels)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self._state, self._interval_table, self._program)

    def _check_base(self, base: FloatArray | None, rows: int) -> None:
        if self._state.uses_base != (base is not None):
            self._state.structural(base, rows)  # raises the error
        if base is not None and np.shape(base) != (rows,):
            raise BundleMismatch("model.base_count", rows=rows, count=np.size(base))

    def _rows(self, matrix: FloatArray, groups: Sequence[str] | None) -> tuple[FloatArray, list[str] | None]:
        codes = self._state.vocabulary.checked(np.asarray(matrix, dtype=np.float64))  # codes already, not texts
        if groups is not None and len(groups) != len(codes):
            raise BundleMismatch("model.group_count", rows=len(codes), count=len(groups))
        return codes, None if groups is None else list(groups)
