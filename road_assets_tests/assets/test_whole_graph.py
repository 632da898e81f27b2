"""The whole graph on a generated release, with a real Postgres and a real MLflow."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from road_assets.checks.drift import DRIFT_CHECK_KEY
from road_assets.core.bundle import Bundle
from road_assets.core.training import feature_matrix
from road_assets.core.vocabulary import DATA_OFFICIAL, FEATURE_NAMES, TARGET
from road_assets_tests.conftest import FIRST_DAY, LAST_DAY, SMALL_FOREST, Platform

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
    severe, mild = (bundle.predict(feature_matrix(real[real[TARGET] == outcome])) for outcome in (1, 0))
    wins = (severe[:, None] > mild).mean() + (severe[:, None] == mild).mean() / 2
    assert wins == pytest.approx(model.manifest.metrics["roc_auc"], abs=1e-9)


def test_training_and_evaluation_days_do_not_meet(platform: Platform) -> None:
    manifest = platform.resource("registry").production().manifest
    assert manifest.evaluation_window.last_day == LAST_DAY
    assert manifest.training_window.last_day == manifest.evaluation_window.first_day - timedelta(days=1)


def test_every_day_has_a_drift_score_and_a_row_per_feature(platform: Platform) -> None:
    assert platform.query("SELECT count(*), max(score) <= 1 FROM drift_scores") == [(len(DAYS), True)]
    assert platform.query("SELECT count(*) FROM drift_features") == [(len(DAYS) * len(FEATURE_NAMES),)]


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


def test_metadata_shows_pictures_tables_and_where_the_data_comes_from(platform: Platform) -> None:
    event = platform.instance.get_latest_materialization_event(dg.AssetKey("severity_model"))
    metadata = event.asset_materialization.metadata
    assert metadata["data"].value == DATA_OFFICIAL
    assert "data:image/png;base64," in metadata["ROC"].value
    assert metadata["accuracy of a constant answer"].value < 1
    assert {record.data["figure"] for record in metadata["figures on later days"].records} >= {"roc_auc", "brier"}


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
    assert platform.run("drift_job", later).success


def test_a_day_before_every_release_is_refused_with_what_to_do(platform: Platform) -> None:
    run = platform.run("ingest_job", date(2023, 5, 1))
    assert not run.success
    assert "no release holds 2023-05-01" in _failure(run)
    assert "materialize baac_release for 2023" in _failure(run)


def test_training_with_too_few_days_is_refused_with_what_to_do(platform: Platform) -> None:
    run = platform.run("training_job", FIRST_DAY + timedelta(days=20), config=SMALL_FOREST)
    assert not run.success
    assert "materialize more days of features" in _failure(run)


def test_drift_without_a_model_in_production_is_refused(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_assets.resources.model_registry.PRODUCTION_ALIAS", "nobody")
    run = platform.run("drift_job", LAST_DAY)
    assert not run.success
    assert "no model is in production" in _failure(run)


def test_rows_set_aside_stand_in_the_table_in_the_lake_and_in_the_metadata(
    make_platform: Callable[..., Platform],
) -> None:
    damaged = make_platform(accidents=300)
    whole = damage_users(damaged, lines=[7, 20])
    for _ in range(2):  # a second time changes nothing
        run = damaged.run("release_job", "2024")
        assert run.success
    said = run.asset_materializations_for_node("baac_release")[0].metadata
    users = whole.count("\n") - 1
    figures = [said[name].value for name in ("users in", "users kept", "users quarantined", "dagster/row_count")]
    assert figures == [users, users - 2, 2, users - 2]
    rows = damaged.query(
        'SELECT release_year, source_table, file, line, "column", rule, value, day IS NULL FROM quarantine ORDER BY 4'
    )
    expected = ("usagers", "usagers-2024.csv")
    assert rows == [(2024, *expected, line, "grav", "code not in the codebook", "7", False) for line in (7, 20)]
    assert damaged.resource("lake").read_year("quarantine", 2024)["line"].tolist() == [7, 20]
    assert [record.data["line"] for record in said["quarantine"].records] == [7, 20]
    (damaged.releases / "usagers-2024.csv").write_text(whole)  # the corrected file comes
    assert damaged.run("release_job", "2024").success
    assert damaged.query("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_damaged_file_stops_the_release_and_names_it(make_platform: Callable[..., Platform]) -> None:
    broken = make_platform(accidents=300)
    file = broken.releases / "usagers-2024.csv"
    file.write_bytes(file.read_bytes().split(b"\n", 1)[1])  # the header is lost
    run = broken.run("release_job", "2024")
    assert not run.success
    assert "usagers-2024.csv" in _failure(run)
    assert broken.query("SELECT count(*) FROM accidents") == [(0,)]


def test_the_contract_of_every_frame_is_checked_and_blocks(platform: Platform) -> None:
    run = platform.run("ingest_job", DAYS[50])
    checks = {(check.asset_key.path[-1], check.check_name): check for check in run.get_asset_check_evaluations()}
    assert checks.keys() == {
        ("raw_accidents", "contract"),
        ("raw_accidents", "bad_rows"),
        ("synthetic_mix", "contract"),
        ("features", "contract"),
    }
    assert all(check.passed and check.blocking for check in checks.values())
    assert all(check.severity is dg.AssetCheckSeverity.ERROR for check in checks.values())


def test_a_damaged_day_fails_with_what_to_do_and_other_days_go_on(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=600)
    day = DAYS[30]
    lines = lines_of_day(damaged, day)
    damage_users(damaged, lines[:2])
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", DAYS[29], DAYS[31])
    assert not run.success
    message = _failure(run)
    assert f"{day}: 2 of {len(lines)} rows" in message
    assert f"code not in the codebook, as in usagers-2024.csv, line {lines[0]}, grav: '7'" in message
    assert "materialize baac_release for its year" in message
    assert "Days that are not named can be materialized without these" in message
    (evaluation,) = [check for check in run.get_asset_check_evaluations() if not check.passed]
    assert (evaluation.check_name, evaluation.metadata["days above the limit"].value) == ("bad_rows", str(day))
    assert damaged.resource("lake").stored_days("raw_accidents") == []
    assert damaged.run("ingest_job", DAYS[29]).success
    assert damaged.run("ingest_job", DAYS[31], DAYS[33]).success
    assert damaged.query("SELECT count(DISTINCT day) FROM accidents") == [(4,)]
    assert day not in damaged.resource("lake").stored_days("features")


def test_a_last_day_lost_as_a_whole_is_not_taken_for_one_to_be_replayed(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=300)
    damage_users(damaged, lines_of_day(damaged, LAST_DAY))
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", LAST_DAY)
    assert not run.success
    assert f"{LAST_DAY}: " in _failure(run)
    assert "(100%) are in quarantine" in _failure(run)


def test_a_release_with_many_rows_that_tell_no_day_is_not_taken(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=300)
    file = damaged.releases / "usagers-2024.csv"
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *(row[:60] if number % 9 == 0 else row for number, row in enumerate(rows))]))
    accidents = damaged.releases / "caract-2024.csv"
    accidents.write_text(accidents.read_text().replace('"2024";"', '"2024', 40))
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", DAYS[0])
    assert not run.success
    assert "The release of 2024: " in _failure(run)
    assert "do not tell their day" in _failure(run)


def test_a_release_read_before_there_was_a_quarantine_is_to_be_read_again(
    make_platform: Callable[..., Platform],
) -> None:
    old = make_platform(accidents=300)
    assert old.run("release_job", "2024").success
    (old.home / "lake" / "quarantine" / "2024.parquet").unlink()
    run = old.run("ingest_job", DAYS[0])
    assert not run.success
    assert "materialize baac_release for 2024 again" in _failure(run)


def test_a_frame_that_breaks_its_contract_is_not_stored(
    make_platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(accidents=300)
    assert platform.run("release_job", "2024").success
    monkeypatch.setattr("road_assets.assets.features.modes_of", lambda _: dict.fromkeys(FEATURE_NAMES, 99))
    run = platform.run("ingest_job", DAYS[0], DAYS[9])
    assert not run.success
    assert "features breaks its contract: " in _failure(run)
    assert "expected a code of the codebook" in _failure(run)
    assert len(platform.resource("lake").stored_days("synthetic_mix")) == 10
    assert platform.resource("lake").stored_days("features") == []


def lines_of_day(platform: Platform, day: date) -> list[int]:
    """Lines of ``usagers`` that belong to a day; the header is line 1."""
    accidents = pd.read_csv(platform.releases / "caract-2024.csv", sep=";", dtype=str)
    ours = accidents[(accidents["mois"].astype(int) == day.month) & (accidents["jour"].astype(int) == day.day)]
    users = pd.read_csv(platform.releases / "usagers-2024.csv", sep=";", dtype=str)
    return [int(row) + 2 for row in users.index[users["Num_Acc"].isin(ours["Num_Acc"])]]


def damage_users(platform: Platform, lines: list[int]) -> str:
    """Give some lines of ``usagers`` a gravity that no codebook knows; returns the file as it was."""
    file = platform.releases / "usagers-2024.csv"
    whole = file.read_text()
    rows = [row.split(";") for row in whole.split("\n")]
    gravity = rows[0].index('"grav"')
    for line in lines:
        rows[line - 1][gravity] = '"7"'
    file.write_text("\n".join(";".join(row) for row in rows))
    return whole


def _contents(platform: Platform, asset: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (platform.home / "lake" / asset).rglob("*.parquet")}


def _failure(run: dg.ExecuteInProcessResult) -> str:
    return " ".join(str(event.event_specific_data.error) for event in run.all_events if event.is_step_failure)
