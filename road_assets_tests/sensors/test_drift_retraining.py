"""The sensor that requests retraining, on evaluations that were really recorded."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from road_assets.checks.drift import check_drift, drift_check_spec
from road_assets.core.drift import DriftEvaluation, count_codes, score_drift
from road_assets.core.vocabulary import FEATURES
from road_assets.sensors import drift_retraining
from road_assets_tests.frames import feature_rows


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def _score(*, drifted: bool) -> dict[date, object]:
    rows = feature_rows(500)
    moved = rows.assign(**{feature.name: feature.codes[-1].value for feature in FEATURES}) if drifted else rows
    return {date(2024, 3, 1): score_drift(count_codes(rows), count_codes(moved))}


def _record(instance: dg.DagsterInstance, *, drifted: bool) -> None:
    """Let a run of an asset with our check spec record what our check finds."""

    @dg.asset(name="drift_report", check_specs=[drift_check_spec])
    def drift_report() -> Iterator[object]:
        yield dg.MaterializeResult()
        yield check_drift(DriftEvaluation(_score(drifted=drifted)))

    assert dg.materialize([drift_report], instance=instance).success


def _tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    result = drift_retraining(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


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
    assert request.partition_key == "2024-03-01"
    assert "13 of 13 features drifted" in request.tags["road/reason"]


def test_one_evaluation_requests_one_retraining(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    assert not _tick(instance, first.cursor).run_requests


def test_each_failed_evaluation_has_a_run_key_of_its_own(instance: dg.DagsterInstance) -> None:
    _record(instance, drifted=True)
    first = _tick(instance)
    _record(instance, drifted=True)
    second = _tick(instance, first.cursor)
    keys = {request.run_key for result in (first, second) for request in result.run_requests or []}
    assert len(keys) == 2


def test_the_sensor_runs_unless_somebody_stops_it() -> None:
    assert drift_retraining.default_status is dg.DefaultSensorStatus.RUNNING
