"""The forest's pipeline: what it holds, what it learns, what it refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from road_assets.core.forest_pipeline import FOREST, IMPUTER, SCALER, ForestSettings, fit_forest
from road_assets.core.model_input import feature_matrix, known_questions
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import ask_pipeline, draw_codes_frame, fit_small

ROWS = draw_codes_frame(500)


def test_the_forest_is_the_one_that_was_ordered() -> None:
    assert ForestSettings() == ForestSettings(
        n_estimators=300, max_depth=15, min_samples_split=5, min_samples_leaf=2, max_features="sqrt", random_state=42
    )


def test_a_fitted_pipeline_holds_imputation_standardisation_and_the_forest_of_the_settings() -> None:
    pipeline = fit_forest(ROWS, ForestSettings(n_estimators=3, max_depth=4), threads=1)
    assert list(pipeline.named_steps) == [IMPUTER, SCALER, FOREST]
    assert isinstance(pipeline[SCALER], StandardScaler)
    forest = pipeline[FOREST]
    assert isinstance(forest, RandomForestClassifier)
    assert len(forest.estimators_) == 3
    assert max(tree.get_depth() for tree in forest.estimators_) <= 4
    assert forest.classes_.tolist() == [0, 1]


def test_it_learns_that_pedestrians_are_hurt_more_often() -> None:
    pipeline = fit_small(draw_codes_frame(2000), trees=20, max_depth=6)
    asked = draw_codes_frame(400, seed=2)
    pedestrian = ask_pipeline(pipeline, feature_matrix(asked.assign(catu=3))).mean()
    driver = ask_pipeline(pipeline, feature_matrix(asked.assign(catu=1))).mean()
    assert pedestrian > driver + 0.15


def test_an_unknown_code_is_answered_like_the_mode() -> None:
    codes = np.resize([1, 1, 1, 1, 2, 2, 3, 3, 3], len(ROWS))  # 1 is the mode, 2 next to the mean
    rows = ROWS.assign(catu=codes.astype("int8"))
    pipeline = fit_small(rows)
    unknown, mode, mean = (
        ask_pipeline(pipeline, feature_matrix(rows.assign(catu=code))).tolist() for code in (UNKNOWN_CODE, 1, 2)
    )
    assert unknown == mode != mean


def test_a_feature_that_was_never_recorded_keeps_its_place() -> None:
    pipeline = fit_small(ROWS.assign(surf=UNKNOWN_CODE))
    assert pipeline[FOREST].n_features_in_ == len(FEATURE_NAMES)


@pytest.mark.parametrize(("threads", "used"), [(None, -1), (2, 2)], ids=["all cores", "as asked"])
def test_fitting_uses_all_cores_unless_told(threads: int | None, used: int) -> None:
    pipeline = fit_forest(ROWS, ForestSettings(n_estimators=2), threads=threads)
    assert pipeline[FOREST].n_jobs == used


def test_the_seed_decides_the_forest_and_the_number_of_threads_does_not() -> None:
    questions = known_questions(50, seed=1)
    answers = [
        ask_pipeline(fit_forest(ROWS, ForestSettings(n_estimators=4, random_state=seed), threads=threads), questions)
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    ]
    np.testing.assert_allclose(answers[0], answers[1], rtol=0, atol=1e-12)
    assert np.abs(answers[0] - answers[2]).max() > 0.01


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS[ROWS[TARGET] == 0].head(7), r"7 training rows hold the classes \[0\], both"),
        (ROWS[ROWS[TARGET] == 1].head(5), r"5 training rows hold the classes \[1\], both"),
        (ROWS.head(0), r"0 training rows hold the classes \[\], both"),
    ],
    ids=["nobody hurt", "everybody hurt", "no row"],
)
def test_rows_of_fewer_than_two_classes_are_refused(rows: pd.DataFrame, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fit_forest(rows, ForestSettings())
