"""Trees as arrays: the stored form, from which kernel and numpy evaluate a forest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Trees as arrays over all their nodes.

    Nodes are numbered tree by tree, splits first, then leaves; a leaf points to itself.

    Attributes
    ----------
    roots
        The first node of each tree, shape (trees,).
    split_feature, threshold, left, right
        Per node; at a leaf the feature is 0 and both children are the leaf itself.
    default_left, missing, is_category
        Per node: the side of missing values, what counts as missing (0 nothing, 1 zero, 2 NaN), whether it is a set.
    category_start, category_words, category_bits
        Per node the first 32-bit word of its category set and the number of words; and all words.
    value, cover
        Per node: the leaf's value (0 at a split) and the number of training rows.
    depth
        The length of the longest path from a root to a leaf.
    features
        Number of columns of a row.

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
        """Number of trees."""
        return len(self.roots)
