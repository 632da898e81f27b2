"""Exports the trained boosting as an ONNX graph with equal answers.

The graph has two ensembles of trees, each scaled to calibrated log-odds: one for rows without any optional field, the
other for all other rows. A split on a category tests whether the code is in the set that goes left. scikit-learn stores
these sets as bits over its own numbering of the codes, which is translated here. As in scikit-learn, a code that no
training row had goes where unknown values go.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier

from road_assets.core.bundle import GRAPH_INPUT
from road_assets.core.calibration import PlattScaling
from road_assets.core.onnx_trees import scale, to_bytes, to_rows, tree_sum
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.tree_nodes import LESS_OR_EQUAL, MEMBER, NodeCollector, Nodes
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES

Scaled = tuple[HistGradientBoostingClassifier, PlattScaling]
"""Trees, and the scaling of their log-odds."""

_WORD: Final = 32
"""Bits of one word of a set."""

_NO_CODE: Final = -2.0
"""Member of the set of a split at which only unknown values go left: the operator needs at least one member."""

_CODES: Final[dict[int, tuple[int, ...]]] = {
    **{MODEL_FIELDS.index(feature.name): tuple(sorted(feature.values)) for feature in FEATURES},
    **{MODEL_FIELDS.index(field.name): tuple(sorted(field.values)) for field in SCENE_FIELDS},
}


@dataclass(frozen=True, slots=True)
class _Columns:
    """scikit-learn's numbering of columns and codes inside its trees: categorical columns first, codes from 0.

    Attributes:
        original: input column of each inner column.
        codes: for each inner categorical column, the code of each number.
    """

    original: npt.NDArray[np.intp]
    codes: tuple[npt.NDArray[np.float64], ...]

    @classmethod
    def of(cls, trees: HistGradientBoostingClassifier) -> "_Columns":
        categorical = np.asarray(trees.is_categorical_, dtype=bool)
        original = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
        encoder = trees._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - not public, pinned and tested
        return cls(original, tuple(np.asarray(codes, dtype=np.float64) for codes in encoder.categories_))

    def members(self, column: int, bits: npt.NDArray[np.uint32], *, missing_goes_left: bool) -> tuple[float, ...]:
        """The codes that go left at a split of an inner column."""
        known = self.codes[column]
        left = {
            float(code)
            for number, code in enumerate(known)
            if not np.isnan(code) and bits[number // _WORD] >> np.uint32(number % _WORD) & 1
        }
        if missing_goes_left:
            left |= {float(code) for code in _CODES[int(self.original[column])]} - set(known.tolist())
        return tuple(sorted(left)) or (_NO_CODE,)


def to_graph(alone: Scaled, scene: Scaled | None) -> bytes:
    """Export both ensembles.

    Args:
        alone: answers rows without an optional field.
        scene: answers the others; None for a model of the 13 features.

    Returns:
        Serialized ONNX model: input ``features`` float32 with NaN where unknown, (rows, 27), or (rows, 13) without
        ``scene``; output ``probability`` float64 (rows,).
    """
    operators = [helper.make_node("Cast", [GRAPH_INPUT], ["precise"], to=TensorProto.DOUBLE)]
    constants: list[onnx.TensorProto] = []
    chosen = "alone"
    for name, part in (("alone", alone), ("scene", scene)):
        if part is not None:
            made, numbers = _log_odds(name, *part)
            operators += made
            constants += numbers
    if scene is not None:
        made, numbers = _choose()
        operators += made
        constants += numbers
        chosen = "chosen"
    operators.append(helper.make_node("Sigmoid", [chosen], ["probability_column"]))
    last, axes = to_rows("probability_column")
    columns = len(FEATURE_NAMES) if scene is None else len(MODEL_FIELDS)
    return to_bytes([*operators, *last], [*constants, *axes], columns=columns)


def gains_of(trees: HistGradientBoostingClassifier) -> npt.NDArray[np.float64]:
    """Sum of the gain of all splits on each column of the input; shape (columns,)."""
    columns = _Columns.of(trees)
    gains = np.zeros(len(columns.original))
    for nodes in _trees_of(trees):
        inner = nodes[nodes["is_leaf"] == 0]
        np.add.at(gains, columns.original[inner["feature_idx"]], inner["gain"])
    return gains


def base_of(trees: HistGradientBoostingClassifier) -> float:
    """Log-odds to which the trees are added."""
    return float(np.asarray(trees._baseline_prediction).item())  # noqa: SLF001 - not public, pinned and tested


def _log_odds(
    name: str, trees: HistGradientBoostingClassifier, scaling: PlattScaling
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    scaled, constants = scale(f"{name}_sum", name, scaling, base=base_of(trees))
    return [tree_sum(to_nodes(trees), "precise", f"{name}_sum"), *scaled], constants


def _choose() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Take ``scene`` for rows with any optional field, else ``alone``."""
    numbers = {"first_optional": [len(FEATURE_NAMES)], "past_last": [len(MODEL_FIELDS)], "along_columns": [1]}
    operators = [
        helper.make_node("Slice", [GRAPH_INPUT, "first_optional", "past_last", "along_columns"], ["optional"]),
        helper.make_node("IsNaN", ["optional"], ["is_unknown"]),
        helper.make_node("Cast", ["is_unknown"], ["unknown"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["unknown", "along_columns"], ["all_unknown"], keepdims=1),
        helper.make_node("Cast", ["all_unknown"], ["tells_nothing"], to=TensorProto.BOOL),
        helper.make_node("Where", ["tells_nothing", "alone", "scene"], ["chosen"]),
    ]
    return operators, [
        numpy_helper.from_array(np.array(values, dtype=np.int64), name) for name, values in numbers.items()
    ]


def _trees_of(trees: HistGradientBoostingClassifier) -> list[npt.NDArray[Any]]:
    return [tree.nodes for (tree,) in trees._predictors]  # noqa: SLF001 - not public, pinned and tested


def to_nodes(trees: HistGradientBoostingClassifier) -> Nodes:
    """The trees as arrays, columns and codes numbered as in the model's input."""
    columns = _Columns.of(trees)
    collector = NodeCollector()
    for (tree,) in trees._predictors:  # noqa: SLF001 - not public, pinned and tested
        nodes = _with_a_split(tree.nodes)
        is_leaf = nodes["is_leaf"].astype(bool)
        inner = nodes[~is_leaf]
        collector.add(
            is_leaf,
            (inner["left"], inner["right"]),
            nodes["count"].astype(np.float64),
            members=_members(columns, inner, tree.raw_left_cat_bitsets),
            feature=columns.original[inner["feature_idx"]],
            split=np.where(inner["is_categorical"], 0.0, inner["num_threshold"]),
            mode=np.where(inner["is_categorical"], MEMBER, LESS_OR_EQUAL),
            missing_is_true=inner["missing_go_to_left"],
            leaf_weight=nodes["value"][is_leaf],
        )
    return collector.nodes()


def _members(columns: _Columns, inner: npt.NDArray[Any], bitsets: npt.NDArray[np.uint32]) -> list[tuple[float, ...]]:
    """The codes that go left at each categorical split."""
    return [
        columns.members(
            int(node["feature_idx"]),
            bitsets[node["bitset_idx"]],
            missing_goes_left=bool(node["missing_go_to_left"]),
        )
        for node in inner[inner["is_categorical"].astype(bool)]
    ]


def _with_a_split(nodes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give a tree of a single leaf a split with that leaf on both sides: the operator's trees start with a split."""
    if len(nodes) > 1:
        return nodes
    split = np.zeros(2, dtype=nodes.dtype)
    split[1] = nodes[0]
    split[0]["left"] = split[0]["right"] = 1
    return split
