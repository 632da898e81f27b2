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
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from road_assets.core.bundle import GRAPH_INPUT
from road_assets.core.calibration import PlattScaling
from road_assets.core.forest_pipeline import FOREST, IMPUTER, SCALER
from road_assets.core.onnx_trees import ML, constant, scale, to_bytes, to_rows, tree_sum
from road_assets.core.tree_nodes import LESS_OR_EQUAL, NodeCollector, Nodes
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
    forest = pipeline[FOREST]
    collector = NodeCollector()
    for estimator in forest.estimators_:
        tree = estimator.tree_
        is_leaf = tree.children_left < 0
        if is_leaf[0]:
            raise ValueError("a tree of the forest has no split, so it learned nothing; train on more rows")
        inner = ~is_leaf
        share = tree.value[is_leaf, 0, 1] / tree.value[is_leaf, 0, :].sum(axis=1)
        collector.add(
            is_leaf,
            (tree.children_left[inner], tree.children_right[inner]),
            tree.weighted_n_node_samples,
            feature=tree.feature[inner],
            split=_fold(tree.feature[inner], tree.threshold[inner], pipeline[SCALER]),
            mode=np.full(int(inner.sum()), LESS_OR_EQUAL),
            missing_is_true=np.zeros(int(inner.sum())),  # the imputer leaves none
            leaf_weight=share / len(forest.estimators_),
        )
    return collector.nodes()


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
