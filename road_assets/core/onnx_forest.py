"""Exports the trained forest as an ONNX graph with equal answers.

Why not skl2onnx: for this forest its graph has 66 MB and takes 23 s to make, and rounding at thresholds that equal a
code changed probabilities by up to 0.036. Here the scaler is folded into the thresholds exactly: features are codes, so
each threshold becomes the mid-point between the last code that goes left and the next integer. The operator
``TreeEnsemble`` (ai.onnx.ml, version 5) then needs 27 MB in double precision, and agrees to 1e-14.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from road_assets.core.bundle import GRAPH_INPUT
from road_assets.core.calibration import PlattScaling
from road_assets.core.forest_pipeline import FOREST, IMPUTER, SCALER
from road_assets.core.onnx_trees import ML, constant, scale, to_bytes, to_rows, tree_sum
from road_assets.core.tree_nodes import LESS_OR_EQUAL, Nodes, share_of_rows
from road_assets.core.vocabulary import FEATURES

SHARE_LIMIT: Final = 1e-4
"""A share of trees is clipped to this distance from 0 and 1 before its log-odds, which would be infinite there."""


def to_graph(pipeline: Pipeline, scaling: PlattScaling | None = None) -> bytes:
    """Export imputation, standardisation and forest.

    Args:
        pipeline: fitted by ``forest_pipeline.fit_forest``.
        scaling: of the log-odds, if the forest is calibrated.

    Returns:
        Serialized ONNX model: input ``features`` float32 (rows, 13) with NaN where unknown, output ``probability``
        float64 (rows,), the share of severe injuries.

    Raises:
        ValueError: a tree never splits, because its rows were too few or all alike.
    """
    nodes = to_nodes(pipeline)
    operators = [
        helper.make_node(
            "Imputer",
            [GRAPH_INPUT],
            ["imputed"],
            domain=ML,
            imputed_value_floats=[float(mode) for mode in pipeline[IMPUTER].statistics_],
            replaced_value_float=float("nan"),
        ),
        helper.make_node("Cast", ["imputed"], ["precise"], to=TensorProto.DOUBLE),
        tree_sum(nodes, "precise", "share"),
    ]
    constants = []
    if scaling is not None:
        scaled, numbers = scale("log_odds", "calibrated", scaling)
        operators += [
            helper.make_node("Clip", ["share", "lowest", "highest"], ["inside"]),
            helper.make_node("Sub", ["one", "inside"], ["other_share"]),
            helper.make_node("Div", ["inside", "other_share"], ["odds"]),
            helper.make_node("Log", ["odds"], ["log_odds"]),
            *scaled,
            helper.make_node("Sigmoid", ["calibrated"], ["probability_column"]),
        ]
        constants += [
            constant("one", 1.0),
            constant("lowest", SHARE_LIMIT),
            constant("highest", 1 - SHARE_LIMIT),
            *numbers,
        ]
    last, axes = to_rows("share" if scaling is None else "probability_column")
    return to_bytes([*operators, *last], [*constants, *axes], columns=len(FEATURES))


def to_nodes(pipeline: Pipeline) -> Nodes:
    """The trees as arrays, with the scaler folded into the thresholds; they take codes without unknown values.

    Raises:
        ValueError: a tree never splits, because its rows were too few or all alike.
    """
    return _collect(pipeline[FOREST], pipeline[SCALER])


def _collect(forest: RandomForestClassifier, scaler: StandardScaler) -> Nodes:
    parts: dict[str, list[npt.NDArray[np.int64] | npt.NDArray[np.float64]]] = {
        name: []
        for name in ("feature", "split", "true_child", "true_leaf", "false_child", "false_leaf", "weight", "rows")
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
        rows = tree.weighted_n_node_samples
        parts["rows"].append(share_of_rows(rows[left], rows[right]))
        share = tree.value[~inner, 0, 1] / tree.value[~inner, 0, :].sum(axis=1)
        parts["weight"].append(share / len(forest.estimators_))
        roots.append(inner_before)
        inner_before += int(inner.sum())
        leaves_before += int((~inner).sum())
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    return Nodes(
        feature=joined["feature"].astype(np.int64),
        split=joined["split"].astype(np.float64),
        true_child=joined["true_child"].astype(np.int64),
        true_is_leaf=joined["true_leaf"].astype(np.int64),
        false_child=joined["false_child"].astype(np.int64),
        false_is_leaf=joined["false_leaf"].astype(np.int64),
        roots=np.array(roots, dtype=np.int64),
        leaf_weight=joined["weight"].astype(np.float64),
        mode=np.full(len(joined["feature"]), LESS_OR_EQUAL, dtype=np.uint8),
        missing_is_true=np.zeros(len(joined["feature"]), dtype=np.int64),  # the imputer leaves none
        true_share=joined["rows"].astype(np.float64),
    )


def _fold(
    features: npt.NDArray[np.int64], thresholds: npt.NDArray[np.float64], scaler: StandardScaler
) -> npt.NDArray[np.float64]:
    """Turn thresholds on scaled values into thresholds on codes that send every code the same way.

    The pipeline scales in float32, and a scaled code can equal a threshold to the last bit (as 2, between 1 and 3).
    Therefore the pipeline's own scaler decides, in its own precision, on which side each code is.
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
