"""A mean fitted on part of the training set, and its predictions of other rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.booster.boosting import BoosterSettings, Sample
from models.fitting.forest_ensemble import ForestEnsemble
from models.inference.encoding import Encoder
from models.inference.fitted_model import LINEAR_SHARE
from models.inference.linear import LinearPart
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldModel:
    """A mean fitted on some rows, the encoded validation rows, and which of them belong to unseen groups."""

    test: IntArray
    linear: LinearPart
    matrix: FloatArray
    unseen: BoolArray
    grown: ForestEnsemble | None = None
    grown_unseen: ForestEnsemble | None = None

    def predict(self, trees: int, unseen_trees: int = -1) -> FloatArray:
        """Return the mean of the validation rows with a number of trees, and another for unseen groups."""
        predicted = np.zeros(len(self.matrix)) if self.grown is None else self.grown.predict(self.matrix, trees)
        if self.grown_unseen is not None:
            predicted[self.unseen] = self.grown_unseen.predict(self.matrix[self.unseen], unseen_trees)
        return LINEAR_SHARE * self.linear.predict(self.matrix) + predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTraining:
    """Training data of the forests, before trees are grown.

    Attributes
    ----------
    encoder, linear
        Encoder and linear part fitted on these rows.
    encoded
        The first encoded copy of the rows.
    samples, unseen_samples
        Residuals of the linear part as training samples, one per encoded copy; the same with blanked group features.
    growth
        Settings of the forests.

    """

    encoder: Encoder
    encoded: FloatArray
    linear: LinearPart
    samples: list[Sample]
    unseen_samples: list[Sample]
    growth: BoosterSettings
