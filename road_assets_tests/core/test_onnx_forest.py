"""The graph answers as the pipeline does, whatever is asked and whatever was learned."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT, FeatureMatrix
from road_assets.core.forest_pipeline import FOREST, SCALER
from road_assets.core.onnx_forest import to_graph
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import ask_pipeline, draw_codes_frame, fit_small

AGREEMENT = 1e-9

ONLY: dict[str, Mapping[str, Sequence[int]]] = {
    "every code": {},
    "gaps whose middle is a code": {
        feature.name: [1, 3] for feature in FEATURES if {1, 2, 3} <= {code.value for code in feature.codes}
    },
    "gaps whose middle is no code": {"trajet": [5, 9], "situ": [6, 8], "catr": [7, 9], "atm": [5, 9], "vosp": [0, 3]},
    "gaps of several widths": {"trajet": [0, 9], "surf": [1, 2, 9], "col": [1, 4, 7], "lum": [1, 5], "situ": [0, 1, 8]},
    "one feature varies": {feature.name: [max(feature.values)] for feature in FEATURES if feature.name != "col"},
    "one feature varies between two codes": {
        feature.name: [1] if feature.name != "lum" else [1, 3] for feature in FEATURES
    },
}


def ask_graph(graph: bytes, rows: FeatureMatrix, *, threads: int = 1) -> npt.NDArray[np.float64]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    (answers,) = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})
    return np.asarray(answers)


def make_questions(*, seed: int, rows: int = 600) -> FeatureMatrix:
    """Every integer up to a feature's greatest code, whether a code or not, and unknowns; alone and together."""
    rng = np.random.default_rng(seed)
    random = np.column_stack([rng.integers(0, max(feature.values) + 1, size=rows) for feature in FEATURES])
    one_by_one = [
        np.where(np.arange(len(FEATURES)) == position, code, base)
        for position, feature in enumerate(FEATURES)
        for code in range(max(feature.values) + 1)
        for base in random[:3]
    ]
    questions = np.concatenate([random, np.array(one_by_one)]).astype(np.float32)
    questions[: rows // 2][rng.random((rows // 2, len(FEATURES))) < 0.15] = np.nan
    questions[rows // 2] = np.nan
    return questions


def worst_difference(pipeline: Pipeline, *, seed: int = 1) -> float:
    questions = make_questions(seed=seed)
    answers = ask_graph(to_graph(pipeline), questions)
    assert answers.shape == (len(questions),)
    return float(np.abs(answers - ask_pipeline(pipeline, questions)).max())


@pytest.mark.parametrize("kind", ONLY)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_graph_and_pipeline_agree_on_every_code_and_on_unknowns(kind: str, seed: int) -> None:
    pipeline = fit_small(draw_codes_frame(500, seed=seed, only=ONLY[kind]), trees=8, seed=seed)
    assert worst_difference(pipeline, seed=seed) <= AGREEMENT


@settings(max_examples=15)
@given(data=st.data(), rows=st.integers(40, 300), seed=st.integers(0, 1000))
def test_they_agree_whichever_codes_were_learned(data: st.DataObject, rows: int, seed: int) -> None:
    only = {
        feature.name: sorted(data.draw(st.sets(st.sampled_from(sorted(feature.values)), min_size=1)))
        for feature in FEATURES
    }
    only["catu"] = [1, 3]  # one that splits, so that every tree can learn something
    codes = draw_codes_frame(rows, seed=seed, only=only, unknown=0.02)
    pipeline = fit_small(codes.assign(**{TARGET: (codes["catu"] == 3).astype("int8")}), trees=3, seed=seed)
    assert worst_difference(pipeline, seed=seed) <= AGREEMENT


def test_a_code_that_meets_a_threshold_goes_where_the_pipeline_sends_it() -> None:
    met = 0
    for low, high in ((5, 9), (1, 3), (1, 5), (0, 2), (3, 5)):
        codes = draw_codes_frame(300, only={"trajet": [low, high], **{name: [1] for name in FEATURE_NAMES[3:]}})
        rows = codes.assign(**{TARGET: (codes["trajet"] == high).astype("int8")})
        pipeline = fit_small(rows, trees=20, seed=low)
        questions = np.ones((3, len(FEATURES)), dtype=np.float32)
        questions[:, FEATURE_NAMES.index("trajet")] = [low, (low + high) / 2, high]
        scaled = pipeline[SCALER].transform(questions)[1, FEATURE_NAMES.index("trajet")]
        met += sum(np.isclose(tree.tree_.threshold, scaled, atol=1e-6).any() for tree in pipeline[FOREST].estimators_)
        np.testing.assert_allclose(
            ask_graph(to_graph(pipeline), questions), ask_pipeline(pipeline, questions), rtol=0, atol=AGREEMENT
        )
    assert met > 50, "no code met a threshold, so this test shows nothing"


def test_a_feature_that_was_never_recorded_is_imputed_alike() -> None:
    pipeline = fit_small(draw_codes_frame(400).assign(surf=UNKNOWN_CODE))
    assert worst_difference(pipeline) <= AGREEMENT


def test_a_deep_forest_of_many_trees_agrees() -> None:
    pipeline = fit_small(draw_codes_frame(2500, unknown=0.03), trees=60)
    assert max(tree.get_depth() for tree in pipeline[FOREST].estimators_) == 15
    assert worst_difference(pipeline) <= AGREEMENT


def test_an_answer_depends_neither_on_its_neighbours_nor_on_threads() -> None:
    graph = to_graph(fit_small(draw_codes_frame(400)))
    questions = make_questions(seed=4, rows=60)
    together = ask_graph(graph, questions)
    alone = np.concatenate([ask_graph(graph, row[None, :]) for row in questions[:20]])
    np.testing.assert_allclose(alone, together[:20], rtol=0, atol=AGREEMENT)
    np.testing.assert_allclose(ask_graph(graph, questions, threads=2), together, rtol=0, atol=AGREEMENT)


def test_the_graph_names_its_input_and_output_and_computes_in_double() -> None:
    model = onnx.load_from_string(to_graph(fit_small(draw_codes_frame(300))))
    onnx.checker.check_model(model, full_check=True)
    (given_in,), (answer,) = model.graph.input, model.graph.output
    assert (given_in.name, given_in.type.tensor_type.elem_type) == (GRAPH_INPUT, TensorProto.FLOAT)
    assert given_in.type.tensor_type.shape.dim[1].dim_value == len(FEATURES)
    assert (answer.name, answer.type.tensor_type.elem_type) == (GRAPH_OUTPUT, TensorProto.DOUBLE)
    (ensemble,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    tensors = {attribute.name: attribute.t for attribute in ensemble.attribute if attribute.HasField("t")}
    assert {tensors[name].data_type for name in ("nodes_splits", "leaf_weights")} == {TensorProto.DOUBLE}
    splits = numpy_helper.to_array(tensors["nodes_splits"])
    assert set(splits % 1) == {0.5}, "every threshold lies between two integers"


def make_alike_rows() -> pd.DataFrame:
    """Rows that all ask the same and end differently, so that nothing can be split."""
    rows = draw_codes_frame(50)
    return rows.assign(**dict.fromkeys(FEATURE_NAMES, 1), **{TARGET: (rows.index % 2).astype("int8")})


def test_a_tree_that_never_splits_is_refused() -> None:
    with pytest.raises(ValueError, match="a tree of the forest has no split, so it learned nothing; train on more"):
        to_graph(fit_small(make_alike_rows()))
