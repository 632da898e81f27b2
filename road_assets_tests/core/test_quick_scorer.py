"""Looking trees up gives what walking them gives."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.bundle import GRAPH_INPUT, GRAPH_OUTPUT, Bundle, FeatureMatrix, Probabilities, pack
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings
from road_assets.core.model_input import hide_scene, known_scenes
from road_assets.core.quick_scorer import QuickScorer, cell_of, values_of
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_facts, make_feature_rows

SMALL = BoostingSettings(max_iter=25, alone_max_iter=10, learning_rate=0.2, min_samples_leaf=5, max_features=0.5)
AGREEMENT = 1e-12
FIELDS = (*FEATURES, *SCENE_FIELDS)


@pytest.fixture(scope="module")
def graph() -> bytes:
    return SMALL.fit(make_feature_rows(days_from(FIRST_DAY, 20), 60)).to_graph()


@pytest.fixture(scope="module")
def scorer(graph: bytes) -> QuickScorer:
    scorer = QuickScorer.read(graph)
    assert scorer is not None
    return scorer


@pytest.fixture(scope="module")
def session(graph: bytes) -> ort.InferenceSession:
    return ort.InferenceSession(graph, providers=["CPUExecutionProvider"])


def walk(session: ort.InferenceSession, rows: FeatureMatrix) -> Probabilities:
    (answers,) = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})
    return np.asarray(answers)


def cells(row: FeatureMatrix) -> np.ndarray:
    return np.array([cell_of(column, float(value)) for column, value in enumerate(row)], dtype=np.intp)


def test_every_row_is_answered_as_by_the_graph_alone_or_among_others(
    scorer: QuickScorer, session: ort.InferenceSession
) -> None:
    rows = known_scenes(600, seed=3)
    for asked in (rows, hide_scene(rows)):
        expected = walk(session, asked)
        together = scorer.predict(asked)
        alone = [scorer.predict(row[None]) for row in asked]
        assert together is not None
        assert np.abs(together - expected).max() < AGREEMENT
        assert np.abs(np.concatenate(alone) - expected).max() < AGREEMENT  # type: ignore[arg-type]
        assert [scorer.predict_one(cells(row)) for row in asked] == [float(one[0]) for one in alone]  # type: ignore[index]
    assert len(np.unique(expected)) > 50


@settings(max_examples=200, deadline=None)
@given(st.tuples(*(st.sampled_from([float("nan"), *map(float, sorted(field.values))]) for field in FIELDS)))
def test_any_values_of_the_vocabulary_are_answered_as_by_the_graph(
    scorer: QuickScorer, session: ort.InferenceSession, row: tuple[float, ...]
) -> None:
    matrix = np.array([row], dtype=np.float32)
    assert scorer.predict_one(cells(matrix[0])) == pytest.approx(float(walk(session, matrix)[0]), abs=AGREEMENT)
    np.testing.assert_array_equal(values_of(cells(matrix[0])), matrix[0])


@pytest.mark.parametrize("value", [-1.0, -0.5, 1.5, 1000.0, np.inf, -np.inf])
def test_a_value_beyond_the_tables_is_left_to_the_graph(scorer: QuickScorer, value: float) -> None:
    rows = known_scenes(5, seed=1)
    rows[2, FEATURE_NAMES.index("lum")] = value
    assert scorer.predict(rows) is None
    assert scorer.predict(rows[2:3]) is None
    assert scorer.predict(rows[3:]) is not None


def test_a_bundle_answers_from_the_tables_and_beyond_them_from_the_graph(
    graph: bytes, scorer: QuickScorer, session: ort.InferenceSession
) -> None:
    questions = known_scenes(10, seed=2)
    files = pack(graph, questions, walk(session, questions), make_facts(features=MODEL_FIELDS))
    bundle = Bundle.open(files)
    rows = known_scenes(50, seed=4)
    odd = rows.copy()
    odd[:, FEATURE_NAMES.index("lum")] = 77

    assert bundle.scorer is not None
    np.testing.assert_array_equal(bundle.predict(rows), scorer.predict(rows))
    np.testing.assert_array_equal(bundle.predict(odd), walk(session, odd))
    without = replace(bundle, scorer=None)
    for row in rows:
        assert bundle.predict_one(cells(row)) == pytest.approx(without.predict_one(cells(row)), abs=AGREEMENT)


def test_a_model_of_the_features_alone_is_looked_up_too() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 20), 60).drop(columns=[field.name for field in SCENE_FIELDS])
    graph = SMALL.fit(rows).to_graph()
    scorer = QuickScorer.read(graph)
    asked = known_scenes(200, seed=5)[:, : len(FEATURE_NAMES)]

    assert scorer is not None
    assert scorer.scene is None
    expected = walk(ort.InferenceSession(graph, providers=["CPUExecutionProvider"]), asked)
    assert np.abs(scorer.predict(asked) - expected).max() < AGREEMENT  # type: ignore[operator]


def test_other_graphs_are_left_to_onnx_runtime() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 20), 60)
    assert QuickScorer.read(CalibratedForestSettings(n_estimators=3).fit(rows).to_graph()) is None
    leafy = BoostingSettings(max_iter=2, alone_max_iter=2, max_leaf_nodes=64, min_samples_leaf=1)
    assert QuickScorer.read(leafy.fit(rows).to_graph()) is None
