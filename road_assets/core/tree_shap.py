"""Exact Shapley values of trees (TreeSHAP), in time linear in the number of nodes.

The answer without some features is defined as in TreeSHAP's ``tree_path_dependent``: at a split on a feature that is
left out both branches are followed, each weighted by the share of the training rows that went there. A leaf of
weight v then answers v · Π z over the features on its path that are left out and v · Π o over the others, where z is
the share of the training rows that pass all splits on that feature and o is 1 if this row passes them, else 0.

The Shapley value of feature i is the mean of what it adds over all orders in which the features can come in. With
|S|! (M - |S| - 1)! / M! = ∫ t^|S| (1 - t)^(M - |S| - 1) dt over [0, 1], the sum over all subsets S becomes, leaf by
leaf, v (o_i - z_i) ∫ Π_{j ≠ i} (o_j t + z_j (1 - t)) dt. The integrand is a polynomial of a degree below M, the number
of features on the path, so Gauss-Legendre quadrature with M / 2 points is exact. Products are computed from the roots
to the leaves, and sums from the leaves to the roots, for all trees at once.

Sources: S. Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
Machine Intelligence 2, 2020; P. Yu et al., "Linear TreeShap", NeurIPS 2022, for the polynomials.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.tree_edges import lay_out
from road_assets.core.tree_nodes import MEMBER, Nodes

BLOCK_NODES: Final = 4_000
"""Inner nodes processed at once, so that their intermediate results stay in the processor's cache."""

Row = npt.NDArray[np.float64]
"""One question, shape (columns,); NaN where unknown."""

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


class ShapleyTrees:
    """Trees prepared for explanations; several threads may use them at once.

    Attributes:
        base: mean of their sum over the training rows: the answer when no feature is known.
    """

    def __init__(self, nodes: Nodes, columns: int) -> None:
        """Prepare the trees.

        Args:
            nodes: of the trees.
            columns: of the rows.

        Raises:
            ValueError: they are no trees, or ask for other columns.
        """
        _check(nodes, columns)
        self._columns = columns
        self._splits = _Splits(nodes)
        sizes = np.diff(np.append(nodes.roots, len(nodes.feature)))
        blocks = np.cumsum(sizes) // BLOCK_NODES
        self._blocks = [_Block(nodes, nodes.roots[blocks == number], columns) for number in np.unique(blocks)]
        self.base = sum(block.base for block in self._blocks)

    def contributions(self, row: Row) -> _Floats:
        """Explain the answer for one row.

        Returns:
            Shape (columns,): with ``base`` they add up to the sum of the leaves that the row reaches.
        """
        goes_true = self._splits.ask(row)
        total: _Floats = np.sum([block.contributions(goes_true, self._columns) for block in self._blocks], axis=0)
        return total


class _Splits:
    """The tests of the inner nodes."""

    def __init__(self, nodes: Nodes) -> None:
        self._feature = nodes.feature.astype(np.intp)
        self._split = nodes.split
        self._missing_is_true = nodes.missing_is_true.astype(bool)
        self._members = np.flatnonzero(nodes.mode == MEMBER)
        highest = max((int(max(codes)) for codes in nodes.members), default=-1)
        self._is_member = np.zeros((len(nodes.members), highest + 2), dtype=bool)  # the last column is never a member
        for number, codes in enumerate(nodes.members):
            self._is_member[number, [int(code) for code in codes if code >= 0]] = True

    def ask(self, row: Row) -> _Flags:
        """Whether the row goes to the true child of each inner node."""
        values = row[self._feature]
        goes: _Flags = values <= self._split  # false for NaN, without a warning
        if len(self._members):
            last = self._is_member.shape[1] - 1
            listed = (row >= 0) & (row < last) & (row == np.floor(row))
            codes = np.where(listed, row, last).astype(np.intp)
            goes[self._members] = self._is_member[np.arange(len(self._members)), codes[self._feature[self._members]]]
        return np.where(np.isnan(values), self._missing_is_true, goes)


class _Block:
    """Some of the trees, laid out as ``Edges``."""

    def __init__(self, nodes: Nodes, roots: npt.NDArray[np.int64], columns: int) -> None:
        self._edges = lay_out(nodes, roots, columns)
        self.base = self._edges.base
        points, weights = np.polynomial.legendre.leggauss((self._edges.most_features + 1) // 2)
        self._known, self._weights = (points + 1) / 2, weights / 2

    def contributions(self, goes_true: _Flags, columns: int) -> _Floats:
        """Of this block; ``goes_true`` is for all inner nodes of all blocks."""
        edges = self._edges
        passes, passes_before = edges.pass_on(goes_true)
        factor_before = self._factor(passes_before, edges.passing_before)
        factor = self._factor(passes, edges.passing)
        gain = (passes - edges.passing)[:, None] / factor
        gain -= (passes_before - edges.passing_before)[:, None] / factor_before
        np.divide(factor, factor_before, out=factor)
        below = self._sum_below(factor)
        below *= gain
        sums: Any = np.bincount(edges.feature, weights=below @ self._weights, minlength=columns)  # floats, as weighted
        return np.asarray(sums, dtype=np.float64)

    def _factor(self, passes: _Flags, passing: _Floats) -> _Floats:
        """Factor o t + z (1 - t) of each edge at each point t; shape (edges, points)."""
        factor = np.multiply.outer(passing, 1 - self._known)
        factor += np.multiply.outer(passes, self._known)
        return factor

    def _sum_below(self, factor: _Floats) -> _Floats:
        """For each edge and point the sum, over the leaves below, of weight times product; shape (edges, points)."""
        edges = self._edges
        products = np.empty((len(factor) + 1, len(self._known)))
        products[0] = 1  # at the roots
        sums = products[1:]
        for level in edges.levels:
            np.take(products, edges.parent[level], axis=0, out=sums[level], mode="clip")  # "raise" would copy
            sums[level] *= factor[level]
        sums[edges.leaf] *= edges.weight[:, None]
        for level in reversed(edges.levels[1:]):
            below = sums[level]
            products[edges.parent[level][::2]] = below[::2] + below[1::2]
        return sums


def _check(nodes: Nodes, columns: int) -> None:
    """Refuse arrays that are no trees.

    Raises:
        ValueError: as it says.
    """
    inner = len(nodes.feature)
    per_node = (
        "split",
        "true_child",
        "true_is_leaf",
        "false_child",
        "false_is_leaf",
        "mode",
        "missing_is_true",
        "true_share",
    )
    for name in per_node:
        if getattr(nodes, name).shape != (inner,):
            raise ValueError(f"{name} is not one for each of the {inner} inner nodes")
    if not inner or not len(nodes.roots) or nodes.roots[0] != 0 or (np.diff(nodes.roots) <= 0).any():
        raise ValueError("the trees do not begin one after the other")
    if int(np.count_nonzero(nodes.mode == MEMBER)) != len(nodes.members):
        raise ValueError("not each node of the kind has members")
    if nodes.feature.min() < 0 or nodes.feature.max() >= columns or nodes.roots[-1] >= inner:
        raise ValueError(f"a node asks for a column beyond the {columns} of a row, or a tree begins nowhere")
    if not ((nodes.true_share > 0) & (nodes.true_share < 1)).all():
        raise ValueError("a split leaves a side without any training row")
    for child, is_leaf in ((nodes.true_child, nodes.true_is_leaf), (nodes.false_child, nodes.false_is_leaf)):
        past = np.where(is_leaf.astype(bool), len(nodes.leaf_weight), inner)
        if (child < 0).any() or (child >= past).any():
            raise ValueError("a node leads nowhere")
