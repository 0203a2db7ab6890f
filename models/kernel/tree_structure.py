"""The structure of the trees of a forest in the layout of the compiled kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.kernel.layout import CONSTANTS
from valuation.numeric.columns import IntArray

if TYPE_CHECKING:
    from models.kernel.trees import Trees

_GROUP = CONSTANTS["GROUP"]
_MOST_NODES = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Splits and leaves of all trees.

    Attributes
    ----------
    splits
        The split nodes of the forest, by tree.
    tree_of
        Per split its tree.
    counts
        Number of splits of each tree.
    child
        Per split its right and left child, numbered within the tree: splits first, then leaves.
    leaves
        The leaves of the forest, by tree.

    """

    splits: IntArray
    tree_of: IntArray
    counts: IntArray
    child: IntArray
    leaves: IntArray

    @property
    def most_leaves(self) -> int:
        """Number of leaves of the largest tree."""
        return int(np.max(self.counts)) + 1

    def nodes(self, view: IntArray, code: IntArray, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
        """Return view, code, right and left child of each split; a child with the highest bit is a leaf.

        A tree without splits gets one node with its leaf on both sides.
        """
        leaf_bit = (int(np.iinfo(kind).max) + 1) // 2
        starts = self._starts()
        nodes = np.zeros((starts[-1] + leaf_bit, 4), dtype=kind)  # a walk reads on, at most by a leaf's number
        nodes[:, 2:] = leaf_bit
        before = np.concatenate([[0], np.cumsum(self.counts)])
        place = np.arange(len(self.splits)) - before[self.tree_of] + starts[self.tree_of]
        beyond = self.child - self.counts[self.tree_of][:, np.newaxis]
        nodes[place, 0], nodes[place, 1] = view, code
        nodes[place, 2:] = np.where(beyond >= 0, beyond + leaf_bit, self.child)
        return nodes

    def parts(self, forest: Trees) -> dict[str, NDArray[Any]]:
        """Return the start of each tree's nodes and leaves, padded to whole groups of trees, and the leaves."""
        starts = self._starts()
        tree = np.full(len(self.counts) + _GROUP, starts[-1], dtype=np.int32)
        tree[: len(self.counts)] = starts[:-1]
        leaf = np.full(len(self.counts) + _GROUP, len(self.leaves), dtype=np.int32)
        leaf[: len(self.counts)] = np.cumsum(self.counts + 1) - self.counts - 1
        return {"tree": tree, "leaf": leaf, "leaves": forest.value[self.leaves]}

    def _starts(self) -> IntArray:
        return np.concatenate([[0], np.cumsum(np.maximum(self.counts, 1))])


def read_shape(forest: Trees) -> Shape | None:
    """Return the structure, None unless each tree lists its splits first, parents before children, then its leaves.

    The kernel does not check indices, so they are checked here once.
    """
    size = np.diff(np.append(forest.roots, len(forest.left)))
    if len(size) == 0 or forest.roots[0] != 0 or np.any(size < 1) or np.any(size % 2 == 0):
        return None
    counts = size // 2
    tree_of_node = np.repeat(np.arange(len(size)), size)
    place = np.arange(len(forest.left)) - forest.roots[tree_of_node]
    is_split = place < counts[tree_of_node]
    splits = np.flatnonzero(is_split)
    tree_of = tree_of_node[splits]
    child = np.stack([forest.right[splits], forest.left[splits]], axis=1) - forest.roots[tree_of][:, np.newaxis]
    columns = forest.split_feature[splits]
    in_tree = (child > place[splits][:, np.newaxis]) & (child < size[tree_of][:, np.newaxis])
    in_row = (columns >= 0) & (columns < forest.features)
    if not (np.all(in_tree) and np.all(in_row)) or len(forest.left) >= _MOST_NODES:
        return None
    return Shape(splits=splits, tree_of=tree_of, counts=counts, child=child, leaves=np.flatnonzero(~is_split))
