"""A bundle that is damaged, of another kind, or wrong in its answers does not open."""

from collections.abc import Callable
from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import (
    ANSWER_TOLERANCE,
    ANSWERS_FILE,
    BUNDLE_FILES,
    GRAPH_FILE,
    MANIFEST_FILE,
    Bundle,
    BundleError,
    pack,
    read_manifest,
)
from road_assets.core.onnx_forest import to_graph
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.core.altered_bundles import QUESTIONS, Files, seal, with_graph, with_known, with_manifest
from road_assets_tests.core.core_frames import draw_codes_frame, fit_small, make_facts


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
    [FEATURE_NAMES[:-1], FEATURE_NAMES[::-1], (*FEATURE_NAMES, "mood")],
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


def test_a_bundle_without_questions_cannot_be_checked_and_is_refused(files: Files, small_pipeline: Pipeline) -> None:
    with pytest.raises(BundleError, match=r"known_answers\.json holds no question"):
        Bundle.open(pack(to_graph(small_pipeline), QUESTIONS[:0], [], make_facts()))
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
