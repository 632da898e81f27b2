"""The sensor that requests retraining, on evaluations, alerts and runs that were really recorded."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from road_assets import run_tags
from road_assets.checks.drift import check_drift, drift_check_spec
from road_assets.core.drift import DriftEvaluation, count_codes, score_drift
from road_assets.core.drift_alert import DRIFT_ALERT_ASSET
from road_assets.core.vocabulary import FEATURES
from road_assets.partitions import DAILY
from road_assets.resources.configuration import RetrainingSettings
from road_assets.sensors import drift_retraining
from road_assets.sensors.drift_triggers import Cursor, read_history, read_triggers
from road_assets_tests.frames import feature_rows

DAY = date(2024, 3, 1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def _record(instance: dg.DagsterInstance, *, drifted: bool, day: date = DAY) -> None:
    """Let a run of an asset with our check spec record what our check finds."""
    rows = feature_rows(500)
    moved = rows.assign(**{feature.name: feature.codes[-1].value for feature in FEATURES}) if drifted else rows
    evaluation = DriftEvaluation({day: score_drift(count_codes(rows), count_codes(moved))})

    @dg.asset(name="drift_report", partitions_def=DAILY, check_specs=[drift_check_spec])
    def drift_report() -> Iterator[object]:
        yield dg.MaterializeResult()
        yield check_drift(evaluation)

    assert dg.materialize([drift_report], instance=instance, partition_key=day.isoformat()).success


def _alert(instance: dg.DagsterInstance, day: date = DAY) -> None:
    instance.report_runless_asset_event(
        dg.AssetObservation(DRIFT_ALERT_ASSET, partition=day.isoformat(), description="HighDataDrift is firing")
    )


def _tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"retraining": RetrainingSettings(attempts=2)}
    )
    result = drift_retraining(context)
    assert isinstance(result, dg.SensorResult)
    return result


def _start(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """What the daemon makes of a request."""
    run = create_run_for_test(
        instance, job_name="training_job", status=dg.DagsterRunStatus.STARTED, tags=dict(request.tags)
    )
    return _end(instance, run, status)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    if status is dg.DagsterRunStatus.SUCCESS:
        instance.report_engine_event("done", run)
        instance.handle_new_event(_event(run, dg.DagsterEventType.RUN_SUCCESS))
    if status is dg.DagsterRunStatus.FAILURE:
        instance.report_run_failed(run)
    return run


def _event(run: dg.DagsterRun, kind: dg.DagsterEventType, told: Any = None) -> dg.EventLogEntry:
    event = dg.DagsterEvent(event_type_value=kind.value, job_name=run.job_name, event_specific_data=told)
    return dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run.run_id,
        timestamp=datetime.now(UTC).timestamp(),
        job_name=run.job_name,
        dagster_event=event,
    )


def test_nothing_is_requested_before_the_first_evaluation(instance: dg.DagsterInstance) -> None:
    result = _tick(instance)
    assert not result.run_requests
    assert "no new evaluation" in str(result.skip_reason)


def test_a_passed_check_requests_nothing_and_says_the_score(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=False)
    result = _tick(instance)
    assert not result.run_requests
    assert "0 of 13 features drifted" in str(result.skip_reason)


def test_a_failed_check_requests_retraining_for_its_day(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    (request,) = _tick(instance).run_requests or []
    assert (request.job_name, request.partition_key) == ("training_job", "2024-03-01")
    assert "13 of 13 features drifted" in request.tags[run_tags.REASON]
    assert request.tags[run_tags.TRIGGER].startswith("check-")
    assert request.tags.items() >= run_tags.NO_RETRIES.items(), "the sensor itself tries again"


def test_evaluations_between_two_ticks_are_drained_oldest_first(instance: dg.DagsterInstance) -> None:
    for number, drifted in enumerate((False, True, True), start=1):
        _record(instance, drifted=drifted, day=date(2024, 3, number))
    (request,) = _tick(instance).run_requests or []
    assert request.partition_key == "2024-03-02"


def test_more_evaluations_than_a_page_holds_are_all_read(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("road_assets.sensors.drift_triggers._PAGE", 2)
    for _ in range(5):
        _record(instance, drifted=False)
    assert len(read_triggers(instance, Cursor()).triggers) == 5


def test_one_evaluation_requests_one_retraining(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    assert "about to start" in str(_tick(instance, first.cursor).skip_reason)


def test_while_the_run_goes_on_its_tick_names_it(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    run = _start(instance, (first.run_requests or [])[0], dg.DagsterRunStatus.STARTED)
    assert run.run_id in str(_tick(instance, first.cursor).skip_reason)


def test_check_and_alert_of_one_drift_start_one_run(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    _alert(instance)
    first = _tick(instance)
    (request,) = first.run_requests or []
    _start(instance, request, dg.DagsterRunStatus.SUCCESS)
    second = _tick(instance, first.cursor)
    assert not second.run_requests
    assert "has answered it already" in str(second.skip_reason)
    third = _tick(instance, second.cursor)
    assert "no new evaluation" in str(third.skip_reason)


def test_an_alert_alone_requests_retraining_for_its_day(instance: dg.DagsterInstance) -> None:
    _alert(instance)
    (request,) = _tick(instance).run_requests or []
    assert request.partition_key == "2024-03-01"
    assert "HighDataDrift is firing" in request.tags[run_tags.REASON]


def test_a_failed_retraining_is_requested_again_under_another_key_and_given_up_in_the_end(
    instance: dg.DagsterInstance,
) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    (request,) = first.run_requests or []
    _start(instance, request, dg.DagsterRunStatus.FAILURE)
    second = _tick(instance, first.cursor)
    (again,) = second.run_requests or []
    assert again.run_key != request.run_key
    assert again.tags[run_tags.TRIGGER] == request.tags[run_tags.TRIGGER]
    _start(instance, again, dg.DagsterRunStatus.FAILURE)
    third = _tick(instance, second.cursor)
    assert not third.run_requests
    assert "gave up" in str(third.skip_reason)


def test_after_a_success_the_next_failed_check_meets_the_cooldown(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    _start(instance, (first.run_requests or [])[0], dg.DagsterRunStatus.SUCCESS)
    _record(instance, drifted=True)
    second = _tick(instance, first.cursor)
    assert not second.run_requests
    assert "cooldown until" in str(second.skip_reason)


def test_after_a_promotion_the_day_is_scored_against_the_new_model(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    _start(instance, (first.run_requests or [])[0], dg.DagsterRunStatus.SUCCESS)
    _promote(instance)
    (request,) = _tick(instance, first.cursor).run_requests or []
    assert (request.job_name, request.partition_key) == ("drift_job", "2024-03-01")


def test_what_was_measured_before_a_promotion_is_refused(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    _promote(instance)
    result = _tick(instance)
    assert not result.run_requests
    assert "was replaced at" in str(result.skip_reason)


def _promote(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("production_model", metadata={"promoted": True}))


def test_an_evaluation_still_to_come_holds_up_later_ones_instead_of_being_lost(instance: dg.DagsterInstance) -> None:
    planned = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    _plan(instance, planned)
    _record(instance, drifted=True)
    result = _tick(instance)
    assert not result.run_requests
    assert f"waiting for the evaluation of run {planned.run_id}" in str(result.skip_reason)
    instance.report_run_failed(planned)
    (request,) = _tick(instance, result.cursor).run_requests or []
    assert request.partition_key == "2024-03-01"


def _plan(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned

    planned = AssetCheckEvaluationPlanned(asset_key=dg.AssetKey("drift_report"), check_name="drift")
    instance.handle_new_event(_event(run, dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, planned))


def test_an_evaluation_reported_from_outside_without_our_metadata_does_not_stop_the_sensor(
    instance: dg.DagsterInstance,
) -> None:
    check = {"asset_key": dg.AssetKey("drift_report"), "check_name": "drift"}
    instance.report_runless_asset_event(dg.AssetCheckEvaluation(**check, passed=False, partition="2024-03-02"))
    (request,) = _tick(instance).run_requests or []
    assert request.partition_key == "2024-03-02"


def test_the_history_tells_whose_run_it_was_and_how_it_ended(instance: dg.DagsterInstance) -> None:
    request = dg.RunRequest(tags={run_tags.TRIGGER: "check-1"})
    _start(instance, request, dg.DagsterRunStatus.FAILURE)
    (run,) = read_history(instance, datetime.now(UTC), cooldown=timedelta()).retrainings
    assert (run.trigger, run.outcome) == ("check-1", "failed")
    assert run.ended_at is not None
    assert run.ended_at >= run.requested_at


def test_a_cooldown_longer_than_a_week_is_kept(instance: dg.DagsterInstance) -> None:
    _start(instance, dg.RunRequest(tags={run_tags.TRIGGER: "check-1"}), dg.DagsterRunStatus.SUCCESS)
    later = datetime.now(UTC) + timedelta(days=8)
    assert read_history(instance, later, cooldown=timedelta(days=10)).last_answer is not None
    assert read_history(instance, later, cooldown=timedelta(hours=1)).last_answer is None


def test_the_sensor_runs_unless_somebody_stops_it() -> None:
    assert drift_retraining.default_status is dg.DefaultSensorStatus.RUNNING
