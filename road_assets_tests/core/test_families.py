"""Both families answer with any subset of the optional fields, and their graphs answer alike."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT, FeatureMatrix
from road_assets.core.families import FittedModel
from road_assets.core.families.boosting import Boosting, BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings
from road_assets.core.model_input import (
    hide_scene,
    known_scenes,
    knows_scene,
    model_matrix,
)
from road_assets.core.scene_fields import FILLED, MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

AGREEMENT = 1e-9
SMALL = BoostingSettings(max_iter=15, alone_max_iter=10, learning_rate=0.2, min_samples_leaf=10, max_features=0.5)


def make_rows(*, seed: int = 1, per_day: int = 60) -> pd.DataFrame:
    """Rows whose outcome also leans on helmet and speed, so that the optional fields are worth something."""
    rows = make_feature_rows(days_from(FIRST_DAY, 30), per_day, seed=seed)
    rng, real = np.random.default_rng(seed), ~rows["synthetic"].to_numpy()
    danger = 0.5 * (rows["equipement"] == 2) + 0.3 * (rows["vma"] == 80)
    severe = rows[TARGET].to_numpy() | (rng.random(len(rows)) < danger)
    return rows.assign(**{TARGET: np.where(real, severe, rows[TARGET]).astype("int8")})


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture(scope="module")
def boosting(rows: pd.DataFrame) -> Boosting:
    return SMALL.fit(rows)


def ask_graph(model: FittedModel, matrix: FeatureMatrix) -> npt.NDArray[np.float64]:
    session = ort.InferenceSession(model.to_graph(), providers=["CPUExecutionProvider"])
    asked = np.ascontiguousarray(matrix[:, : len(model.features)])
    (answers,) = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: asked})
    return np.asarray(answers)


def worst_difference(model: FittedModel, matrix: FeatureMatrix) -> float:
    return float(np.abs(ask_graph(model, matrix) - model.predict(matrix)).max())


# --- the graph


@settings(max_examples=8)
@given(seed=st.integers(0, 1000), leaves=st.integers(2, 31), forgotten=st.sets(st.sampled_from(SCENE_FIELD_NAMES)))
def test_the_boosting_and_its_graph_agree_whatever_was_learned_and_asked(
    seed: int, leaves: int, forgotten: set[str]
) -> None:
    rows = make_rows(seed=seed, per_day=12).assign(**dict.fromkeys(forgotten, UNKNOWN_CODE))
    model = BoostingSettings(
        max_iter=4, alone_max_iter=3, max_leaf_nodes=leaves, min_samples_leaf=5, random_state=seed, learning_rate=0.3
    ).fit(rows)
    questions = np.concatenate([known_scenes(400, seed=seed), model_matrix(rows)])
    assert worst_difference(model, questions) <= AGREEMENT


def test_a_code_that_no_training_row_had_is_answered_alike(rows: pd.DataFrame) -> None:
    cars_only = rows[rows["catv"].isin([7, UNKNOWN_CODE])]
    assert worst_difference(SMALL.fit(cars_only), known_scenes(600, seed=2)) <= AGREEMENT


def test_trees_that_never_split_give_a_constant(rows: pd.DataFrame) -> None:
    model = BoostingSettings(max_iter=2, alone_max_iter=2, min_samples_leaf=100_000).fit(rows)
    questions = known_scenes(50, seed=1)
    assert worst_difference(model, questions) <= AGREEMENT
    assert np.ptp(model.predict(questions)[knows_scene(questions)]) == 0


def test_a_calibrated_forest_and_its_graph_agree(rows: pd.DataFrame) -> None:
    model = CalibratedForestSettings(n_estimators=10, max_depth=8, calibration_share=0.3).fit(rows, threads=1)
    assert model.scaling is not None
    assert model.scaling.slope > 0
    assert worst_difference(model, known_scenes(500, seed=3)) <= AGREEMENT


# --- any subset of the optional fields


def test_on_the_13_alone_it_is_the_model_that_learned_from_the_13_alone(boosting: Boosting, rows: pd.DataFrame) -> None:
    alone = SMALL.fit(rows.drop(columns=list(SCENE_FIELD_NAMES)))
    assert alone.features == FEATURE_NAMES
    hidden = hide_scene(model_matrix(rows))
    np.testing.assert_array_equal(boosting.predict(hidden), alone.predict(hidden))


@pytest.mark.parametrize(("hidden_features", "low", "high"), [(0.0, 0.0, 0.4), (0.15, 0.6, 1.2)])
@pytest.mark.parametrize("scene_known", [False, True])
def test_sex_not_told_is_not_taken_for_sex_never_recorded(
    rows: pd.DataFrame, hidden_features: float, low: float, high: float, *, scene_known: bool
) -> None:
    column = MODEL_FIELDS.index("sexe")
    never_recorded = np.random.default_rng(1).random(len(rows)) < 0.04
    unhurt = rows.assign(
        **{TARGET: rows[TARGET].mask(never_recorded, 0).astype("int8"), FILLED: never_recorded * (1 << column)}
    )
    model = replace(
        SMALL, max_iter=60, alone_max_iter=60, max_features=1.0, hidden_rows=0.0, hidden_features=hidden_features
    ).fit(unhurt)
    told = model_matrix(unhurt[~never_recorded & ~unhurt["synthetic"]])
    told = told if scene_known else hide_scene(told)
    not_told = told.copy()
    not_told[:, column] = np.nan
    assert low <= model.predict(not_told).mean() / model.predict(told).mean() <= high


@pytest.mark.parametrize(("hidden_rows", "low", "high"), [(0.0, 0.0, 0.5), (0.2, 0.75, 1.25)])
@pytest.mark.parametrize("scene_known", [False, True])
def test_who_knows_nothing_is_told_the_average(
    rows: pd.DataFrame, hidden_rows: float, low: float, high: float, *, scene_known: bool
) -> None:
    columns = [MODEL_FIELDS.index(name) for name in ("sexe", "trajet")]
    never_recorded = np.random.default_rng(1).random(len(rows)) < 0.05
    filled = never_recorded * sum(1 << column for column in columns)
    unhurt = rows.assign(**{TARGET: rows[TARGET].mask(never_recorded, 0).astype("int8"), FILLED: filled})
    fewer = replace(SMALL, max_iter=60, alone_max_iter=60, hidden_features=0.0, hidden_rows=hidden_rows)
    asked = unhurt[~never_recorded & ~unhurt["synthetic"]]
    matrix = model_matrix(asked) if scene_known else hide_scene(model_matrix(asked))
    matrix[:, : len(FEATURE_NAMES)] = np.nan
    assert low <= fewer.fit(unhurt).predict(matrix).mean() / asked[TARGET].mean() <= high


@settings(max_examples=20)
@given(hidden=st.sets(st.sampled_from(MODEL_FIELDS)))
def test_it_answers_with_any_fields_unknown(boosting: Boosting, rows: pd.DataFrame, hidden: set[str]) -> None:
    matrix = model_matrix(rows.head(5))
    matrix[:, [MODEL_FIELDS.index(name) for name in hidden]] = np.nan
    answers = boosting.predict(matrix)
    assert ((answers > 0) & (answers < 1)).all()


def test_what_is_known_beside_the_13_makes_answers_better(boosting: Boosting) -> None:
    asked = make_rows(seed=5)
    asked = asked[~asked["synthetic"]]
    matrix, severe = model_matrix(asked), asked[TARGET].to_numpy() == 1
    gap, blind = (
        boosting.predict(known)[severe].mean() - boosting.predict(known)[~severe].mean()
        for known in (matrix, hide_scene(matrix))
    )
    assert gap > 2 * blind


def test_importances_are_shares_of_the_fields_that_matter(boosting: Boosting) -> None:
    shares = boosting.importances()
    assert list(shares) == list(MODEL_FIELDS)
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.__getitem__) in {"equipement", "vma"}


def test_generated_rows_are_learned_from_only_where_the_settings_say_so(rows: pd.DataFrame) -> None:
    turned = rows.assign(**{TARGET: rows[TARGET].where(~rows["synthetic"], 1 - rows[TARGET])})
    questions = known_scenes(50, seed=4)
    np.testing.assert_array_equal(SMALL.fit(turned).predict(questions), SMALL.fit(rows).predict(questions))
