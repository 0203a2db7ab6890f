"""Conversion of LightGBM's model text to a :class:`~models.inference.forest.Forest`.

Only the training calls this, on text that LightGBM has just written. Stored models hold arrays and no text, because
LightGBM terminates the process on a damaged text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.inference.forest import Forest, empty_forest
from valuation.numeric.columns import FloatArray, IntArray

_CATEGORY = 1
_DEFAULT_LEFT = 2


def forest_from_text(text: str) -> Forest:
    """Return the forest of a LightGBM model text.

    Parameters
    ----------
    text
        What ``Booster.model_to_string`` returns.

    """
    head, *blocks = text.split("\nend of trees", 1)[0].split("\nTree=")
    features = int(_fields(head)["max_feature_idx"]) + 1
    if not blocks:
        return empty_forest(features)
    trees = [_Tree(_fields(block)) for block in blocks]
    starts = np.concatenate([[0], np.cumsum([tree.nodes for tree in trees])]).astype(np.int64)
    words = np.concatenate([[0], np.cumsum([len(tree.bits) for tree in trees])]).astype(np.int64)
    return Forest(
        roots=starts[:-1],
        split_feature=np.concatenate([tree.split_feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=np.concatenate([tree.left + start for tree, start in zip(trees, starts, strict=False)]),
        right=np.concatenate([tree.right + start for tree, start in zip(trees, starts, strict=False)]),
        default_left=np.concatenate([(tree.decision & _DEFAULT_LEFT) > 0 for tree in trees]),
        missing=np.concatenate([(tree.decision >> 2) & 3 for tree in trees]),
        is_category=np.concatenate([(tree.decision & _CATEGORY) > 0 for tree in trees]),
        category_start=np.concatenate([tree.category_start + word for tree, word in zip(trees, words, strict=False)]),
        category_words=np.concatenate([tree.category_words for tree in trees]),
        category_bits=np.concatenate([tree.bits for tree in trees]),
        value=np.concatenate([tree.value for tree in trees]),
        cover=np.concatenate([tree.cover for tree in trees]),
        depth=max(tree.depth() for tree in trees),
        features=features,
    )


def _fields(block: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


class _Tree:
    """One tree's columns in the forest's numbering: splits 0..s-1, then leaves s..2s."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        leaves = int(fields["num_leaves"])
        splits = leaves - 1
        self.nodes = splits + leaves
        itself = np.arange(splits, self.nodes, dtype=np.int64)
        zeros = np.zeros(leaves, dtype=np.int64)
        self.left = np.concatenate([self._children(fields, "left_child", splits), itself])
        self.right = np.concatenate([self._children(fields, "right_child", splits), itself])
        self.split_feature = np.concatenate([_whole(fields, "split_feature", splits), zeros])
        self.decision = np.concatenate([_whole(fields, "decision_type", splits), zeros])
        threshold = _real(fields, "threshold", splits)
        self.threshold = np.concatenate([threshold, np.zeros(leaves)])
        self.value = np.concatenate([np.zeros(splits), _real(fields, "leaf_value", leaves)])
        counts = _real(fields, "leaf_count", leaves) if splits else np.ones(1)
        self.cover = np.concatenate([_real(fields, "internal_count", splits), counts])
        self._read_categories(fields, threshold)

    def depth(self) -> int:
        """Return the length of the longest path from the root to a leaf."""
        levels, here = 0, np.zeros(1, dtype=np.int64)
        while np.any(self.left[here] != here):
            levels, here = levels + 1, np.unique(np.concatenate([self.left[here], self.right[here]]))
        return levels

    def _children(self, fields: Mapping[str, str], name: str, splits: int) -> IntArray:
        child = _whole(fields, name, splits)
        return np.where(child >= 0, child, splits + ~child)  # LightGBM writes leaf k as ~k

    def _read_categories(self, fields: Mapping[str, str], threshold: FloatArray) -> None:
        self.category_start = np.zeros(self.nodes, dtype=np.int64)
        self.category_words = np.zeros(self.nodes, dtype=np.int64)
        self.bits = np.zeros(0, dtype=np.uint32)
        sets = np.flatnonzero(self.decision & _CATEGORY)
        if len(sets):
            bounds = np.array(_tokens(fields, "cat_boundaries"), dtype=np.int64)
            which = threshold[sets].astype(np.int64)  # a set's threshold is its index among the tree's sets
            self.category_start[sets] = bounds[which]
            self.category_words[sets] = bounds[which + 1] - bounds[which]
            self.bits = np.array(_tokens(fields, "cat_threshold"), dtype=np.uint32)


def _tokens(fields: Mapping[str, str], name: str) -> Sequence[str]:
    return fields.get(name, "").split()


def _whole(fields: Mapping[str, str], name: str, size: int) -> IntArray:
    return np.array(_tokens(fields, name)[:size] if size else [], dtype=np.int64)


def _real(fields: Mapping[str, str], name: str, size: int) -> FloatArray:
    return np.array([float(token) for token in _tokens(fields, name)[:size]] if size else [], dtype=np.float64)
