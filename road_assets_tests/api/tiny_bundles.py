"""Tiny ONNX bundles for the service's tests, and their answers without any of our code."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT, FeatureMatrix, pack
from road_assets.core.manifest import Facts, Window
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, MODEL_NAME, SCENE_EXAMPLE

QUESTIONS = np.array([list(SCENE_EXAMPLE.values()), [np.nan] * len(FEATURE_NAMES)], dtype=np.float32)


def _make_graph(bias: float, width: int) -> bytes:
    """Make a model: the sigmoid of a weighted sum, unknown counting as 0, moved up or down by a bias."""
    weights = np.linspace(-0.1, 0.1, width, dtype=np.float32).reshape(-1, 1)
    constants: dict[str, np.ndarray[Any, Any]] = {
        "zero": np.zeros(1, np.float32),
        "weights": weights,
        "bias": np.array([bias], np.float32),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("IsNaN", [GRAPH_INPUT], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", GRAPH_INPUT], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "bias"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], [GRAPH_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, width])
    asked = helper.make_tensor_value_info(GRAPH_OUTPUT, TensorProto.FLOAT, [None])
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [given], [asked], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def ask_tiny_graph(graph: bytes, rows: FeatureMatrix) -> list[float]:
    """Run a graph without any of our code."""
    (answers,) = ort.InferenceSession(graph).run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})
    return [float(answer) for answer in answers]


def make_tiny_bundle(bias: float, **facts: Any) -> dict[str, bytes]:
    """Make a good bundle; the example's probability rises with the bias."""
    width = len(facts.get("features", FEATURE_NAMES))
    graph, questions = _make_graph(bias, width), QUESTIONS[:, [*range(len(FEATURE_NAMES)), *[-1] * (width - 13)]]
    known = Facts.model_validate(
        {
            "model_name": MODEL_NAME,
            "features": FEATURE_NAMES,
            "threshold": 0.5,
            "data": DATA_DEMONSTRATION,
            "training_window": Window(first_day=date(2024, 1, 1), last_day=date(2024, 8, 31)),
            "evaluation_window": Window(first_day=date(2024, 9, 1), last_day=date(2024, 10, 31)),
            "metrics": {"roc_auc": 0.75},
            "code_version": "0",
            "libraries": {},
            "created_at": datetime(2024, 11, 1, tzinfo=UTC),
            **facts,
        }
    )
    return pack(graph, questions, ask_tiny_graph(graph, questions), known)
