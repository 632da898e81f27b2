"""Parts of the ONNX graphs of all families: tree ensembles in double precision, scaling, and the model around them.

Sums are computed in double precision, since adding hundreds of leaves in float32 gave errors of up to 8e-7, close to
the tolerance of 1e-6.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT
from road_assets.core.calibration import PlattScaling
from road_assets.core.tree_nodes import Nodes

ML: Final = "ai.onnx.ml"
ML_OPSET: Final = 5
ONNX_OPSET: Final = 21
_IR_VERSION: Final = 10
_SUM: Final = 1
_IDENTITY: Final = 0


def tree_sum(nodes: Nodes, given: str, result: str) -> onnx.NodeProto:
    """The operator that sums one leaf of each tree.

    Args:
        nodes: of the trees.
        given: name of the input, double (rows, columns).
        result: name of the output, double (rows, 1).
    """
    # Leaves of equal weight are stored once: a forest trained on a year has ten times as many leaves as weights.
    weights, shared = np.unique(nodes.leaf_weight, return_inverse=True)
    optional: dict[str, Any] = {}
    if nodes.missing_is_true.any():
        optional["nodes_missing_value_tracks_true"] = nodes.missing_is_true
    if nodes.members:
        values = [value for members in nodes.members for value in (*members, np.nan)]  # NaN ends each node's list
        optional["membership_values"] = numpy_helper.from_array(np.array(values[:-1], dtype=np.float64), "members")
    return helper.make_node(
        "TreeEnsemble",
        [given],
        [result],
        domain=ML,
        n_targets=1,
        aggregate_function=_SUM,
        post_transform=_IDENTITY,
        tree_roots=nodes.roots,
        nodes_featureids=nodes.feature,
        nodes_splits=numpy_helper.from_array(nodes.split, "splits"),
        nodes_modes=numpy_helper.from_array(nodes.mode, "modes"),
        nodes_truenodeids=np.where(nodes.true_is_leaf, shared[nodes.true_child % len(shared)], nodes.true_child),
        nodes_trueleafs=nodes.true_is_leaf,
        nodes_falsenodeids=np.where(nodes.false_is_leaf, shared[nodes.false_child % len(shared)], nodes.false_child),
        nodes_falseleafs=nodes.false_is_leaf,
        leaf_targetids=np.zeros(len(weights), dtype=np.int64),
        leaf_weights=numpy_helper.from_array(weights, "weights"),
        **optional,
    )


def scale(
    given: str, result: str, scaling: PlattScaling, *, base: float = 0.0
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Multiply and shift log-odds.

    Args:
        given: name of the input, double.
        result: name of the output, double.
        scaling: of the model.
        base: added before the scaling.

    Returns:
        The operators, and the constants they need.
    """
    slope, shift = f"{result}_slope", f"{result}_shift"
    operators = [
        helper.make_node("Mul", [given, slope], [f"{result}_scaled"]),
        helper.make_node("Add", [f"{result}_scaled", shift], [result]),
    ]
    return operators, [constant(slope, scaling.slope), constant(shift, scaling.slope * base + scaling.shift)]


def constant(name: str, value: float) -> onnx.TensorProto:
    """A constant in double precision."""
    return numpy_helper.from_array(np.array(value, dtype=np.float64), name)


def to_rows(given: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Turn (rows, 1) into the graph's output of shape (rows,)."""
    return [helper.make_node("Reshape", [given, "one_axis"], [GRAPH_OUTPUT])], [
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "one_axis")
    ]


def to_bytes(operators: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], *, columns: int) -> bytes:
    """Assemble and check a graph.

    Args:
        operators: in the order of their evaluation.
        constants: that the operators refer to.
        columns: of the input.

    Returns:
        Serialized ONNX model: input ``features`` float32 (rows, columns) with NaN where unknown, output ``probability``
        float64 (rows,).
    """
    graph = helper.make_graph(
        list(operators),
        "accident_severity",
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(GRAPH_OUTPUT, TensorProto.DOUBLE, [None])],
        list(constants),
    )
    opsets = [helper.make_opsetid("", ONNX_OPSET), helper.make_opsetid(ML, ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
