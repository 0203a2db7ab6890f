"""What some sales teach, and what a mean grown from it says of others."""

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
    """A mean trained on some rows, and the encoded rows it is to judge; which of them are of no group it has met."""

    test: IntArray
    linear: LinearPart
    matrix: FloatArray
    unseen: BoolArray
    grown: ForestEnsemble | None = None
    grown_unseen: ForestEnsemble | None = None

    def predict(self, trees: int, unseen_trees: int = -1) -> FloatArray:
        """Return the mean of the rows to judge, of so many trees and of so many for strangers."""
        predicted = np.zeros(len(self.matrix)) if self.grown is None else self.grown.predict(self.matrix, trees)
        if self.grown_unseen is not None:
            predicted[self.unseen] = self.grown_unseen.predict(self.matrix[self.unseen], unseen_trees)
        return LINEAR_SHARE * self.linear.predict(self.matrix) + predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTraining:
    """What some rows teach before trees are grown.

    Attributes
    ----------
    encoder, linear
        Learned on these rows.
    encoded
        The rows as first encoded.
    samples, unseen_samples
        What the forests are to learn: what the linear part leaves, by as many encodings; the same where nothing is
        predicted of the group.
    growth
        How they are to grow.

    """

    encoder: Encoder
    encoded: FloatArray
    linear: LinearPart
    samples: list[Sample]
    unseen_samples: list[Sample]
    growth: BoosterSettings
