"""The whole job, as the schedule starts it."""

import dagster as dg
import psycopg
import pytest
from pydantic import ValidationError

from road_assets.definitions import build_resources, defs
from road_assets.resources import locks
from road_assets.retention import job
from road_assets.retention.resource import RetentionLimits
from road_assets.retention.settings import RetentionSettings
from road_assets.settings import PlatformSettings
from road_assets_tests.conftest import Platform, failure_of


def run(platform: Platform, *, dry_run: bool) -> dg.ExecuteInProcessResult:
    with platform._environment():  # noqa: SLF001 - the platform runs partitioned jobs only
        definition = platform.definitions.resolve_job_def("retention_job")
        return definition.execute_in_process({"dry_run": dry_run}, instance=platform.instance, raise_on_error=False)


def test_a_step_that_fails_keeps_no_other_from_its_work(platform: Platform) -> None:
    result = run(platform, dry_run=True)
    failed = [event.step_key for event in result.all_events if event.is_step_failure]
    assert failed == ["old_runs"], "this platform keeps Dagster's events in memory"
    assert "not as dagster.yaml says" in failure_of(result)
    for step in ("old_models", "old_reports", "old_lake_days", "unfinished_files", "old_notices"):
        (output,) = [event for event in result.events_for_node(step) if event.event_type_value == "STEP_OUTPUT"]
        metadata = output.step_output_data.metadata
        assert metadata["would be removed"].value == 0
        assert metadata["old and in use"].value == 0


def test_nothing_is_removed_while_a_backup_is_made(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WAIT_SECONDS", 1)
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (locks.REMOVAL,))
        assert "a backup has been at work" in failure_of(run(platform, dry_run=False))


def test_it_runs_each_night_when_the_days_run_is_over() -> None:
    schedule = defs.resolve_schedule_def("retention_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "Europe/Paris")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_the_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_resources(PlatformSettings())["retention"] == RetentionLimits(**RetentionSettings().model_dump())
    monkeypatch.setenv("ROAD_RETENTION_RUN_DAYS", "7")
    monkeypatch.setenv("ROAD_RETENTION_LAKE_DAYS", "900")
    found = build_resources(PlatformSettings())["retention"]
    assert (found.run_days, found.lake_days, found.model_days) == (7, 900, 180)


@pytest.mark.parametrize(("name", "value"), [("LAKE_DAYS", "300"), ("RUN_DAYS", "0"), ("FORMER_CHAMPIONS", "0")])
def test_limits_that_would_remove_what_is_needed_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"ROAD_RETENTION_{name}", value)
    with pytest.raises(ValidationError, match=r"greater than or equal"):
        RetentionSettings()
