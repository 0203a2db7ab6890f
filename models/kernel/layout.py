"""The structures and constants that the compiled kernel and Python share; the kernel states its own at load."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np

from valuation.messages import Message

_WHOLE, _POINTER, _NUMBER = ctypes.c_int64, ctypes.c_void_p, ctypes.c_double
FOREST_ARRAYS = (
    "tables", "table", "levels", "column", "first_view", "missing", "zero",
    "set_column", "set_start", "set_words", "set_bits", "tree", "leaf", "nodes", "steps", "leaves",
)  # fmt: skip
STEP = np.dtype([("view_left_right", "<u2", 3), ("slot_code", "u1", 2)])
"""One ``blend_step`` of source/program.h."""
CONSTANTS = {
    "GROUP": 12,  # trees walked side by side
    "BLOCK": 256,  # rows at once
    "LEAF_LANES": 8,
    "PLACES": 64,  # features on a path
    "NUMBER": 0,  # kinds of input columns
    "RANKED": 1,
    "AVERAGED": 2,
    "CONSTANT": 3,
    "PLAIN": 0,  # forms of linear terms
    "SIGNED_LOG": 1,
    "SQUARE": 2,
    "SQUARED_LOG": 3,
    "LEVEL_TERM": 4,
}
"""Constants that both sides use, by their name in the source."""


class ForestLayout(ctypes.Structure):
    """The C structure ``program`` of source/program.h: a forest."""

    _fields_ = (
        *((name, _WHOLE) for name in ("trees", "features", "views", "sets")),
        *((name, _POINTER) for name in FOREST_ARRAYS),
    )


class PathsLayout(ctypes.Structure):
    """The C structure ``paths`` of source/paths.h: the paths of a forest for Shapley values."""

    _fields_ = (
        *((name, _WHOLE) for name in ("columns", "splits", "joined", "groups")),
        *(
            (name, _POINTER)
            for name in (
                "first_split", "split_code", "one", "other", "places", "blocks", "points", "test", "slot", "cover",
                "value", "node", "weight",
            )
        ),
    )  # fmt: skip


class ModelLayout(ctypes.Structure):
    """``model`` of source/model.h."""

    _fields_ = (
        *(
            (name, _WHOLE)
            for name in (
                "inputs", "encoded", "terms", "width_columns", "reads_mean", "logarithmic", "mean_wide", "width_wide",
            )
        ),
        *(
            (name, _POINTER)
            for name in (
                "mean", "width", "kind", "first_level", "fill", "level_code", "level_mean", "level_excess",
                "level_count", "term_column", "term_form", "term_level", "centre", "spread", "coefficient", "term_mean",
                "median", "uses_log", "width_column",
            )
        ),
        *(
            (name, _NUMBER)
            for name in ("intercept", "linear_share", "mean_centre", "width_unit", "softening", "base_share")
        ),
    )  # fmt: skip


_STRUCTURES = {"program": ForestLayout, "paths": PathsLayout, "model": ModelLayout}


class _Fact(ctypes.Structure):
    """``fact`` of source/layout.h: the name of a size, an offset or a constant, and its value."""

    _fields_ = (("name", ctypes.c_char * 24), ("value", _WHOLE))


def expected_layout() -> dict[str, int]:
    """Return sizes and offsets [bytes] and constants as Python uses them."""
    facts = {"blend_step": STEP.itemsize} | CONSTANTS
    for name, structure in _STRUCTURES.items():
        facts[name] = ctypes.sizeof(structure)
        facts |= {f"{name}.{field[0]}": getattr(structure, field[0]).offset for field in structure._fields_}
    return facts


def stated_layout(library: ctypes.CDLL, level: str) -> dict[str, int]:
    """Return sizes and offsets [bytes] and constants as a library states them, empty if it states none."""
    try:
        count = _WHOLE.in_dll(library, f"facts_{level}").value
        table = (_Fact * count).in_dll(library, f"layout_{level}")
    except ValueError:
        return {}
    return {fact.name.decode("ascii"): fact.value for fact in table}


def differences(stated: dict[str, int]) -> Iterator[Message]:
    """Yield a message for each size, offset or constant on which the kernel and Python differ."""
    expected = expected_layout()
    for name in sorted(stated.keys() | expected.keys()):
        if stated.get(name) != expected.get(name):
            kernel, python = (
                Message("kernel.absent") if size is None else size for size in (stated.get(name), expected.get(name))
            )
            yield Message("kernel.differs", name=name, kernel=kernel, python=python)
