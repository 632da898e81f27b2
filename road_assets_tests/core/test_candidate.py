"""A candidate from feature rows to a bundle, on a few weeks of generated accidents."""

from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from road_assets.core import candidate as module
from road_assets.core.bundle import ANSWERS_FILE, Bundle, BundleError
from road_assets.core.candidate import (
    KNOWN_QUESTIONS,
    Candidate,
    data_source_of,
    split_rows,
    train_candidate,
    window_of,
)
from road_assets.core.drift_counts import NUMERIC_NAMES, count_codes
from road_assets.core.families import FAMILIES, FamilySettings, parameters_of
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings
from road_assets.core.metrics import evaluate
from road_assets.core.model_input import hide_scene, model_matrix
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.slices import slice_figures
from road_assets.core.vocabulary import DATA_DEMONSTRATION, DATA_OFFICIAL, FEATURE_NAMES, MODEL_NAME, TARGET
from road_assets.core.windows import Windows, windows_as_of
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

DAYS = days_from(FIRST_DAY, 40)
WINDOWS = windows_as_of(DAYS[-1], DAYS, evaluation_days=10)
SETTINGS = CalibratedForestSettings(n_estimators=5, max_depth=6)
BOOSTING = BoostingSettings(max_iter=6, alone_max_iter=6, min_samples_leaf=10, max_features=1.0)
CREATED = datetime(2024, 2, 10, 3, 0, tzinfo=UTC)


def make_rows(data: str = DATA_OFFICIAL) -> pd.DataFrame:
    return make_feature_rows(DAYS, 12, data=data)


def train(
    rows: pd.DataFrame, windows: Windows = WINDOWS, *, settings: FamilySettings = SETTINGS, cost: float = 1.0
) -> Candidate:
    return train_candidate(rows, windows, settings, created_at=CREATED, threads=1, missed_case_cost=cost)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture(scope="module")
def boosted(rows: pd.DataFrame) -> Candidate:
    return train(rows, settings=BOOSTING)


@pytest.fixture(scope="module")
def trained(rows: pd.DataFrame) -> Candidate:
    return train(rows)


# --- splitting


def test_training_takes_real_and_generated_rows_and_judging_only_real_rows_of_later_days(rows: pd.DataFrame) -> None:
    split = split_rows(rows, WINDOWS)
    assert (len(split.training), len(split.evaluation)) == (30 * 12 * 2, 10 * 12)
    assert split.training["synthetic"].mean() == 0.5
    assert not split.evaluation["synthetic"].any()
    assert split.training["day"].max() < split.evaluation["day"].min()


def test_rows_of_days_outside_both_windows_are_used_for_nothing(rows: pd.DataFrame) -> None:
    narrow = Windows(training=DAYS[5:7], evaluation=DAYS[20:22])
    split = split_rows(rows, narrow)
    assert set(split.training["day"].dt.date) == set(narrow.training)
    assert set(split.evaluation["day"].dt.date) == set(narrow.evaluation)


def test_accidents_that_a_judged_day_replays_are_kept_out_of_training(rows: pd.DataFrame) -> None:
    original, replayed = WINDOWS.training[3], WINDOWS.evaluation[4]
    days = rows["day"].dt.date
    repeated = rows[(days == original) & ~rows["synthetic"]].assign(day=pd.Timestamp(replayed))
    with_replay = pd.concat([rows[(days != replayed) | rows["synthetic"]], repeated], ignore_index=True)
    split = split_rows(with_replay, WINDOWS)
    assert set(repeated["num_acc"]) <= set(split.evaluation["num_acc"])
    assert not set(split.training["num_acc"]) & set(split.evaluation["num_acc"])
    assert len(split.training) == 30 * 12 * 2 - len(repeated)
    of_original = split.training[split.training["day"].dt.date == original]
    assert of_original["synthetic"].tolist() == [True] * 12, "generated rows repeat nobody and stay"


# --- a candidate


