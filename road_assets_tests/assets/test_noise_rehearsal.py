"""A rehearsal through the real graph: with noise drift is found on the day; without it all is clean again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest

from road_assets.checks.drift import DRIFT_CHECK_KEY
from road_assets.core.noise import NOISE, distort, noise_of_days
from road_assets.core.scene_fields import FILLED
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.resources.configuration import RetrainingSettings
from road_assets.resources.runtime_settings import set_noise
from road_assets.sensors import drift_retraining
from road_assets_tests.conftest import FIRST_DAY, LAST_DAY, SMALL_FOREST, Platform, failure_of

DAY = FIRST_DAY + timedelta(days=35)  # one of those that the model learns from
WINDOW = [DAY - timedelta(days=back) for back in range(7)]
ACCIDENTS = "SELECT md5(string_agg(a::text, '|' ORDER BY day, num_acc, user_key)) FROM accidents a"
SCORE = f"SELECT score, noise, drifted_features FROM drift_scores WHERE day = '{DAY}'"  # noqa: S608 - our own day
QUICK = {"ops": {"synthetic_mix": {"config": {"measure": False}}}}
FRAMES = ("raw_accidents", "synthetic_mix", "features")


@dataclass(frozen=True)
class Rehearsal:
    """One day with noise 0.8 on a platform that had none, and that has none again when the tests are over."""

    platform: Platform
    run: dg.ExecuteInProcessResult
    accidents: str
    clean: dict[str, pd.DataFrame]
    noisy: dict[str, pd.DataFrame]

    def said(self, asset: str, name: str) -> str:
        (materialization,) = self.run.asset_materializations_for_node(asset)
        return str(materialization.metadata[name].value)


def frames(platform: Platform) -> dict[str, pd.DataFrame]:
    return {name: platform.resource("lake").read_days(name, [DAY]) for name in FRAMES}


def materialize(platform: Platform, noise: float) -> dg.ExecuteInProcessResult:
    set_noise(platform.resource("database"), noise, by="a test")
    run = platform.run("daily_job", DAY, config=QUICK)
    assert run.success, failure_of(run)
    return run


@pytest.fixture(scope="module")
def rehearsal(platform: Platform) -> Iterator[Rehearsal]:
    clean, ((accidents,),) = frames(platform), platform.query(ACCIDENTS)
    run = materialize(platform, 0.8)
    yield Rehearsal(platform, run, accidents, clean, frames(platform))
    set_noise(platform.resource("database"), 0, by="a test")
    if noise_of_days(frames(platform)["synthetic_mix"]):
        materialize(platform, 0)


def test_what_happened_stays_true(rehearsal: Rehearsal) -> None:
    pd.testing.assert_frame_equal(rehearsal.noisy["raw_accidents"], rehearsal.clean["raw_accidents"])
    assert rehearsal.platform.query(ACCIDENTS) == [(rehearsal.accidents,)]


def test_the_mix_carries_noise_in_its_generated_half_only(rehearsal: Rehearsal) -> None:
    noisy, clean = rehearsal.noisy["synthetic_mix"], rehearsal.clean["synthetic_mix"]
    generated = clean["synthetic"]
    pd.testing.assert_frame_equal(noisy[~generated], clean[~generated])
    assert set(noisy.loc[generated, NOISE]) == {0.8}


def test_every_row_of_the_features_is_distorted_once_keys_and_labels_untouched(rehearsal: Rehearsal) -> None:
    noisy, clean = rehearsal.noisy["features"], rehearsal.clean["features"]
    assert set(clean[NOISE]) == {0.0}
    assert set(noisy[NOISE]) == {0.8}
    others = [name for name in clean.columns if name not in {*FEATURE_NAMES, NOISE, FILLED}]
    pd.testing.assert_frame_equal(noisy[others], clean[others])
    distorted = distort(clean, {DAY: 0.8})
    pd.testing.assert_frame_equal(noisy.drop(columns=FILLED), distorted.drop(columns=FILLED))
    real = ~clean["synthetic"]
    assert noisy.loc[real, FILLED].equals(clean.loc[real, FILLED])
    assert not (noisy[FILLED] & ~clean[FILLED]).any(), "a generated code that noise replaced is not filled in"
    changed = noisy[list(FEATURE_NAMES)] != clean[list(FEATURE_NAMES)]
    for half in (clean["synthetic"], ~clean["synthetic"]):
        assert changed[half].mean().between(0.3, 0.8).all()  # a new code may be the old one


def test_each_place_that_shows_it_calls_it_a_rehearsal(rehearsal: Rehearsal) -> None:
    told = f"rehearsal: noise 0.8 on {DAY}"
    assert rehearsal.said("synthetic_mix", "noise") == told
    assert "by a test" in rehearsal.said("synthetic_mix", "noise setting")
    assert rehearsal.said("features", "noise") == told
    assert rehearsal.said("drift_report", "noise (the window is distorted as much as its last day)") == told
    page = rehearsal.platform.home / "reports" / "drift" / f"{DAY}.html"
    assert "Rehearsal, noise 0.8 in every row – Drift of " in page.read_text()


def test_drift_is_found_on_that_day_and_retraining_requested(rehearsal: Rehearsal) -> None:
    (check,) = [found for found in rehearsal.run.get_asset_check_evaluations() if found.check_name == "drift"]
    assert not check.passed
    assert f"{DAY} (rehearsal: noise 0.8): " in str(check.description)
    ((score, noise, drifted),) = rehearsal.platform.query(SCORE)
    assert score > 0.5
    assert (noise, drifted) == (0.8, round(score * 13))
    loop = {"retraining": RetrainingSettings()}
    result = drift_retraining(dg.build_sensor_context(instance=rehearsal.platform.instance, resources=loop))
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or []
    assert request.partition_key == str(DAY)
    assert "rehearsal: noise 0.8" in request.tags["road/reason"]


def test_the_other_days_of_the_window_stay_as_they_are_stored(rehearsal: Rehearsal) -> None:
    rows = rehearsal.platform.resource("lake").read_days("features", WINDOW[1:])
    assert set(rows[NOISE]) == {0.0}


def test_what_a_model_learned_from_noisy_days_is_said(rehearsal: Rehearsal) -> None:
    run = rehearsal.platform.run("training_job", LAST_DAY, config=SMALL_FOREST, only=("severity_model",))
    assert run.success, failure_of(run)
    (trained,) = run.asset_materializations_for_node("severity_model")
    assert trained.metadata["noise (days that are a rehearsal)"].value == f"rehearsal: noise 0.8 on {DAY}"


def test_reset_and_materialized_again_all_rows_are_the_clean_ones_and_the_check_passes(rehearsal: Rehearsal) -> None:
    platform = rehearsal.platform
    run = materialize(platform, 0)
    for name, rows in frames(platform).items():
        pd.testing.assert_frame_equal(rows, rehearsal.clean[name])
    (check,) = [found for found in run.get_asset_check_evaluations() if found.check_name == "drift"]
    assert check.passed
    assert "rehearsal" not in str(check.description)
    ((score, noise, _),) = platform.query(SCORE)
    assert score <= 0.5
    assert noise == 0
    record = platform.instance.get_latest_asset_check_evaluation_record(DRIFT_CHECK_KEY)
    assert record is not None
    assert record.evaluation.passed


def test_features_follow_their_mix_and_not_a_setting_changed_since(rehearsal: Rehearsal) -> None:
    platform = rehearsal.platform
    materialize(platform, 0)
    set_noise(platform.resource("database"), 0.8, by="a test")
    run = platform.run("ingest_job", DAY, only=("features",))
    set_noise(platform.resource("database"), 0, by="a test")
    assert run.success, failure_of(run)
    pd.testing.assert_frame_equal(frames(platform)["features"], rehearsal.clean["features"])


def test_partitions_older_than_the_column_are_read_as_clean(rehearsal: Rehearsal) -> None:
    platform, before = rehearsal.platform, WINDOW[1]
    lake = platform.home / "lake"
    features, mix = (lake / asset / str(before.year) / f"{before}.parquet" for asset in ("features", "synthetic_mix"))
    expected, whole_mix = features.read_bytes(), mix.read_bytes()
    for path in (features, mix):
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns([NOISE]), path)
    for noise in (0.8, 0):  # beside a day that has the column, as an evaluation reads them
        materialize(platform, noise)
    run = platform.run("ingest_job", before, only=("features",))
    mix.write_bytes(whole_mix)
    assert run.success, failure_of(run)
    assert features.read_bytes() == expected
