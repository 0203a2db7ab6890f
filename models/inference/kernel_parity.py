"""Checks that compiled kernel, numpy and LightGBM evaluate forests with the same bits.

A new forest is compared with LightGBM's own predictions. A model is published only if the compiled kernel and numpy
agree on all its forests. The check uses edge cases: values on and next to the thresholds, missing values, zeros of both
signs, infinities, known and unknown categories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np

from models.inference.column_encoder import NEVER_SEEN
from models.inference.encoding import NUMBER
from models.inference.fitted_model import FittedRegressor
from models.inference.forest import ZERO_THRESHOLD, Forest, empty_forest
from models.inference.interval_table import IntervalTable
from models.inference.native_model import prepare_model
from valuation.errors import BundleMismatch
from valuation.messages import Message
from valuation.numeric.columns import FloatArray

_ROWS = 96
_LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)
_HINT = "model.not_publishable"
_SPECIAL = (np.nan, 0.0, -0.0, np.inf, -np.inf, ZERO_THRESHOLD, -ZERO_THRESHOLD, 2e-35, 5e-324, -1.0, 3.0, 31.5, 1e300)


def hard_rows(forest: Forest) -> FloatArray:
    """Return deterministic rows with edge cases for this forest, shape (96, features)."""
    row, column = np.indices((_ROWS, forest.features))
    turn = row * 7 + column * 13  # neighbouring cells take different kinds and places
    cells: FloatArray = np.asarray(_SPECIAL)[turn % len(_SPECIAL)]
    for feature in range(forest.features):
        asked = forest.split_feature == feature
        numbers = np.unique(
            forest.threshold[asked & (forest.left != np.arange(len(forest.left))) & ~forest.is_category]
        )
        if len(numbers):
            chosen = numbers[(turn[:, feature] * 31) % len(numbers)]
            beside = np.stack([chosen, np.nextafter(chosen, -np.inf), np.nextafter(chosen, np.inf)])
            near = beside[turn[:, feature] % 3, np.arange(_ROWS)]
            cells[:, feature] = np.where(turn[:, feature] % 4 < 3, near, cells[:, feature])
        elif np.any(asked & forest.is_category):
            cells[:, feature] = np.where(turn[:, feature] % 4 < 3, turn[:, feature] % 67 - 1.0, cells[:, feature])
    return cells


def check_forest(forest: Forest, reference: FloatArray | None = None) -> None:
    """Raise an error if evaluations of a forest differ in any bit.

    Parameters
    ----------
    forest
        The forest.
    reference
        Predictions of LightGBM for :func:`hard_rows`, if available.

    Raises
    ------
    BundleMismatch
        The compiled kernel and numpy differ, or numpy and the reference.

    """
    rows = hard_rows(forest)
    by_numpy = forest.predict_numpy(rows)
    others = {
        Message("model.engine.kernel"): forest.predict(rows),
        "LightGBM": by_numpy if reference is None else reference,
        Message("model.engine.kernel_by_row"): np.concatenate([forest.predict(rows[i : i + 1]) for i in range(_ROWS)]),
    }
    for name, answers in others.items():
        if answers.tobytes() != by_numpy.tobytes():
            count = int(np.sum(answers != by_numpy))
            raise BundleMismatch("model.forests_differ", hint=_HINT, engine=name, count=count, rows=_ROWS)


def check_model(state: FittedRegressor) -> None:
    """Raise an error if kernel and numpy differ in a forest or in prices of a model.

    Raises
    ------
    BundleMismatch
        They differ in any bit.

    """
    for forest in forests_of(state):
        check_forest(forest)
    program = prepare_model(state)
    if program is None:
        return
    codes, interval_table = probe_codes(state), IntervalTable(state)
    turn, names = np.arange(_ROWS), state.groups.names
    labels = [f"{names[k % len(names)]}/never seen" if k % 3 else names[k % len(names)] for k in turn.tolist()]
    structural = np.asarray(10.0 ** (turn % 7 - 2.0) * np.where(turn % 5, 1.0, -1.0), dtype=np.float64)
    base = structural if state.uses_base else None
    places = interval_table.places(codes, labels)
    found = program.price(codes, base, interval_table.level[places], interval_table.reach(_LEVELS)[places])
    expected = state.price(codes, base, labels, np.array(_LEVELS))
    if any(ours.tobytes() != plain.tobytes() for ours, plain in zip(found, expected, strict=True)):
        raise BundleMismatch("model.prices_differ", hint=_HINT)


def probe_codes(state: FittedRegressor) -> FloatArray:
    """Return rows of numbers and category codes with edge cases for this model, shape (96, columns)."""
    encoder = state.mean.encoder
    forest = state.mean.forest
    cells = hard_rows(forest if forest.trees else empty_forest(len(encoder.source)))
    codes = cells[:, np.searchsorted(encoder.source, np.arange(len(state.vocabulary.names)))]
    for column in range(codes.shape[1]):
        if encoder.kinds[column] != NUMBER:
            known = np.concatenate([encoder.levels[column].codes, [np.nan, NEVER_SEEN]])
            codes[:, column] = known[(np.arange(_ROWS) * 5 + column) % len(known)]
    return codes


def forests_of(state: object) -> Iterator[Forest]:
    """Yield every forest in a tree of dataclasses and tuples."""
    if isinstance(state, Forest):
        yield state
    elif isinstance(state, tuple):
        for item in state:
            yield from forests_of(item)
    elif is_dataclass(state):
        for field in fields(state):
            yield from forests_of(getattr(state, field.name))
