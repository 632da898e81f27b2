"""Trees as edges sorted by depth, the form in which ``tree_shap`` computes on them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.tree_nodes import Nodes

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]
_Numbers = npt.NDArray[np.int32]
_Flags = npt.NDArray[np.bool_]


_NUMBERS: Final = ("node", "feature", "parent", "before", "leaf")


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges from each inner node to its true child and to its false child, sorted by depth.

    Attributes:
        levels: slice of the edges of each depth.
        node: inner node that each pair of edges leaves; half as long as the other arrays.
        feature: column that the split tests.
        parent: number of the edge that leads to its node, counted from 1; 0 at a root.
        before: number of the last edge above that tests the same column, counted from 1; 0 where there is none.
        passing: share of the training rows that pass all splits on the edge's column up to and including this one.
        passing_before: the same without this split.
        leaf: positions of the edges that end in a leaf.
        weight: weights of these leaves.
        most_features: largest number of different columns on a path.
        base: mean of the sum of the leaves over the training rows.
    """

    levels: tuple[slice, ...]
    node: _Numbers
    feature: _Numbers
    parent: _Numbers
    before: _Numbers
    passing: _Floats
    passing_before: _Floats
    leaf: _Numbers
    weight: _Floats
    most_features: int
    base: float

    def pass_on(self, goes_true: _Flags) -> tuple[_Flags, _Flags]:
        """Whether a row passes all splits on each edge's column, with and without the edge's own split.

        Args:
            goes_true: for each inner node, whether the row goes to its true child.

        Returns:
            Two arrays of shape (edges,).
        """
        passes = np.ones(len(self.feature) + 1, dtype=bool)  # the first one for columns not asked for before
        passes_before = np.empty(len(self.feature), dtype=bool)
        goes = goes_true[self.node]
        sides = interleave(goes, ~goes)
        for level in self.levels:
            before = passes_before[level] = passes[self.before[level]]
            passes[1:][level] = sides[level] & before
        return passes[1:], passes_before


def lay_out(nodes: Nodes, roots: npt.NDArray[np.int64], columns: int) -> Edges:
    """Bring some trees into this form.

    Args:
        nodes: of all trees.
        roots: of these trees.
        columns: of the rows.

    Raises:
        ValueError: a node is reached twice.
    """
    limit = 2 * len(nodes.feature)
    current = roots
    parent = np.zeros(len(roots), dtype=np.intp)
    last_edge = np.zeros((len(roots), columns), dtype=np.int32)
    reached, passing = np.ones(len(roots)), np.ones(limit + 1)
    levels: list[slice] = []
    parts: list[dict[str, npt.NDArray[Any]]] = []
    most_features, end, base = 0, 0, 0.0
    while len(current):
        level = slice(end, end := end + 2 * len(current))
        if end > limit:
            raise ValueError("a node is reached twice, so these are no trees")
        twice = np.repeat(np.arange(len(current)), 2)
        feature = nodes.feature[current][twice].astype(np.intp)
        share = interleave(nodes.true_share[current], 1 - nodes.true_share[current])
        child = interleave(nodes.true_child[current], nodes.false_child[current])
        is_leaf = interleave(nodes.true_is_leaf[current], nodes.false_is_leaf[current]).astype(bool)
        before = last_edge[twice, feature].astype(np.intp)
        passing[1:][level] = share * passing[before]
        features = (last_edge > 0).sum(axis=1)[twice] + (before == 0)
        most_features = max(most_features, int(features.max()))
        reached = reached[twice] * share
        leaf, inner = np.flatnonzero(is_leaf), np.flatnonzero(~is_leaf)
        weight = nodes.leaf_weight[child[leaf]]
        base += float(reached[leaf] @ weight)
        parts.append(
            {
                "node": current,
                "feature": feature,
                "parent": parent[twice],
                "before": before,
                "passing": passing[1:][level],
                "passing_before": passing[before],
                "leaf": level.start + leaf,
                "weight": weight,
            }
        )
        levels.append(level)
        last_edge = last_edge[twice[inner]]
        parent = level.start + 1 + inner
        last_edge[np.arange(len(inner)), feature[inner]] = parent
        current, reached = child[inner], reached[inner]
    joined: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in _NUMBERS:
        joined[name] = joined[name].astype(np.int32)
    return Edges(levels=tuple(levels), most_features=most_features, base=base, **joined)


def interleave(ones: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Interleave two arrays: the first of each, then the second of each, and so on."""
    both = np.empty(2 * len(ones), dtype=ones.dtype)
    both[0::2], both[1::2] = ones, others
    return both
