"""A bundle answers as its pipeline did, or does not open."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import (
    ANSWER_TOLERANCE,
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
from road_assets.core.onnx_graph import to_graph
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.training import known_questions
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.core.core_frames import ask_pipeline, draw_codes_frame, fit_small, make_facts

Files = dict[str, bytes]
QUESTIONS = known_questions(40, seed=1)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return fit_small(draw_codes_frame(500))


@pytest.fixture(scope="module")
def packed(pipeline: Pipeline) -> Files:
    return pack(to_graph(pipeline), QUESTIONS, ask_pipeline(pipeline, QUESTIONS), make_facts())


@pytest.fixture
def files(packed: Files) -> Files:
    return dict(packed)


def seal(files: Files) -> Files:
    """Write the right hashes into the manifest, as somebody would who alters a bundle on purpose."""
    manifest = json.loads(files[MANIFEST_FILE])
    manifest["sha256"] = {name: hashlib.sha256(files[name]).hexdigest() for name in (GRAPH_FILE, ANSWERS_FILE)}
    return {**files, MANIFEST_FILE: json.dumps(manifest).encode()}


def with_known(files: Files, change: Callable[[dict[str, Any]], None]) -> Files:
    known = json.loads(files[ANSWERS_FILE])
    change(known)
    return seal({**files, ANSWERS_FILE: json.dumps(known).encode()})


def with_graph(files: Files, change: Callable[[onnx.ModelProto], None]) -> Files:
    model = onnx.load_from_string(files[GRAPH_FILE])
    change(model)
    return seal({**files, GRAPH_FILE: model.SerializeToString()})


def with_manifest(files: Files, **changes: Any) -> Files:
    return {**files, MANIFEST_FILE: json.dumps(json.loads(files[MANIFEST_FILE]) | changes).encode()}


# --- good bundles


def test_an_opened_bundle_answers_as_the_pipeline_did(pipeline: Pipeline, files: Files) -> None:
    rows = known_questions(300, seed=2)
    answers = Bundle.open(files).predict(rows)
    assert answers.shape == (300,)
    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, ask_pipeline(pipeline, rows), rtol=0, atol=1e-9)


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


def test_rows_of_another_width_are_refused(files: Files) -> None:
    bundle = Bundle.open(files)
    for width in (0, 12, 14, 28):
        with pytest.raises(ValueError, match=rf"the rows have {width} columns; they must have 13 .* or 27"):
            bundle.predict(np.zeros((2, width), dtype=np.float32))


def test_known_answers_of_another_width_than_the_manifest_s_are_refused(files: Files) -> None:
    with pytest.raises(BundleError, match=r"holds questions of shape \(40, 13\)"):
        Bundle.open(with_manifest(files, features=MODEL_FIELDS))


def wide_graph() -> bytes:
    """A model of all fields: the sigmoid of a weighted sum, unknown counting as 0."""
    constants: dict[str, Any] = {
        "zero": np.zeros(1, np.float32),
        "weights": np.linspace(-0.02, 0.05, len(MODEL_FIELDS), dtype=np.float32).reshape(-1, 1),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("IsNaN", [GRAPH_INPUT], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", GRAPH_INPUT], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], [GRAPH_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(GRAPH_INPUT, onnx.TensorProto.FLOAT, [None, len(MODEL_FIELDS)])
    asked = helper.make_tensor_value_info(GRAPH_OUTPUT, onnx.TensorProto.FLOAT, [None])
    stored = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "wide", [given], [asked], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


# --- damage


@settings(max_examples=30)
@given(data=st.data(), name=st.sampled_from([GRAPH_FILE, ANSWERS_FILE]), bit=st.integers(0, 7))
def test_a_single_flipped_bit_is_found(packed: Files, data: st.DataObject, name: str, bit: int) -> None:
    content = bytearray(packed[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
    with pytest.raises(BundleError, match=f"{name} is damaged: SHA-256 .* the manifest says"):
        Bundle.open({**packed, name: bytes(content)})


def test_a_file_that_was_cut_off_is_found(files: Files) -> None:
    files[GRAPH_FILE] = files[GRAPH_FILE][:-1]
    with pytest.raises(BundleError, match=r"model\.onnx is damaged"):
        Bundle.open(files)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_a_missing_file_is_named_with_what_is_there(files: Files, name: str) -> None:
    del files[name]
    with pytest.raises(BundleError, match=rf"{name}; it holds \['"):
        Bundle.open(files)


def test_a_file_whose_hash_the_manifest_lacks_is_not_trusted(files: Files) -> None:
    with pytest.raises(BundleError, match=r"the bundle or its manifest lacks model\.onnx"):
        Bundle.open(with_manifest(files, sha256={ANSWERS_FILE: read_manifest(files).sha256[ANSWERS_FILE]}))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff\xfe", b"[1]"])
def test_a_manifest_that_is_none_is_refused(files: Files, content: bytes) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json does not parse"):
        Bundle.open({**files, MANIFEST_FILE: content})


def test_a_bundle_of_a_later_format_is_refused(files: Files) -> None:
    with pytest.raises(BundleError, match=r"(?s)does not parse.*format"):
        Bundle.open(with_manifest(files, format=2))


@pytest.mark.parametrize(
    "features",
    [FEATURE_NAMES[:-1], FEATURE_NAMES[::-1], (*FEATURE_NAMES, "age")],
    ids=["one less", "another order", "one more"],
)
def test_a_bundle_for_other_features_is_refused(files: Files, features: tuple[str, ...]) -> None:
    with pytest.raises(BundleError, match="promote a model trained by this version"):
        Bundle.open(with_manifest(files, features=features))


@pytest.mark.parametrize("content", [b"", b"not ONNX", b"\x80\x04N."], ids=["empty", "text", "a pickle"])
def test_a_graph_that_is_no_onnx_is_refused(files: Files, content: bytes) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx does not load"):
        Bundle.open(seal({**files, GRAPH_FILE: content}))


# --- wrong answers, with hashes that are right


def test_an_answer_off_by_more_than_the_tolerance_is_refused_and_by_less_is_not(files: Files) -> None:
    def add(difference: float) -> Callable[[dict[str, Any]], None]:
        def change(known: dict[str, Any]) -> None:
            known["probability"][7] += difference

        return change

    assert ANSWER_TOLERANCE == 1e-6
    Bundle.open(with_known(files, add(0.9 * ANSWER_TOLERANCE)))
    for difference in (1.1 * ANSWER_TOLERANCE, -1.1 * ANSWER_TOLERANCE, 0.5):
        with pytest.raises(BundleError, match=r"answers to 40 known questions are off by up to .* must not serve"):
            Bundle.open(with_known(files, add(difference)))


def test_an_answer_that_is_no_number_is_refused(files: Files) -> None:
    with pytest.raises(BundleError, match="off by up to nan"):
        Bundle.open(with_known(files, lambda known: known["probability"].__setitem__(0, float("nan"))))


def test_the_graph_of_another_model_is_refused(files: Files) -> None:
    other = to_graph(fit_small(draw_codes_frame(500, seed=9), seed=7))
    with pytest.raises(BundleError, match="must not serve"):
        Bundle.open(seal({**files, GRAPH_FILE: other}))


def test_a_bundle_without_questions_cannot_be_checked_and_is_refused(files: Files, pipeline: Pipeline) -> None:
    with pytest.raises(BundleError, match=r"known_answers\.json holds no question"):
        Bundle.open(pack(to_graph(pipeline), QUESTIONS[:0], [], make_facts()))
    with pytest.raises(BundleError, match=r"known_answers\.json holds no question"):
        Bundle.open(with_known(files, lambda known: known.update(features=[], probability=[])))


def rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "rows"


def narrow_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 12


@pytest.mark.parametrize(
    "content",
    [b"{", b"{}", b"[]", b'{"features": [["a"]], "probability": [0.5]}', b'{"features": [[1]], "probability": [0.5]}'],
)
def test_known_answers_that_do_not_parse_are_refused(files: Files, content: bytes) -> None:
    with pytest.raises(BundleError):
        Bundle.open(seal({**files, ANSWERS_FILE: content}))


@pytest.mark.parametrize("kept", [1, 20])
def test_as_many_answers_as_questions_are_needed(files: Files, kept: int) -> None:
    def change(known: dict[str, Any]) -> None:
        known["features"] = [known["features"][0]] * 40
        known["probability"] = [known["probability"][0]] * kept

    with pytest.raises(BundleError):
        Bundle.open(with_known(files, change))


@pytest.mark.parametrize("change", [rename_input, narrow_input])
def test_a_graph_that_does_not_take_our_input_is_refused(
    files: Files, change: Callable[[onnx.ModelProto], None]
) -> None:
    with pytest.raises(BundleError):
        Bundle.open(with_graph(files, change))
