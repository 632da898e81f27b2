"""The whole graph on a generated release, with a real Postgres and a real MLflow."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from road_assets.checks.drift import DRIFT_CHECK_KEY, RETRAIN_AS_OF
from road_assets.core.bundle import Bundle
from road_assets.core.drift_counts import NUMERIC_NAMES
from road_assets.core.model_input import model_matrix
from road_assets.core.vocabulary import DATA_OFFICIAL, FEATURE_NAMES, TARGET
from road_assets_tests.conftest import FIRST_DAY, LAST_DAY, SMALL_FOREST, Platform, failure_of

SEVERE_SHARE = """
    SELECT current_rows, current_accidents, severe_share, severe_share_low, severe_share_high, reference_severe_share
    FROM drift_scores WHERE day = '2024-03-15'"""
SEVERE_USERS = """
    SELECT count(*), count(DISTINCT num_acc), avg((grav IN (2, 3))::int)::float
    FROM accidents WHERE day BETWEEN '2024-03-09' AND '2024-03-15' AND grav IS NOT NULL"""
DAYS = [FIRST_DAY + timedelta(days=offset) for offset in range((LAST_DAY - FIRST_DAY).days + 1)]


def test_every_user_of_the_release_stands_once_in_the_table(platform: Platform) -> None:
    users = sum(1 for _ in (platform.releases / "usagers-2024.csv").open()) - 1
    ((rows, keys, days),) = platform.query(
        "SELECT count(*), count(DISTINCT (num_acc, user_key)), count(DISTINCT day) FROM accidents"
    )
    assert (rows, keys, days) == (users, users, len(DAYS))


def test_the_table_repeats_what_the_files_say(platform: Platform) -> None:
    places = pd.read_csv(platform.releases / "lieux-2024.csv", sep=";", dtype=str).drop_duplicates("Num_Acc")
    expected = places.set_index("Num_Acc")["catr"].astype(int).to_dict()
    found = dict(platform.query("SELECT DISTINCT num_acc, catr FROM accidents"))
    assert found == {number: expected[number] for number in found}
    assert len(found) > 1000


def test_materializing_a_window_again_changes_no_row(platform: Platform) -> None:
    everything = "SELECT md5(string_agg(a::text, '|' ORDER BY day, num_acc, user_key)) FROM accidents a"
    before = platform.query(everything), _contents(platform, "features")
    assert platform.run("ingest_job", DAYS[40], DAYS[45]).success
    assert (platform.query(everything), _contents(platform, "features")) == before


def test_half_of_each_day_is_generated_and_marked(platform: Platform) -> None:
    mix = platform.resource("lake").read_days("synthetic_mix", DAYS)
    real, generated = (mix[mix["synthetic"] == kind]["day"].dt.date.value_counts() for kind in (False, True))
    assert sorted(real.index) == DAYS
    assert real.to_dict() == generated.to_dict()


def test_generated_rows_never_reach_the_table_of_accidents(platform: Platform) -> None:
    assert platform.query("SELECT count(*) FROM accidents WHERE num_acc LIKE 'S%'") == [(0,)]


def test_features_hold_no_unknown_code_and_a_binary_target(platform: Platform) -> None:
    features = platform.resource("lake").read_days("features", DAYS)
    assert (features[list(FEATURE_NAMES)] >= 0).all(axis=None)
    assert set(features[TARGET].unique()) == {0, 1}


def test_the_same_figure_stands_in_the_table_in_mlflow_and_in_the_manifest(platform: Platform) -> None:
    model = platform.resource("registry").production()
    logged = platform.resource("registry").client().get_run(model.run_id).data.metrics["roc_auc"]
    rows = platform.query("SELECT model_version, roc_auc FROM model_metrics WHERE in_production")
    assert rows == [(model.version, pytest.approx(logged))]
    assert logged == pytest.approx(model.manifest.metrics["roc_auc"])
    assert logged > 0.6  # it learned something


def test_the_published_bundle_reaches_that_figure_when_asked_again(platform: Platform) -> None:
    registry = platform.resource("registry")
    model = registry.production()
    bundle = Bundle.open(registry.bundle_files(model))
    rows = platform.resource("lake").read_days("features", DAYS[-31:])
    real = rows[~rows["synthetic"]]
    severe, mild = (bundle.predict(model_matrix(real[real[TARGET] == outcome])) for outcome in (1, 0))
    wins = (severe[:, None] > mild).mean() + (severe[:, None] == mild).mean() / 2
    assert wins == pytest.approx(model.manifest.metrics["roc_auc"], abs=1e-9)


def test_training_and_evaluation_days_do_not_meet(platform: Platform) -> None:
    manifest = platform.resource("registry").production().manifest
    assert manifest.evaluation_window.last_day == LAST_DAY
    assert manifest.training_window.last_day == manifest.evaluation_window.first_day - timedelta(days=1)


def test_every_day_has_a_drift_score_and_a_row_per_feature(platform: Platform) -> None:
    assert platform.query("SELECT count(*), max(score) <= 1 FROM drift_scores") == [(len(DAYS), True)]
    kinds = dict(platform.query("SELECT kind, count(*) / count(DISTINCT day) FROM drift_features GROUP BY kind"))
    assert kinds == {"feature": len(FEATURE_NAMES), "numeric": len(NUMERIC_NAMES), "prediction": 1, "label": 1}
    days = platform.query("SELECT count(DISTINCT day) FROM drift_features WHERE kind = 'label'")
    assert days == [(len(DAYS),)]


def test_the_tables_tell_the_severe_share_of_the_window_as_the_accidents_do(platform: Platform) -> None:
    ((rows, accidents, share, low, high, reference),) = platform.query(SEVERE_SHARE)
    ((users, numbers, severe),) = platform.query(SEVERE_USERS)
    assert (rows, accidents) == (users, numbers)
    assert share == pytest.approx(severe)
    assert 0 < low < share < high < 1
    assert 0 < reference < 1


def test_the_report_is_drawn_for_the_last_day_and_readable_without_network(platform: Platform) -> None:
    page = platform.home / "reports" / "drift" / f"{LAST_DAY}.html"
    html = page.read_text()
    assert "total-variation distance" in html
    assert DATA_OFFICIAL in html
    assert 'src="http' not in html
    assert sorted(path.suffix for path in page.parent.iterdir() if path.stem == str(LAST_DAY)) == [".html", ".json"]


def test_the_drift_check_passes_where_nothing_changed(platform: Platform) -> None:
    record = platform.instance.get_latest_asset_check_evaluation_record(DRIFT_CHECK_KEY)
    assert record is not None
    assert record.evaluation.passed
    assert "features drifted" in record.evaluation.description


def test_each_day_of_a_run_has_an_evaluation_of_its_own_and_one_at_least_a_picture(platform: Platform) -> None:
    history = platform.instance.event_log_storage.get_asset_check_execution_history(DRIFT_CHECK_KEY, limit=1000)
    done = {record.partition for record in history if record.status.value in {"SUCCEEDED", "FAILED"}}
    assert {str(day) for day in DAYS} <= done
    (last,) = [record for record in history if record.partition == str(LAST_DAY)][:1]
    evaluation = last.event.dagster_event.event_specific_data
    assert evaluation.metadata[RETRAIN_AS_OF].value == str(LAST_DAY)
    assert "data:image/png;base64," in evaluation.metadata["distance per feature"].value
    assert not evaluation.blocking


def test_the_evaluation_of_a_single_day_carries_its_partition(platform: Platform) -> None:
    run = platform.run("drift_job", DAYS[30], config=_drawing("none"))
    assert run.success, failure_of(run)
    (evaluation,) = run.get_asset_check_evaluations()
    assert evaluation.partition == str(DAYS[30])
    assert evaluation.target_materialization_data is not None


def test_metadata_shows_pictures_tables_and_where_the_data_comes_from(platform: Platform) -> None:
    event = platform.instance.get_latest_materialization_event(dg.AssetKey("severity_model"))
    metadata = event.asset_materialization.metadata
    assert metadata["data"].value == DATA_OFFICIAL
    assert "data:image/png;base64," in metadata["ROC"].value
    assert metadata["accuracy of a constant answer"].value < 1
    assert {record.data["figure"] for record in metadata["figures on later days"].records} >= {"roc_auc", "brier"}


def test_pictures_and_tables_stand_in_the_last_day_of_a_run_alone(platform: Platform) -> None:
    run = platform.run("ingest_job", DAYS[40], DAYS[42])
    for asset, large in (("raw_accidents", "users per day"), ("accidents_table", "preview"), ("features", "preview")):
        stored = run.asset_materializations_for_node(asset)
        assert [large in event.metadata for event in stored] == [False, False, True]
        assert all("dagster/row_count" in event.metadata for event in stored)


def test_drift_can_be_scored_without_drawing_anything(platform: Platform) -> None:
    run = platform.run("drift_job", DAYS[50], DAYS[51], config=_drawing("none"))
    assert run.success
    said = run.asset_materializations_for_node("drift_report")[-1].metadata
    assert said["report"].value == "none drawn, as the run's config asks"
    assert "score per day" in said
    assert not any(_page(platform, day).exists() for day in DAYS[50:52])


def test_every_day_of_a_run_can_be_drawn(platform: Platform) -> None:
    run = platform.run("drift_job", DAYS[60], DAYS[61], config=_drawing("every_day"))
    assert run.success
    assert all(_page(platform, day).exists() for day in DAYS[60:62])


def test_a_second_model_that_is_no_better_does_not_replace_the_first(platform: Platform) -> None:
    before = platform.resource("registry").production().version
    worse = {"ops": {"severity_model": {"config": {"n_estimators": 1, "max_depth": 1}}}}
    run = platform.run("training_job", LAST_DAY, config=worse)
    assert run.success
    assert platform.resource("registry").production().version == before
    decision = run.asset_materializations_for_node("production_model")[0].metadata
    assert decision["promoted"].value is False
    assert "not promoted" in decision["decision"].value
    champions = platform.query("SELECT model_version FROM model_metrics WHERE in_production")
    assert champions == [(before,)]


def test_a_day_after_the_release_repeats_a_published_one_and_says_so(platform: Platform) -> None:
    later = date(2025, 2, 5)  # a Wednesday
    run = platform.run("ingest_job", later)
    assert run.success
    (source,) = {row[0] for row in platform.query("SELECT replayed_from FROM accidents WHERE day > '2025-01-01'")}
    assert source.weekday() == later.weekday()
    said = run.asset_materializations_for_node("raw_accidents")[0].metadata["replayed_from"].value
    assert said == f"{later} repeats {source}"
    run = platform.run("drift_job", later, config=_drawing("none"))
    assert run.success, failure_of(run)
    said = run.asset_materializations_for_node("drift_report")[0].metadata
    assert said["replayed days in the window"].value == 1
    assert platform.query(f"SELECT replayed_days FROM drift_scores WHERE day = '{later}'") == [(1,)]  # noqa: S608


def test_a_day_before_every_release_is_refused_with_what_to_do(platform: Platform) -> None:
    run = platform.run("ingest_job", date(2023, 5, 1))
    assert not run.success
    assert "no release holds 2023-05-01" in failure_of(run)
    assert "materialize baac_release for 2023" in failure_of(run)


def test_training_with_too_few_days_is_refused_with_what_to_do(platform: Platform) -> None:
    run = platform.run("training_job", FIRST_DAY + timedelta(days=20), config=SMALL_FOREST)
    assert not run.success
    assert "materialize more days of features" in failure_of(run)


def test_drift_without_a_model_in_production_is_refused(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_assets.resources.model_registry.PRODUCTION_ALIAS", "nobody")
    run = platform.run("drift_job", LAST_DAY)
    assert not run.success
    assert "no model is in production" in failure_of(run)


def _drawing(draw: str) -> dict[str, object]:
    return {"ops": {"drift_report": {"config": {"draw": draw}}}}


def _page(platform: Platform, day: date) -> Path:
    return platform.home / "reports" / "drift" / f"{day}.html"


def _contents(platform: Platform, asset: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (platform.home / "lake" / asset).rglob("*.parquet")}
