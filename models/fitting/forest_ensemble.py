"""An ensemble of forests whose predictions are averaged (森林集成).

Random rows, columns and encodings add variance to each forest. Three forests with three times the learning rate cost as
much as one forest with as many trees in all, and their average has a smaller error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.booster.boosting import BoosterSettings, Grown, Sample, grow, grow_several, with_trees
from models.inference.forest import Forest, empty_forest, mean_of
from valuation.numeric.columns import FloatArray

FORESTS = 3
_PATIENCE = 17  # trees without a lower validation error, at three times the learning rate
_NEXT_SEED = 7919


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestEnsemble:
    """Trained forests; ``curve`` is the validation error of the first after each tree, empty without validation."""

    grown: tuple[Grown, ...]
    curve: FloatArray

    def predict(self, matrix: FloatArray, trees: int) -> FloatArray:
        """Return the average prediction of the forests with their first trees; -1 for all trees."""
        total = np.zeros(len(matrix))
        for one in self.grown:
            total += one.predict(matrix, trees)
        return total / max(len(self.grown), 1)

    def forest(self, features: int) -> Forest:
        """Return the ensemble as one forest of arrays, each compared with LightGBM."""
        return mean_of([one.forest() for one in self.grown]) if self.grown else empty_forest(features)


def grow_ensemble(samples: Sequence[Sample], growth: BoosterSettings, forests: int, trees: int) -> ForestEnsemble:
    """Return an ensemble with a total number of trees, trained on the samples in turn.

    >>> from models.booster.boosting import mean_settings
    >>> sample = Sample(matrix=np.arange(40.0)[:, np.newaxis], target=np.arange(40.0), weight=np.ones(40))
    >>> growth = mean_settings(40, (), seed=0, threads=1)
    >>> grow_ensemble([sample], growth, 2, 9).forest(1).trees
    9
    """
    sizes = [(trees + turn) // forests for turn in range(forests)]
    return ForestEnsemble(
        grown=_all(samples, growth, [(turn, size) for turn, size in enumerate(sizes) if size]), curve=np.zeros(0)
    )


def grow_with_early_stopping(
    samples: Sequence[Sample], growth: BoosterSettings, forests: int, validation: Sample
) -> ForestEnsemble:
    """Return an ensemble with early stopping of the first forest; the others get as many trees."""
    first = grow(samples[0], with_trees(_own(growth, 0), max(growth.trees // FORESTS, 1)), validation, _PATIENCE)
    others = _all(samples, growth, [(turn, len(first.curve)) for turn in range(1, forests)])
    return ForestEnsemble(grown=(first, *others), curve=first.curve)


def _all(samples: Sequence[Sample], growth: BoosterSettings, sizes: Sequence[tuple[int, int]]) -> tuple[Grown, ...]:
    """Return the forests of some indices with a number of trees each."""
    settings = [with_trees(_own(growth, turn), trees) for turn, trees in sizes]
    if len(samples) == 1:
        return tuple(grow_several(samples[0], settings)) if settings else ()
    return tuple(grow(samples[turn % len(samples)], one) for (turn, _), one in zip(sizes, settings, strict=True))


def _own(growth: BoosterSettings, turn: int) -> BoosterSettings:
    """Return the settings of one forest: shared learning rate, separate seed."""
    return replace(growth, learning_rate=FORESTS * growth.learning_rate, seed=growth.seed + _NEXT_SEED * turn)
