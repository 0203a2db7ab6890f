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
    strange: BoolArray
    grown: ForestEnsemble | None = None
    strangers: ForestEnsemble | None = None

    def predict(self, trees: int, strangers: int = -1) -> FloatArray:
        """Return the mean of the rows to judge, of so many trees and of so many for strangers."""
        told = np.zeros(len(self.matrix)) if self.grown is None else self.grown.predict(self.matrix, trees)
        if self.strangers is not None:
            told[self.strange] = self.strangers.predict(self.matrix[self.strange], strangers)
        return LINEAR_SHARE * self.linear.predict(self.matrix) + told


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTraining:
    """What some rows teach before trees are grown.

    Attributes
    ----------
    encoder, linear
        Learned on these rows.
    encoded
        The rows as first encoded.
    samples, strangers
        What the forests are to learn: what the linear part leaves, by as many encodings; the same where nothing is
        told of the group.
    growth
        How they are to grow.

    """

    encoder: Encoder
    encoded: FloatArray
    linear: LinearPart
    samples: list[Sample]
    strangers: list[Sample]
    growth: BoosterSettings
