"""The file of explanations is the same for the same trees, runs nothing, and a bundle holds it or answers without."""

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.core.bundle import (
    ANSWERS_FILE,
    BUNDLE_FILES,
    EXPLANATION_FILE,
    MANIFEST_FILE,
    Bundle,
    BundleError,
    NotExplainedError,
    files_of,
    pack,
    read_manifest,
)
from road_assets.core.explanation_file import read_explainer
from road_assets.core.families.boosting import Boosting, BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings
from road_assets.core.model_input import known_scenes
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_facts, make_feature_rows

SMALL = BoostingSettings(max_iter=6, alone_max_iter=4, learning_rate=0.3, min_samples_leaf=10)
QUESTIONS = known_scenes(20, seed=1)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_feature_rows(days_from(FIRST_DAY, 20), 30)


@pytest.fixture(scope="module")
def model(rows: pd.DataFrame) -> Boosting:
    return SMALL.fit(rows)


def pack_model(model: Any, explanation: bytes | None) -> dict[str, bytes]:
    questions = QUESTIONS[:, : len(model.features)]
    return pack(model.to_graph(), questions, model.predict(QUESTIONS), make_facts(features=model.features), explanation)


@pytest.fixture(scope="module")
def files(model: Boosting) -> dict[str, bytes]:
    return pack_model(model, model.to_explanation())


def test_the_same_model_writes_the_same_bytes(model: Boosting) -> None:
    assert model.to_explanation() == model.to_explanation()


def test_a_bundle_names_hashes_and_uses_it(files: dict[str, bytes], model: Boosting) -> None:
    manifest = read_manifest(files)
    assert manifest.sha256[EXPLANATION_FILE] == hashlib.sha256(files[EXPLANATION_FILE]).hexdigest()
    assert files_of(manifest) == tuple(files) == (*BUNDLE_FILES, EXPLANATION_FILE)
    bundle = Bundle.open(files)
    for row, answer in zip(QUESTIONS, model.predict(QUESTIONS), strict=True):
        assert bundle.explain(row[None, :]).probability == pytest.approx(answer, abs=1e-12)


def test_several_threads_may_be_the_first_to_ask(files: dict[str, bytes]) -> None:
    bundle = Bundle.open(files)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(bundle.explain, [QUESTIONS[:1]] * 20))
    assert all((one.contributions == found[0].contributions).all() for one in found)


def test_a_forest_s_bundle_explains_a_question_of_any_width(rows: pd.DataFrame) -> None:
    model = CalibratedForestSettings(n_estimators=5, max_depth=6).fit(rows, threads=1)
    bundle = Bundle.open(pack_model(model, model.to_explanation()))
    wide, narrow = bundle.explain(QUESTIONS[:1]), bundle.explain(QUESTIONS[:1, :13])
    assert wide.ensemble == "forest"
    np.testing.assert_array_equal(wide.contributions, narrow.contributions)


def test_a_bundle_from_before_answers_and_says_why_it_cannot_explain(model: Boosting) -> None:
    bundle = Bundle.open(pack_model(model, None))
    assert bundle.predict(QUESTIONS).shape == (20,)
    with pytest.raises(NotExplainedError, match=r"holds no explanation\.npz: .* train again"):
        bundle.explain(QUESTIONS[:1])


def test_a_named_file_that_is_missing_or_damaged_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleError, match=r"lacks explanation\.npz"):
        Bundle.open({name: content for name, content in files.items() if name != EXPLANATION_FILE})
    with pytest.raises(BundleError, match=r"explanation\.npz is damaged"):
        Bundle.open({**files, EXPLANATION_FILE: files[EXPLANATION_FILE][:-1]})


def seal(files: dict[str, bytes], explanation: bytes) -> dict[str, bytes]:
    manifest = json.loads(files[MANIFEST_FILE])
    manifest["sha256"][EXPLANATION_FILE] = hashlib.sha256(explanation).hexdigest()
    return {**files, EXPLANATION_FILE: explanation, MANIFEST_FILE: json.dumps(manifest).encode()}


def test_the_file_of_another_model_is_noticed_at_the_first_explanation(
    files: dict[str, bytes], rows: pd.DataFrame
) -> None:
    other = BoostingSettings(max_iter=3, alone_max_iter=2, learning_rate=0.3).fit(rows).to_explanation()
    with pytest.raises(NotExplainedError, match="not of the same model"):
        Bundle.open(seal(files, other)).explain(QUESTIONS[:1])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"{}"])
def test_what_is_no_such_file_still_lets_the_bundle_answer(files: dict[str, bytes], content: bytes) -> None:
    bundle = Bundle.open(seal(files, content))
    assert bundle.predict(QUESTIONS).shape == (20,)
    with pytest.raises(NotExplainedError, match="cannot be used"):
        bundle.explain(QUESTIONS[:1])


def replace_arrays(content: bytes, **changes: Any) -> bytes:
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, **changes})
    return buffer.getvalue()


@pytest.mark.parametrize("array", ["additive", "0.feature", "1.members", "1.true_share"])
def test_an_array_that_would_need_unpickling_is_refused(model: Boosting, array: str) -> None:
    poisoned = replace_arrays(model.to_explanation(), **{array: np.array([print], dtype=object)})
    with pytest.raises(ValueError, match=r"allow_pickle"):
        read_explainer(poisoned)


def test_a_missing_array_or_a_head_that_does_not_parse_is_named(model: Boosting) -> None:
    content = model.to_explanation()
    with pytest.raises(ValueError, match="Additive"):
        read_explainer(replace_arrays(content, additive=np.frombuffer(b"{}", dtype=np.uint8)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            if name != "1.split.npy":
                target.writestr(name, source.read(name))
    with pytest.raises(ValueError, match="split"):
        read_explainer(buffer.getvalue())


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_explains_nothing_or_is_refused_but_never_another_error(
    files: dict[str, bytes], place: int, bit: int
) -> None:
    content = bytearray(files[EXPLANATION_FILE])
    content[place % len(content)] ^= 1 << bit
    bundle = Bundle.open(seal(files, bytes(content)))
    try:
        found = bundle.explain(QUESTIONS[:1])
    except NotExplainedError:
        return
    assert found.probability == pytest.approx(bundle.predict(QUESTIONS[:1]).item(), abs=1e-6)


def test_the_answers_file_is_still_checked_beside_it(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleError, match=r"known_answers\.json is damaged"):
        Bundle.open({**files, ANSWERS_FILE: b"{}"})
