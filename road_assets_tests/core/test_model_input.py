"""The matrix of a model's input: what is unknown in it, how it is masked, and the questions made in its form."""

import numpy as np
import pytest

from road_assets.core.candidate import KNOWN_QUESTIONS
from road_assets.core.forest_pipeline import ForestSettings
from road_assets.core.model_input import (
    feature_matrix,
    filled_in,
    input_fields,
    known_questions,
    known_scenes,
    knows_scene,
    mask_scene,
    model_matrix,
)
from road_assets.core.scene_fields import FILLED, MODEL_FIELDS, SCENE_FIELD_NAMES, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, UNKNOWN_CODE
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, draw_codes_frame, make_feature_rows


@pytest.mark.parametrize("nullable", [False, True], ids=["a marked code", "a null"])
def test_unknown_becomes_nan_and_columns_take_the_order_of_the_model(*, nullable: bool) -> None:
    codes = draw_codes_frame(50, unknown=0.2)
    given = codes.astype("Int8").mask(codes == UNKNOWN_CODE) if nullable else codes
    matrix = feature_matrix(given[given.columns[::-1]])
    assert matrix.dtype == np.float32
    assert matrix.shape == (50, len(FEATURE_NAMES))
    expected = codes[list(FEATURE_NAMES)].to_numpy()
    assert (np.isnan(matrix) == (expected == UNKNOWN_CODE)).all()
    assert (np.nan_to_num(matrix, nan=UNKNOWN_CODE) == expected).all()


def test_what_had_been_filled_in_is_unknown_again() -> None:
    rows = (
        make_feature_rows(days_from(FIRST_DAY, 30), 2)
        .head(3)
        .assign(**{FILLED: np.array([0, 1, 0b100000], dtype="int16")})
    )
    matrix = model_matrix(rows)
    assert np.argwhere(filled_in(rows)).tolist() == [[1, 0], [2, 5]]
    assert np.argwhere(np.isnan(matrix[:, : len(FEATURE_NAMES)])).tolist() == [[1, 0], [2, 5]]


def test_rows_older_than_the_columns_know_the_13_alone() -> None:
    old = make_feature_rows(days_from(FIRST_DAY, 30), 2).drop(columns=[*SCENE_FIELD_NAMES, FILLED])
    assert not knows_scene(model_matrix(old)).any()
    assert not np.isnan(model_matrix(old)[:, : len(FEATURE_NAMES)]).any()


def test_masking_hides_optional_fields_only_and_from_few_to_all() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 60)
    matrix = model_matrix(rows[~rows["synthetic"]])
    masked = mask_scene(matrix, np.random.default_rng(1))
    width = len(FEATURE_NAMES)
    np.testing.assert_array_equal(masked[:, :width], matrix[:, :width])
    hidden = (np.isnan(masked) & ~np.isnan(matrix))[:, width:].mean(axis=1)
    assert hidden.min() < 0.1
    assert 0.4 < hidden.mean() < 0.6
    assert hidden.max() > 0.9


def test_the_questions_ask_every_value_and_a_quarter_of_them_the_13_alone() -> None:
    questions = known_scenes(4000, seed=1)
    assert 0.25 <= 1 - knows_scene(questions).mean() < 0.35
    for field in SCENE_FIELDS:
        column = questions[:, MODEL_FIELDS.index(field.name)]
        asked = {float(value) for value in column[~np.isnan(column)]}
        beyond = {value for value in asked if int(value) not in field.values}
        assert not beyond
        assert len(asked) > min(100, len(field.values) - 1)


def test_the_manifest_lists_codes_or_a_range_for_every_input() -> None:
    fields = {field.name: field for field in input_fields(MODEL_FIELDS)}
    assert list(fields) == list(MODEL_FIELDS)
    assert fields["catu"].codes == {1: "Driver", 2: "Passenger", 3: "Pedestrian"}
    assert (fields["vma"].low, fields["vma"].high, fields["vma"].unit) == (5, 130, "km/h")
    assert [field.optional for field in fields.values()] == [name in SCENE_FIELD_NAMES for name in fields]
    assert all((field.codes is None) != (field.low is None) for field in fields.values())


def test_the_questions_of_a_bundle_ask_every_code_of_every_feature_and_unknowns() -> None:
    questions = known_questions(KNOWN_QUESTIONS, seed=ForestSettings().random_state)
    assert questions.dtype == np.float32
    assert questions.shape == (KNOWN_QUESTIONS, len(FEATURES))
    for feature, column in zip(FEATURES, questions.T, strict=True):
        asked = column[~np.isnan(column)]
        assert set(asked.astype(int)) == {code.value for code in feature.codes}
    assert 0.03 < np.isnan(questions).mean() < 0.07


def test_the_same_seed_asks_the_same_questions() -> None:
    first = known_questions(20, seed=3)
    np.testing.assert_array_equal(first, known_questions(20, seed=3))
    assert not np.array_equal(first, known_questions(20, seed=4), equal_nan=True)
