"""Bit masks of the leaves of each tree, from which ``quick_scorer`` makes its tables."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.tree_nodes import MEMBER

LEAVES: Final = 32
"""Leaves of a tree at most: the bits of its mask."""


class TooManyLeavesError(ValueError):
    """A tree has more leaves than a mask has bits."""


def truth_of(
    trees: dict[str, npt.NDArray[Any]], members: dict[int, list[int]], nodes: npt.NDArray[np.intp], top: int
) -> npt.NDArray[np.bool_]:
    """Outcome of each node's test for each cell of its column.

    Args:
        trees: attributes of the graph's node, by name.
        members: codes of the nodes that test membership.
        nodes: those of one column.
        top: highest value of that column.

    Returns:
        Shape (nodes, top + 2); the first cell is "unknown".
    """
    truth = np.zeros((len(nodes), top + 2), dtype=bool)
    truth[:, 1:] = np.arange(top + 1) <= trees["nodes_splits"][nodes, None]
    for position, node in enumerate(nodes.tolist()):
        if node in members:
            truth[position, 1:] = False
            truth[position, [code + 1 for code in members[node] if 0 <= code <= top]] = True
    truth[:, 0] = trees["nodes_missing_value_tracks_true"][nodes] if "nodes_missing_value_tracks_true" in trees else 0
    return truth


def members_of(trees: dict[str, npt.NDArray[Any]]) -> dict[int, list[int]]:
    """Codes of each node that tests membership.

    Args:
        trees: attributes of the graph's node, by name; NaN stands between the nodes' values.
    """
    asking = np.flatnonzero(trees["nodes_modes"] == MEMBER).tolist()
    if not asking:
        return {}
    values = trees["membership_values"]
    parts = np.split(values, np.flatnonzero(np.isnan(values)))
    return {node: part[~np.isnan(part)].astype(int).tolist() for node, part in zip(asking, parts, strict=True)}


class Walk:
    """Traverses trees, and assigns a bit to each leaf.

    Attributes:
        tree: shape (nodes,), the tree of each node.
        true_leaves: shape (nodes,), mask of the leaves below the true child.
        false_leaves: shape (nodes,), mask of the leaves below the false child.
        leaves: shape (trees * LEAVES,), weight of each leaf.
    """

    def __init__(self, trees: dict[str, npt.NDArray[Any]]) -> None:
        """Take the attributes of the graph's node, by name."""
        nodes = len(trees["nodes_featureids"])
        self.tree = np.zeros(nodes, dtype=np.intp)
        self.true_leaves, self.false_leaves = np.zeros((2, nodes), dtype=np.uint32)
        self.leaves = np.zeros(len(trees["tree_roots"]) * LEAVES)
        self._weights = trees["leaf_weights"].tolist()
        self._true = list(zip(trees["nodes_truenodeids"].tolist(), trees["nodes_trueleafs"].tolist(), strict=True))
        self._false = list(zip(trees["nodes_falsenodeids"].tolist(), trees["nodes_falseleafs"].tolist(), strict=True))
        self._taken = 0

    def down(self, root: int, tree: int) -> int:
        """Traverse a tree, and return the mask of all its leaves.

        Args:
            root: the tree's first node.
            tree: its number.

        Raises:
            TooManyLeavesError: it has more than ``LEAVES``.
        """
        self._taken = 0
        return self._inner(root, tree)

    def _inner(self, node: int, tree: int) -> int:
        below = [
            self._leaf(child, tree) if is_leaf else self._inner(child, tree)
            for child, is_leaf in (self._true[node], self._false[node])
        ]
        self.tree[node] = tree
        self.true_leaves[node], self.false_leaves[node] = below
        return below[0] | below[1]

    def _leaf(self, number: int, tree: int) -> int:
        if self._taken == LEAVES:
            raise TooManyLeavesError(f"tree {tree} has more than {LEAVES} leaves")
        self.leaves[tree * LEAVES + self._taken] = self._weights[number]
        self._taken += 1
        return 1 << (self._taken - 1)
