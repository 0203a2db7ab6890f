"""Trained trees as plain columns: what is stored, what the kernel reads, what a forest answers from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Trained trees as columns over all their nodes.

    Every tree's nodes and leaves share one numbering, tree after tree: splits first, then leaves; a leaf points at
    itself.

    Attributes
    ----------
    roots
        The first node of each tree, shape (trees,).
    split_feature, threshold, left, right
        Per node; at a leaf the feature is 0 and both children are the leaf itself.
    default_left, missing, is_category
        Per node: where a missing value goes, what counts as missing (0 nothing, 1 zero, 2 NaN), whether it is a set.
    category_start, category_words, category_bits
        Per node the first 32-bit word of its category set and how many; and all words.
    value, cover
        Per node: the leaf's value (0 at a split) and how many training rows came by.
    depth
        The longest way from a root to a leaf.
    features
        How many columns a row has.

    """

    roots: IntArray
    split_feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    default_left: BoolArray
    missing: IntArray
    is_category: BoolArray
    category_start: IntArray
    category_words: IntArray
    category_bits: NDArray[np.uint32]
    value: FloatArray
    cover: FloatArray
    depth: int
    features: int

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)