def test_the_bundle_answers_judged_rows_as_the_pipeline_does(trained: Candidate, rows: pd.DataFrame) -> None:
    matrix = model_matrix(split_rows(rows, WINDOWS).evaluation)
    np.testing.assert_allclose(Bundle.open(trained.files).predict(matrix), trained.probabilities, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(trained.model.predict(matrix), trained.probabilities)


def test_a_boosted_candidate_takes_all_fields_and_tells_what_it_reaches_without_them(
    boosted: Candidate, rows: pd.DataFrame
) -> None:
    facts, bundle = boosted.facts, Bundle.open(boosted.files)
    assert (facts.family, facts.features) == ("boosting", MODEL_FIELDS)
    hidden = hide_scene(model_matrix(split_rows(rows, WINDOWS).evaluation))
    without = bundle.predict(hidden)
    assert np.abs(without - boosted.probabilities).max() > 0.01, "the optional fields change answers"
    assert facts.metrics_features_only == pytest.approx(evaluate(boosted.labels, without, threshold=0.5))
    np.testing.assert_allclose(bundle.predict(hidden[:, :13]), without, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_known_by_its_own_name_and_says_its_parameters(family: str) -> None:
    settings = FAMILIES[family]()
    assert settings.family == family
    assert parameters_of(settings)["random_state"] == settings.random_state


def test_the_dearer_a_missed_case_the_earlier_help_is_called(rows: pd.DataFrame, trained: Candidate) -> None:
    careful = train(rows, cost=4.0)
    assert careful.facts.threshold == 0.2
    assert careful.facts.metrics["false_negatives"] < trained.facts.metrics["false_negatives"]
    assert careful.facts.metrics["roc_auc"] == trained.facts.metrics["roc_auc"]


def test_the_manifest_says_how_sure_the_figures_are_and_how_groups_fare(trained: Candidate, rows: pd.DataFrame) -> None:
    manifest = Bundle.open(trained.files).manifest
    low, high = manifest.intervals["roc_auc"]
    assert low < manifest.metrics["roc_auc"] < high
    assert manifest.slices == slice_figures(split_rows(rows, WINDOWS).evaluation, trained.probabilities)
    assert [known.name for known in manifest.inputs] == list(manifest.features)
    assert manifest.parameters == parameters_of(SETTINGS)


def test_the_manifest_tells_what_was_done(trained: Candidate) -> None:
    facts = trained.facts
    assert Bundle.open(trained.files).manifest.model_dump(exclude={"format", "sha256"}) == facts.model_dump()
    assert (facts.model_name, facts.family, facts.features, facts.threshold) == (
        MODEL_NAME,
        "forest",
        FEATURE_NAMES,
        0.5,
    )
    assert facts.data == DATA_OFFICIAL
    assert facts.training_window == window_of(DAYS[:30])
    assert facts.evaluation_window == window_of(DAYS[30:])
    assert facts.created_at == CREATED
    assert facts.code_version == version("road-assets")
    assert facts.libraries["scikit-learn"] == version("scikit-learn")


def test_metrics_are_those_of_the_judged_rows(trained: Candidate, rows: pd.DataFrame) -> None:
    judged = split_rows(rows, WINDOWS).evaluation
    assert trained.labels.tolist() == judged[TARGET].tolist()
    assert trained.facts.metrics == evaluate(trained.labels, trained.probabilities, threshold=0.5)
    assert trained.facts.metrics["rows"] == 120
    assert trained.facts.metrics["roc_auc"] > 0.55, "the rows hold something to learn"


def test_drift_is_measured_against_the_real_rows_it_learned_from(trained: Candidate, rows: pd.DataFrame) -> None:
    training = split_rows(rows, WINDOWS).training
    real = training[~training["synthetic"]]
    assert trained.training_rows == 720
    assert {name: counts.tolist() for name, counts in trained.reference.codes.items()} == {
        name: counts.tolist() for name, counts in count_codes(real).items()
    }
    assert trained.reference_sample.columns.tolist() == [*FEATURE_NAMES, *NUMERIC_NAMES, TARGET]
    kinds = [family.kind for family in trained.reference.families]
    assert (kinds[0], kinds[-2:]) == ("feature", ["label", "prediction"])
    assert trained.reference.families[-1].tally("probability").rows == 120, "answers for rows it has not seen"
    assert sorted(trained.reference_sample.index) == sorted(real.index)


def test_of_very_many_real_rows_only_a_sample_is_kept(rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFERENCE_SAMPLE_ROWS", 25)
    trained = train(rows)
    assert len(trained.reference_sample) == 25
    assert sum(trained.reference.codes["catu"]) == 360, "the counts are of all"


def test_the_same_rows_and_settings_give_the_same_files(trained: Candidate, rows: pd.DataFrame) -> None:
    assert train(rows).files == trained.files


def test_the_same_rows_and_settings_boost_alike(boosted: Candidate, rows: pd.DataFrame) -> None:
    assert train(rows, settings=BOOSTING).files == boosted.files


def test_rows_after_the_day_of_the_candidate_change_nothing(trained: Candidate, rows: pd.DataFrame) -> None:
    later = make_feature_rows(days_from(DAYS[-1] + timedelta(days=1), 5), 12, seed=8, data=DATA_OFFICIAL)
    later["num_acc"] = "L" + later["num_acc"].astype(str)
    assert train(pd.concat([rows, later], ignore_index=True)).files == trained.files


def test_every_question_of_the_bundle_is_answered_in_it(trained: Candidate) -> None:
    assert trained.files[ANSWERS_FILE].count(b"[") == KNOWN_QUESTIONS + 2


# --- refusals


@pytest.mark.parametrize(
    ("judged", "told"), [(True, "120 rows to judge on hold the classes"), (False, "720 training rows hold the classes")]
)
def test_a_side_where_nobody_is_severely_hurt_is_refused(rows: pd.DataFrame, told: str, *, judged: bool) -> None:
    side = WINDOWS.evaluation if judged else WINDOWS.training
    calm = rows.assign(**{TARGET: rows[TARGET].mask(rows["day"].dt.date.isin(side), 0)})
    with pytest.raises(ValueError, match=told):
        train(calm)


@pytest.mark.parametrize("wrong", [0.01, float("nan")], ids=["off", "no number"])
def test_a_graph_that_disagrees_on_one_judged_row_is_refused(
    trained: Candidate, rows: pd.DataFrame, wrong: float
) -> None:
    matrix = model_matrix(split_rows(rows, WINDOWS).evaluation)
    answers = trained.probabilities.copy()
    answers[-1] += wrong
    with pytest.raises(BundleError, match=r"graph and model differ by \S+ on 120 rows, allowed is 1e-06"):
        module._check_agreement(Bundle.open(trained.files), matrix, answers)  # noqa: SLF001 - no pipeline disagrees


# --- where the data come from


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([DATA_OFFICIAL] * 3, DATA_OFFICIAL),
        ([DATA_OFFICIAL, DATA_OFFICIAL, DATA_DEMONSTRATION], DATA_DEMONSTRATION),
        (["b", "a", "b"], "a and b"),
    ],
)
def test_a_single_generated_accident_makes_it_demonstration_data(sources: list[str], said: str) -> None:
    assert data_source_of(pd.DataFrame({"data_source": sources})) == said


@pytest.mark.parametrize("days", [WINDOWS.training, WINDOWS.evaluation], ids=["learned from", "judged on"])
def test_demonstration_data_on_either_side_is_said_in_the_manifest(rows: pd.DataFrame, days: tuple[date, ...]) -> None:
    on_side = rows["day"].dt.date.isin(days)
    mixed = rows.assign(data_source=rows["data_source"].mask(on_side, DATA_DEMONSTRATION))
    assert train(mixed).facts.data == DATA_DEMONSTRATION


def test_settings_are_logged_under_the_names_of_scikit_learn() -> None:
    assert parameters_of(CalibratedForestSettings()) == {
        "calibration_share": 0.0,
        "n_estimators": 300,
        "max_depth": 15,
        "min_samples_split": 5,
        "min_samples_leaf": 2,
        "max_features": "sqrt",
        "random_state": 42,
    }
    assert window_of(DAYS[::-1]).model_dump() == {"first_day": DAYS[0], "last_day": DAYS[-1]}
