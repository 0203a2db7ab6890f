"""The tree of groups of similar assets: the parent of "LFP/maker/model" is "LFP/maker", then "LFP", then the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, IntArray

POOL = ""
SEPARATOR = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The tree of groups: the pool first, then every group and its parents, parents before children.

    ``rows`` counts the sales of each group that the mean was trained on.
    """

    names: tuple[str, ...]
    parent: IntArray
    rows: FloatArray

    def find(self, labels: list[str]) -> tuple[IntArray, BoolArray]:
        """Return for each label its group, or the nearest parent known, and whether the label itself is known."""
        place = {name: code for code, name in enumerate(self.names)}
        found = np.zeros(len(labels), dtype=np.int64)
        known = np.zeros(len(labels), dtype=np.bool_)
        for row, label in enumerate(labels):
            name = label
            while name not in place:
                name = name.rpartition(SEPARATOR)[0]
            found[row], known[row] = place[name], name == label
        return found, known

    def pairs(self, group: IntArray) -> tuple[IntArray, IntArray]:
        """Return pairs of each row with its group and with every ancestor of it."""
        pairs_row, pairs_group = [np.arange(len(group))], [group]
        here, rows = group, np.arange(len(group))
        while len(rows):
            below = here > 0
            here, rows = self.parent[here[below]], rows[below]
            pairs_row.append(rows)
            pairs_group.append(here)
        return np.concatenate(pairs_row), np.concatenate(pairs_group)

    def generations(self) -> list[IntArray]:
        """Return the groups by depth, the pool first."""
        depth = np.zeros(len(self.names), dtype=np.int64)
        for code, parent in enumerate(self.parent.tolist()):
            depth[code] = depth[parent] + 1 if code else 0
        return [np.flatnonzero(depth == one) for one in range(int(depth.max()) + 1)]


def learn_groups(labels: list[str]) -> tuple[Groups, IntArray]:
    """Return the tree of groups of a training set and each row's group.

    >>> learn_groups(["LFP/a", "LFP/b", "LFP/a"])[0].names
    ('', 'LFP', 'LFP/a', 'LFP/b')
    """
    names = {POOL}
    for label in set(labels):
        while label not in names:
            names.add(label)
            label = label.rpartition(SEPARATOR)[0]  # noqa: PLW2901 - walks up to the pool
    ordered = tuple(sorted(names, key=lambda name: (name != POOL, name.count(SEPARATOR), name)))
    place = {name: code for code, name in enumerate(ordered)}
    parent = np.array([place[name.rpartition(SEPARATOR)[0]] for name in ordered], dtype=np.int64)
    group = np.array([place[label] for label in labels], dtype=np.int64)
    rows = np.bincount(group, minlength=len(ordered)).astype(np.float64)
    for code in range(len(ordered) - 1, 0, -1):
        rows[parent[code]] += rows[code]
    return Groups(names=ordered, parent=parent, rows=rows), group
