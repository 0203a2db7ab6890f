"""A fitted model handed to the compiled kernel as a whole, where there is one that can take it."""

from __future__ import annotations

from models.inference.fitted_model import LINEAR_SHARE, FittedRegressor
from models.inference.native_program import NativeModel
from models.kernel.library import kernel


def prepare_model(state: FittedRegressor) -> NativeModel | None:
    """Return the model prepared for the kernel, None where numpy is to evaluate it, with the same bits."""
    opened = kernel()
    forests = state.mean.forest, state.width.forest
    if opened is None or any(forest.trees and forest.program is None for forest in forests):
        return None
    return NativeModel(opened, state, LINEAR_SHARE)
