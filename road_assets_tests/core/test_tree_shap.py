"""Contributions are Shapley values to the last digits, and lead to the very answers of the models."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier

from road_assets.core.explanation import Explainer
from road_assets.core.explanation_file import read_explainer
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings, Forest
from road_assets.core.forest_pipeline import ForestSettings, fit_forest
from road_assets.core.model_input import hide_scene, known_scenes, knows_scene, model_matrix
from road_assets.core.onnx_boosting import base_of, to_nodes
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.tree_shap import ShapleyTrees
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, draw_codes_frame, make_feature_rows
from road_assets_tests.core.subset_answers import boosting_values, forest_values

EXACT = 1e-10
SMALL = BoostingSettings(max_iter=12, alone_max_iter=8, learning_rate=0.2, min_samples_leaf=10, max_leaf_nodes=8)

FEW: dict[str, list[int]] = {
    feature.name: [min(feature.values)] for feature in FEATURES if feature.name not in {"catu", "lum", "situ", "col"}
}
"""Only four features vary, so that trees ask for the same one again and again."""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_feature_rows(days_from(FIRST_DAY, 30), 40)


def explainer_of(model: Any) -> Explainer:
    return read_explainer(model.to_explanation())


def check_sums(model: Any, matrix: Any) -> None:
    explainer, answers = explainer_of(model), model.predict(matrix)
    for row, answer in zip(matrix, answers, strict=True):
        found = explainer.explain(row)
        assert found.probability == pytest.approx(answer, abs=EXACT)
        assert found.base_value + found.contributions.sum() == pytest.approx(found.value, abs=EXACT)
        assert found.base_probability + found.probability_contributions.sum() == pytest.approx(answer, abs=EXACT)
        assert (np.sign(found.probability_contributions) == np.sign(found.contributions)).all()


# --- against the definition


@settings(max_examples=8)
@given(seed=st.integers(0, 1000), depth=st.integers(2, 8))
def test_a_forest_s_contributions_are_those_of_all_subsets(seed: int, depth: int) -> None:
    frame = draw_codes_frame(400, seed=seed, unknown=0.1, only=FEW)
    model = Forest(fit_forest(frame, ForestSettings(n_estimators=3, max_depth=depth, random_state=seed), threads=1))
    explainer = explainer_of(model)
    for row in known_scenes(4, seed=seed)[:, : len(FEATURE_NAMES)]:
        base, values = forest_values(model.pipeline, row[None, :])
        found = explainer.explain(row)
        assert found.scale == "probability"
        assert found.base_value == pytest.approx(base, abs=EXACT)
        np.testing.assert_allclose(found.contributions, values, rtol=0, atol=EXACT)


@settings(max_examples=6)
@given(seed=st.integers(0, 1000), leaves=st.integers(2, 8))
def test_the_boosting_s_contributions_are_those_of_all_subsets_with_categories_and_unknowns(
    seed: int, leaves: int
) -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 12), 40, seed=seed)
    model = replace(SMALL, max_leaf_nodes=leaves, max_iter=4, alone_max_iter=3, random_state=seed).fit(rows)
    assert model.scene is not None
    asked = np.concatenate([known_scenes(4, seed=seed), hide_scene(known_scenes(2, seed=seed))])
    for row in asked:
        part = model.scene if knows_scene(row[None, :])[0] else model.alone
        base, values = boosting_values(part.trees, row[None, : part.columns])
        found = explainer_of(model).explain(row)
        assert found.ensemble == ("scene" if part is model.scene else "alone")
        assert found.scale == "log_odds"
        assert found.base_value == pytest.approx(part.scaling.slope * base + part.scaling.shift, abs=EXACT)
        np.testing.assert_allclose(found.contributions, part.scaling.slope * values, rtol=0, atol=EXACT)


def test_the_values_are_those_of_the_definition_where_a_path_asks_a_column_many_times(rows: pd.DataFrame) -> None:
    names = ("catu", "age", "vma", "heure")
    known = model_matrix(rows)[:, [MODEL_FIELDS.index(name) for name in names]]
    labels = (known[:, 0] + np.nan_to_num(known[:, 1]) // 7 + np.nan_to_num(known[:, 3])) % 2
    trees = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2, categorical_features=[0]).fit(known, labels)
    explained = ShapleyTrees(to_nodes(trees), len(names))
    for row in known[:3]:
        base, values = boosting_values(trees, row[None, :])
        np.testing.assert_allclose(explained.contributions(row.astype(float)), values, rtol=0, atol=EXACT)
        assert explained.base + base_of(trees) == pytest.approx(base, abs=EXACT)


# --- against the models


def test_the_boosting_s_contributions_lead_to_its_answers_with_any_fields_unknown(rows: pd.DataFrame) -> None:
    matrix = model_matrix(rows.head(40))
    check_sums(SMALL.fit(rows), np.concatenate([known_scenes(80, seed=2), matrix, hide_scene(matrix)]))


def test_a_forest_s_contributions_lead_through_its_calibration(rows: pd.DataFrame) -> None:
    model = CalibratedForestSettings(n_estimators=10, max_depth=8, calibration_share=0.3).fit(rows, threads=1)
    assert model.scaling is not None
    questions = known_scenes(60, seed=3)
    check_sums(model, questions)
    found = explainer_of(model).explain(questions[0])
    share = found.base_value + found.contributions.sum()
    assert found.scale == "probability_before_calibration"
    assert found.probability == pytest.approx(
        expit(model.scaling.slope * np.log(share / (1 - share)) + model.scaling.shift), abs=EXACT
    )


def test_trees_that_never_split_are_explained_by_their_base_alone(rows: pd.DataFrame) -> None:
    model = BoostingSettings(max_iter=2, alone_max_iter=2, min_samples_leaf=100_000).fit(rows)
    for row in known_scenes(8, seed=1):
        found = explainer_of(model).explain(row)
        assert not found.contributions.any()
        assert found.probability == found.base_probability == pytest.approx(model.predict(row[None, :]).item())


def test_a_model_of_the_13_features_alone_explains_by_them_whatever_is_told(rows: pd.DataFrame) -> None:
    model = SMALL.fit(rows.drop(columns=list(MODEL_FIELDS[len(FEATURE_NAMES) :])))
    found = explainer_of(model).explain(known_scenes(2, seed=1)[1])
    assert found.ensemble == "alone"
    assert found.contributions.shape == (len(FEATURE_NAMES),)


def test_many_trees_are_worked_on_in_blocks_that_change_nothing(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, row = SMALL.fit(rows).to_explanation(), known_scenes(2, seed=5)[1]
    whole = read_explainer(content).explain(row)
    monkeypatch.setattr("road_assets.core.tree_shap.BLOCK_NODES", 20)
    np.testing.assert_allclose(read_explainer(content).explain(row).contributions, whole.contributions, atol=1e-14)


# --- what is no tree


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda nodes: {"true_share": np.zeros_like(nodes.true_share)}, "without any training row"),
        (lambda nodes: {"feature": nodes.feature + 13}, "beyond the 13"),
        (lambda nodes: {"true_child": nodes.true_child + 10_000}, "leads nowhere"),
        (lambda nodes: {"false_child": np.zeros_like(nodes.false_child)}, "reached twice"),
        (lambda nodes: {"split": nodes.split[1:]}, "not one for each"),
        (lambda nodes: {"members": nodes.members[1:]}, "not each node"),
        (lambda nodes: {"roots": nodes.roots[::-1]}, "one after the other"),
        (lambda nodes: {"roots": nodes.roots[:0]}, "one after the other"),
    ],
)
def test_arrays_that_are_no_trees_are_refused(rows: pd.DataFrame, change: Any, message: str) -> None:
    nodes = to_nodes(SMALL.fit(rows).alone.trees)
    with pytest.raises(ValueError, match=message):
        ShapleyTrees(replace(nodes, **change(nodes)), 13)
