"""Trees as plain arrays, independent of scikit-learn: ONNX graphs and explanations are written from them."""

from dataclasses import dataclass
from typing import Final

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


def share_of_rows(true_rows: npt.NDArray[np.float64], false_rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of each node's training rows that went to its true child, from the numbers of rows at both children."""
    share: npt.NDArray[np.float64] = true_rows / (true_rows + false_rows)
    return share
