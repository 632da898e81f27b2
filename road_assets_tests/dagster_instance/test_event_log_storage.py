"""Dagster's event log over a real Postgres, opened from the project's own dagster.yaml."""

import shutil
from collections.abc import Iterator
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster_postgres.event_log import PostgresEventLogStorage

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT

DAILY = dg.DailyPartitionsDefinition("2024-01-01")
RANGE = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-01-20"}
DAYS = [f"2024-01-{day:02d}" for day in range(1, 21)]


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def upstream() -> None:
    """Nothing."""


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[upstream],
    check_specs=[dg.AssetCheckSpec("fine", asset="downstream")],
)
def downstream() -> Iterator[Any]:
    """Nothing either, and a check, whose planned event goes another way."""
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(check_name="fine", passed=True)


JOB = dg.Definitions(
    assets=[upstream, downstream], jobs=[dg.define_asset_job("both", executor_def=dg.in_process_executor)]
).resolve_job_def("both")


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> str:
    """Address of an empty database."""
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster_storage")
    return postgres.url("dagster_storage")


@pytest.fixture(scope="module")
def instance(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_POSTGRES_URL", database)
        environment.setenv("ROAD_DAGSTER_STORAGE", str(home / "storage"))
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def _planned(database: str, run: dg.DagsterRun) -> list[tuple[Any, ...]]:
    """Asset, partition, step and transaction of each planned materialization."""
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT asset_key, partition, step_key, xmin::text FROM event_logs"
            " WHERE run_id = %s AND dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED' ORDER BY id",
            (run.run_id,),
        ).fetchall()


def test_planned_partitions_are_written_together(instance: dg.DagsterInstance, database: str) -> None:
    planned = _planned(database, instance.create_run_for_job(JOB, tags=RANGE))
    assert {(asset, day) for asset, day, _, _ in planned} == {
        (f'["{asset}"]', day) for asset in ("upstream", "downstream") for day in DAYS
    }
    assert len(planned) == 2 * len(DAYS)
    assert len({transaction for *_, transaction in planned}) == 1


def test_dagster_finds_what_is_planned_and_what_is_to_be_checked(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(JOB, tags=RANGE)
    for asset in (upstream, downstream):
        info = instance.event_log_storage.get_latest_planned_materialization_info(asset.key, "2024-01-07")
        assert info is not None
        assert info.run_id == run.run_id
        (record,) = instance.get_asset_records([asset.key])
        assert record.asset_entry.last_run_id == run.run_id
    (check,) = downstream.check_keys
    (planned,) = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert planned.run_id == run.run_id


def test_the_same_is_stored_as_without_batches(
    instance: dg.DagsterInstance, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = _planned(database, instance.create_run_for_job(JOB, tags=RANGE))
    one_by_one = PostgresEventLogStorage.store_event_batch
    monkeypatch.setattr(type(instance.event_log_storage), "store_event_batch", one_by_one)
    apart = _planned(database, instance.create_run_for_job(JOB, tags=RANGE))
    assert [row[:3] for row in apart] == [row[:3] for row in together]
    assert len({transaction for *_, transaction in apart}) == len(apart)


def test_events_share_one_connection_and_a_lost_one_is_made_anew(
    instance: dg.DagsterInstance, postgres: EmbeddedPostgres
) -> None:
    def connected() -> list[int]:
        with psycopg.connect(postgres.url("road")) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'dagster_storage'")
            return [pid for (pid,) in rows]

    def observe() -> None:
        instance.report_runless_asset_event(dg.AssetObservation(upstream.key, partition=DAYS[0]))

    observe()
    (held,) = connected()
    observe()
    assert connected() == [held]
    with psycopg.connect(postgres.url("road")) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (held,))
    observe()
    (anew,) = connected()
    assert anew != held
    assert len(instance.fetch_observations(upstream.key, limit=10).records) == 3


def test_a_run_over_many_days_materializes_each(instance: dg.DagsterInstance) -> None:
    assert JOB.execute_in_process(instance=instance, tags=RANGE).success
    assert instance.get_materialized_partitions(downstream.key) == set(DAYS)
