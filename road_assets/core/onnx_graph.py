"""The trained pipeline as an ONNX graph that gives the same answers.

Why not skl2onnx: for this forest its graph is 66 MB and takes 23 s to make, and thresholds that a code meets exactly
moved probabilities by up to 0.036. Here the scaler is folded into the thresholds, exactly: features are codes, so each
threshold becomes the half-way point between the last code that goes left and the next integer. The operator
``TreeEnsemble`` (ai.onnx.ml, version 5) then needs 27 MB in double precision, and agrees to 1e-14.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT
from road_assets.core.training import FOREST, IMPUTER, SCALER
from road_assets.core.vocabulary import FEATURES

ML_OPSET: Final = 5
ONNX_OPSET: Final = 21
_IR_VERSION: Final = 10
_SUM: Final = 1
_IDENTITY: Final = 0
_LESS_OR_EQUAL: Final = 0


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Inner nodes and leaves of all trees, each kind numbered through."""

    feature: npt.NDArray[np.int64]
    split: npt.NDArray[np.float64]
    true_child: npt.NDArray[np.int64]
    true_is_leaf: npt.NDArray[np.int64]
    false_child: npt.NDArray[np.int64]
    false_is_leaf: npt.NDArray[np.int64]
    roots: npt.NDArray[np.int64]
    leaf_weight: npt.NDArray[np.float64]


def to_graph(pipeline: Pipeline) -> bytes:
    """Export imputation, standardisation and forest.

    Args:
        pipeline: fitted by ``training.fit_forest``.

    Returns:
        Serialized ONNX model: input ``features`` float32 (rows, 13) with NaN where unknown, output ``probability``
        float64 (rows,), the share of severe injuries.

    Raises:
        ValueError: a tree never splits, because its rows were too few or all alike.
    """
    nodes = _collect(pipeline[FOREST], pipeline[SCALER])
    graph = helper.make_graph(
        [
            helper.make_node(
                "Imputer",
                [GRAPH_INPUT],
                ["imputed"],
                domain="ai.onnx.ml",
                imputed_value_floats=[float(mode) for mode in pipeline[IMPUTER].statistics_],
                replaced_value_float=float("nan"),
            ),
            # In double, so that summing 300 leaves does not use up the tolerance: float32 came within 8e-7 of 1e-6.
            helper.make_node("Cast", ["imputed"], ["precise"], to=TensorProto.DOUBLE),
            _ensemble(nodes),
            helper.make_node("Reshape", ["summed", "one_axis"], [GRAPH_OUTPUT]),
        ],
        "accident_severity",
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info(GRAPH_OUTPUT, TensorProto.DOUBLE, [None])],
        [numpy_helper.from_array(np.array([-1], dtype=np.int64), "one_axis")],
    )
    opsets = [helper.make_opsetid("", ONNX_OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _ensemble(nodes: _Nodes) -> onnx.NodeProto:
    return helper.make_node(
        "TreeEnsemble",
        ["precise"],
        ["summed"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=_SUM,
        post_transform=_IDENTITY,
        tree_roots=nodes.roots,
        nodes_featureids=nodes.feature,
        nodes_splits=numpy_helper.from_array(nodes.split, "splits"),
        nodes_modes=numpy_helper.from_array(np.full(len(nodes.feature), _LESS_OR_EQUAL, dtype=np.uint8), "modes"),
        nodes_truenodeids=nodes.true_child,
        nodes_trueleafs=nodes.true_is_leaf,
        nodes_falsenodeids=nodes.false_child,
        nodes_falseleafs=nodes.false_is_leaf,
        leaf_targetids=np.zeros(len(nodes.leaf_weight), dtype=np.int64),
        leaf_weights=numpy_helper.from_array(nodes.leaf_weight, "weights"),
    )


def _collect(forest: RandomForestClassifier, scaler: StandardScaler) -> _Nodes:
    parts: dict[str, list[npt.NDArray[np.int64] | npt.NDArray[np.float64]]] = {
        name: [] for name in ("feature", "split", "true_child", "true_leaf", "false_child", "false_leaf", "weight")
    }
    roots: list[int] = []
    inner_before = leaves_before = 0
    for estimator in forest.estimators_:
        tree = estimator.tree_
        inner = tree.children_left >= 0
        if not inner[0]:
            raise ValueError("a tree of the forest has no split, so it learned nothing; train on more rows")
        # An index among inner nodes where the node splits, among leaves where it does not.
        number = np.where(inner, np.cumsum(inner) - 1 + inner_before, np.cumsum(~inner) - 1 + leaves_before)
        left, right = tree.children_left[inner], tree.children_right[inner]
        parts["feature"].append(tree.feature[inner])
        parts["split"].append(_fold(tree.feature[inner], tree.threshold[inner], scaler))
        parts["true_child"].append(number[left])
        parts["true_leaf"].append((~inner[left]).astype(np.int64))
        parts["false_child"].append(number[right])
        parts["false_leaf"].append((~inner[right]).astype(np.int64))
        share = tree.value[~inner, 0, 1] / tree.value[~inner, 0, :].sum(axis=1)
        parts["weight"].append(share / len(forest.estimators_))
        roots.append(inner_before)
        inner_before += int(inner.sum())
        leaves_before += int((~inner).sum())
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    return _Nodes(
        feature=joined["feature"].astype(np.int64),
        split=joined["split"].astype(np.float64),
        true_child=joined["true_child"].astype(np.int64),
        true_is_leaf=joined["true_leaf"].astype(np.int64),
        false_child=joined["false_child"].astype(np.int64),
        false_is_leaf=joined["false_leaf"].astype(np.int64),
        roots=np.array(roots, dtype=np.int64),
        leaf_weight=joined["weight"].astype(np.float64),
    )


def _fold(
    features: npt.NDArray[np.int64], thresholds: npt.NDArray[np.float64], scaler: StandardScaler
) -> npt.NDArray[np.float64]:
    """Turn thresholds on scaled values into thresholds on codes that send every code the same way.

    The pipeline scales float32 in float32, and a code can fall on a threshold to the last bit (2, between 1 and 3), so
    the very scaler is asked, in its own precision, where each code goes.
    """
    folded = np.empty(len(thresholds), dtype=np.float64)
    for position, feature in enumerate(FEATURES):
        here = features == position
        codes = np.arange(max(feature.values) + 1)
        matrix = np.zeros((len(codes), len(FEATURES)), dtype=np.float32)
        matrix[:, position] = codes
        scaled = scaler.transform(matrix)[:, position].astype(np.float64)
        goes_left = np.searchsorted(scaled, thresholds[here], side="right")
        folded[here] = goes_left - 0.5
    return folded
