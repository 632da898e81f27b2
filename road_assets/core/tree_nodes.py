"""Trees as plain arrays, independent of scikit-learn: ONNX graphs and explanations are written from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LESS_OR_EQUAL: Final = 0
"""Mode of a node: true where the value is at most the split."""

MEMBER: Final = 6
"""Mode of a node: true where the value is one of the node's members."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """Inner nodes and leaves of all trees, each numbered from 0 over all trees.

    Attributes:
        feature: column that each inner node tests.
        split: threshold; meaningless for a node that tests membership.
        true_child: number of an inner node, or of a leaf where ``true_is_leaf``.
        true_is_leaf: 1 or 0.
        false_child: likewise.
        false_is_leaf: 1 or 0.
        roots: inner node at which each tree starts.
        leaf_weight: what a leaf adds to the sum.
        mode: ``LESS_OR_EQUAL`` or ``MEMBER`` per inner node.
        missing_is_true: where an unknown value goes, 1 for the true child.
        true_share: share of the training rows at an inner node that went to its true child, above 0 and below 1.
        members: values that go to the true child, for each ``MEMBER`` node in the order of the nodes.
    """

    feature: npt.NDArray[np.int64]
    split: npt.NDArray[np.float64]
    true_child: npt.NDArray[np.int64]
    true_is_leaf: npt.NDArray[np.int64]
    false_child: npt.NDArray[np.int64]
    false_is_leaf: npt.NDArray[np.int64]
    roots: npt.NDArray[np.int64]
    leaf_weight: npt.NDArray[np.float64]
    mode: npt.NDArray[np.uint8]
    missing_is_true: npt.NDArray[np.int64]
    true_share: npt.NDArray[np.float64]
    members: tuple[tuple[float, ...], ...] = ()


_TYPES: Final = {
    **dict.fromkeys(
        ("feature", "true_child", "true_is_leaf", "false_child", "false_is_leaf", "missing_is_true"), np.int64
    ),
    **dict.fromkeys(("split", "leaf_weight", "true_share"), np.float64),
    "mode": np.uint8,
}


class NodeCollector:
    """Collects the nodes of one tree after the other, and numbers inner nodes and leaves over all trees."""

    def __init__(self) -> None:
        """Begin without a tree."""
        self._trees: list[dict[str, npt.NDArray[Any]]] = []
        self._roots: list[int] = []
        self._members: list[tuple[float, ...]] = []
        self._inner = self._leaves = 0

    def add(
        self,
        is_leaf: npt.NDArray[np.bool_],
        children: tuple[npt.NDArray[Any], npt.NDArray[Any]],
        rows: npt.NDArray[np.float64],
        *,
        members: Sequence[tuple[float, ...]] = (),
        **fields: npt.NDArray[Any],
    ) -> None:
        """Add a tree, its root first among its nodes.

        Args:
            is_leaf: shape (nodes,).
            children: true and false child of each inner node, as positions in ``is_leaf``.
            rows: shape (nodes,), training rows at each node.
            members: of each ``MEMBER`` node.
            fields: ``feature``, ``split``, ``mode`` and ``missing_is_true`` of each inner node, and ``leaf_weight`` of
                each leaf, as in ``Nodes``.
        """
        true, false = children
        # An index among inner nodes where the node splits, among leaves where it does not.
        number = np.where(is_leaf, np.cumsum(is_leaf) - 1 + self._leaves, np.cumsum(~is_leaf) - 1 + self._inner)
        self._trees.append(
            {
                "true_child": number[true],
                "true_is_leaf": is_leaf[true],
                "false_child": number[false],
                "false_is_leaf": is_leaf[false],
                "true_share": rows[true] / (rows[true] + rows[false]),
                **fields,
            }
        )
        self._roots.append(self._inner)
        self._members += members
        self._inner += int(np.count_nonzero(~is_leaf))
        self._leaves += int(np.count_nonzero(is_leaf))

    def nodes(self) -> Nodes:
        """The nodes of all trees that were added; at least one."""
        joined: dict[str, Any] = {
            name: np.concatenate([tree[name] for tree in self._trees]).astype(kind) for name, kind in _TYPES.items()
        }
        return Nodes(**joined, roots=np.array(self._roots, dtype=np.int64), members=tuple(self._members))
