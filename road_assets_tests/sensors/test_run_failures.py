"""The sensor that reports failed runs, on runs that really failed, with the real table."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import psycopg
import pytest

from road_assets import run_tags
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database
from road_assets.resources.run_failures import RunFailure, store_run_failure
from road_assets.sensors import run_failures
from road_assets.sensors.run_failures import describe_failure

DAY = "2024-03-01"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Database:
    with psycopg.connect(postgres.url("road")) as connection:
        connection.execute("DELETE FROM run_failures")
    return Database(url=postgres.url("road"))


def _rows(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute("SELECT job, partition, step, message, reason FROM run_failures").fetchall()


@dg.op
def read_the_files() -> None:
    raise FileNotFoundError("usagers-2024.csv is missing; put it beside the others")


@dg.job
def ingest_job() -> None:
    read_the_files()


def _fail(
    instance: dg.DagsterInstance, tags: dict[str, str], database: Database | None = None
) -> dg.RunFailureSensorContext:
    result = ingest_job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    return dg.build_run_status_sensor_context(
        sensor_name="run_failures",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        resources={"database": database} if database else None,
    ).for_run_failure()


def test_a_failure_is_told_by_its_step_its_day_its_reason_and_its_innermost_error(
    instance: dg.DagsterInstance, database: Database
) -> None:
    tags = {run_tags.PARTITION: DAY, run_tags.REASON: "drift: score 0.9"}
    store_run_failure(database, describe_failure(_fail(instance, tags)))
    ((job, partition, step, message, reason),) = _rows(database)
    assert (job, partition, step, reason) == ("ingest_job", DAY, "read_the_files", "drift: score 0.9")
    assert "usagers-2024.csv is missing" in str(message)


def test_the_sensor_notes_it_and_says_so_in_the_tick(instance: dg.DagsterInstance, database: Database) -> None:
    days = {run_tags.RANGE_START: DAY, run_tags.RANGE_END: "2024-03-09"}
    answer = run_failures(_fail(instance, days, database))
    assert "noted: ingest_job 2024-03-01 to 2024-03-09 failed at read_the_files" in str(answer)
    assert len(_rows(database)) == 1


def test_a_failure_noted_late_keeps_the_time_at_which_the_run_ended(instance: dg.DagsterInstance) -> None:
    context = _fail(instance, {})
    record = instance.get_run_record_by_id(context.dagster_run.run_id)
    assert record is not None
    assert record.end_time is not None
    assert describe_failure(context).failed_at == datetime.fromtimestamp(record.end_time, UTC)


def test_a_failure_reported_twice_is_noted_once(database: Database) -> None:
    failure = RunFailure("run-1", "ingest_job", DAY, "", "the process was killed", "", datetime.now(UTC))
    assert store_run_failure(database, failure)
    assert not store_run_failure(database, failure)
    assert len(_rows(database)) == 1


def test_the_sensor_runs_unless_somebody_stops_it() -> None:
    assert run_failures.default_status is dg.DefaultSensorStatus.RUNNING
