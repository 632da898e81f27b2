"""A bundle answers as its pipeline did."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import (
    ANSWERS_FILE,
    BUNDLE_FILES,
    GRAPH_FILE,
    GRAPH_INPUT,
    GRAPH_OUTPUT,
    MANIFEST_FILE,
    Bundle,
    BundleError,
    FeatureMatrix,
    pack,
    read_manifest,
)
from road_assets.core.model_input import known_questions
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.core.altered_bundles import QUESTIONS, Files, with_manifest
from road_assets_tests.core.core_frames import ask_pipeline, make_facts


def test_an_opened_bundle_answers_as_the_pipeline_did(small_pipeline: Pipeline, files: Files) -> None:
    rows = known_questions(300, seed=2)
    answers = Bundle.open(files).predict(rows)
    assert answers.shape == (300,)
    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, ask_pipeline(small_pipeline, rows), rtol=0, atol=1e-9)


def test_one_row_many_rows_and_none_can_be_asked(files: Files) -> None:
    bundle = Bundle.open(files)
    together = bundle.predict(QUESTIONS)
    assert [bundle.predict(row[None, :]).item() for row in QUESTIONS] == pytest.approx(together.tolist(), abs=1e-12)
    assert bundle.predict(QUESTIONS[:0]).shape == (0,)


def test_the_threads_of_a_call_change_no_answer(files: Files) -> None:
    one, two = Bundle.open(files), Bundle.open(files, threads=2)
    assert [bundle.session.get_session_options().intra_op_num_threads for bundle in (one, two)] == [1, 2]
    np.testing.assert_allclose(one.predict(QUESTIONS), two.predict(QUESTIONS), rtol=0, atol=1e-12)


def test_several_threads_may_ask_one_bundle_at_once(files: Files) -> None:
    bundle = Bundle.open(files)
    expected = bundle.predict(QUESTIONS).tolist()
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(bundle.predict, [QUESTIONS] * 40):
            assert answers.tolist() == expected


def test_the_manifest_tells_the_facts_and_the_hashes_of_the_other_files(files: Files) -> None:
    manifest = read_manifest(files)
    assert manifest.model_dump(exclude={"format", "sha256"}) == make_facts().model_dump()
    assert manifest.format == 1
    assert manifest.sha256 == {name: hashlib.sha256(files[name]).hexdigest() for name in BUNDLE_FILES[1:]}
    assert Bundle.open(files).manifest == manifest
    assert read_manifest({MANIFEST_FILE: files[MANIFEST_FILE]}) == manifest, "the manifest can be read alone"


def test_a_bundle_is_two_json_files_and_a_graph_and_nothing_to_unpickle(files: Files) -> None:
    assert tuple(files) == BUNDLE_FILES
    known = json.loads(files[ANSWERS_FILE])
    onnx.checker.check_model(onnx.load_from_string(files[GRAPH_FILE]))
    assert len(known["features"]) == len(known["probability"]) == len(QUESTIONS)
    asked = np.array(known["features"], dtype=np.float32)
    np.testing.assert_array_equal(asked, QUESTIONS)


def known_beside(rows: FeatureMatrix, value: float) -> FeatureMatrix:
    return np.concatenate([rows, np.full((len(rows), len(SCENE_FIELDS)), value, dtype=np.float32)], axis=1)


def test_a_model_of_the_features_does_not_see_the_optional_fields(files: Files) -> None:
    bundle = Bundle.open(files)
    expected = bundle.predict(QUESTIONS).tolist()
    for value in (float("nan"), 5.0):
        assert bundle.predict(known_beside(QUESTIONS, value)).tolist() == expected


def test_a_model_of_all_fields_takes_those_that_are_not_given_for_unknown() -> None:
    graph, facts = wide_graph(), make_facts(features=MODEL_FIELDS)
    unknown, known = known_beside(QUESTIONS, float("nan")), known_beside(QUESTIONS, 3.0)
    asked = ort.InferenceSession(graph)
    answers = [asked.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})[0] for rows in (unknown, known)]
    bundle = Bundle.open(pack(graph, known, answers[1], facts))
    np.testing.assert_allclose(bundle.predict(QUESTIONS), answers[0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(bundle.predict(known), answers[1], rtol=0, atol=1e-7)
    assert not np.allclose(*answers)


@pytest.mark.parametrize("added", [len(FEATURE_NAMES), 20, len(MODEL_FIELDS) - 1])
def test_a_model_of_an_earlier_version_is_not_shown_a_field_that_was_added_since(added: int) -> None:
    fields = MODEL_FIELDS[:added] + MODEL_FIELDS[added + 1 :]
    graph, whole = wide_graph(len(fields)), known_beside(QUESTIONS, float("nan"))
    whole[:, len(FEATURE_NAMES) :] = np.arange(whole[:, len(FEATURE_NAMES) :].size).reshape(len(whole), -1) % 7
    own = np.delete(whole, added, axis=1)
    (answers,) = ort.InferenceSession(graph).run([GRAPH_OUTPUT], {GRAPH_INPUT: own})
    bundle = Bundle.open(pack(graph, own, answers, make_facts(features=fields)))
    np.testing.assert_allclose(bundle.predict(whole), answers, rtol=0, atol=1e-7)
    np.testing.assert_allclose(bundle.predict(own), answers, rtol=0, atol=1e-7)
    assert len(set(answers.tolist())) > 1
    assert (bundle.scorer, bundle.explainer) == (None, None), "both read today's columns"


def test_a_model_of_a_field_that_this_version_does_not_know_is_refused() -> None:
    fields = (*MODEL_FIELDS[:-1], "weather_of_yesterday")
    graph, rows = wide_graph(), known_beside(QUESTIONS, 1.0)
    (answers,) = ort.InferenceSession(graph).run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})
    with pytest.raises(BundleError, match=r"weather_of_yesterday.* promote a model trained by this version"):
        Bundle.open(pack(graph, rows, answers, make_facts(features=fields)))


def test_rows_of_another_width_are_refused(files: Files) -> None:
    bundle = Bundle.open(files)
    for width in (0, 12, 14, 28):
        with pytest.raises(ValueError, match=rf"the rows have {width} columns; they must have 13 .* or 27"):
            bundle.predict(np.zeros((2, width), dtype=np.float32))


def test_known_answers_of_another_width_than_the_manifest_s_are_refused(files: Files) -> None:
    with pytest.raises(BundleError, match=r"holds questions of shape \(40, 13\)"):
        Bundle.open(with_manifest(files, features=MODEL_FIELDS))


def wide_graph(columns: int = len(MODEL_FIELDS)) -> bytes:
    """A model of all fields, or of so many: the sigmoid of a weighted sum, unknown counting as 0."""
    constants: dict[str, Any] = {
        "zero": np.zeros(1, np.float32),
        "weights": np.linspace(-0.02, 0.05, columns, dtype=np.float32).reshape(-1, 1),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("IsNaN", [GRAPH_INPUT], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", GRAPH_INPUT], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], [GRAPH_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(GRAPH_INPUT, onnx.TensorProto.FLOAT, [None, columns])
    asked = helper.make_tensor_value_info(GRAPH_OUTPUT, onnx.TensorProto.FLOAT, [None])
    stored = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "wide", [given], [asked], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
