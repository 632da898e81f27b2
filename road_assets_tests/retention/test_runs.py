"""Old runs of a real Dagster storage: aged, removed, and every partition as it was."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.retention.runs import RetentionError, remove_runs

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
OLDEST = datetime.now(UTC) - timedelta(days=90)
BROKEN = "2024-01-25"


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("fine", asset="rows")],
)
def rows(context: dg.AssetExecutionContext) -> Iterator[Any]:
    if BROKEN in context.partition_keys:
        raise ValueError("this day is damaged")
    for day in context.partition_keys:
        yield dg.AssetObservation("rows", partition=day, metadata={"seen": day})
    yield dg.MaterializeResult(metadata={"days": len(context.partition_keys)})
    yield dg.AssetCheckResult(check_name="fine", passed=len(context.partition_keys) > 1)


@dg.asset(deps=[rows])
def card(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    print("drawn")  # noqa: T201 - goes to the logs of the step
    return dg.MaterializeResult(data_version=dg.DataVersion(context.run_id))


DEFINITIONS = dg.Definitions(
    assets=[rows, card],
    jobs=[
        dg.define_asset_job("days", selection=["rows"], executor_def=dg.in_process_executor),
        dg.define_asset_job("cards", selection=["card"], executor_def=dg.in_process_executor),
    ],
)


class Storage:
    """A Dagster instance, and what can be seen in it."""

    def __init__(self, instance: dg.DagsterInstance, url: str) -> None:
        self.instance, self.url = instance, url

    def days(self, first: str, last: str) -> str:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return self._run("days", tags)

    def card(self) -> str:
        return self._run("cards", {})

    def _run(self, job: str, tags: dict[str, str]) -> str:
        definition = DEFINITIONS.resolve_job_def(job)
        return definition.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).run_id

    def age(self, *runs: str, days: int = 100) -> None:
        with psycopg.connect(self.url) as connection:
            query = (
                "UPDATE runs SET update_timestamp = update_timestamp - make_interval(days => %s) WHERE run_id = ANY(%s)"
            )
            connection.execute(query, (days, list(runs)))

    def query(self, statement: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def shown(self) -> dict[str, Any]:
        """What the pages of the assets rest on."""
        instance, key = self.instance, rows.key
        latest = instance.event_log_storage.get_latest_storage_id_by_partition
        statuses = get_and_update_asset_status_cache_value(instance, key, DAILY)
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key([*rows.check_keys])
        records = instance.get_asset_records([key, card.key])
        return {
            "partitions": instance.get_materialized_partitions(key),
            "materializations": latest(key, dg.DagsterEventType.ASSET_MATERIALIZATION),
            "observations": latest(key, dg.DagsterEventType.ASSET_OBSERVATION),
            "failed": statuses and statuses.deserialize_failed_partition_subsets(DAILY).get_partition_keys(),
            "checks": {check: (record.status, record.run_id) for check, record in checks.items()},
            "last": [record.asset_entry.last_materialization_record for record in records],
            "version": instance.get_latest_data_version_record(card.key),
            "metadata": {day: self._metadata(day) for day in sorted(instance.get_materialized_partitions(key))},
        }

    def _metadata(self, day: str) -> Any:
        filtered = dg.AssetRecordsFilter(rows.key, asset_partitions=[day])
        (record,) = self.instance.fetch_materializations(filtered, limit=1).records
        assert record.asset_materialization is not None
        return record.asset_materialization.metadata


@pytest.fixture
def storage(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Storage]:
    name = f"runs_{tmp_path.name}"
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_POSTGRES_URL", postgres.url(name))
        environment.setenv("ROAD_DAGSTER_STORAGE", str(tmp_path / "storage"))
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            yield Storage(instance, postgres.url(name))


def test_every_partition_is_as_it_was(storage: Storage, tmp_path: Path) -> None:
    replaced = storage.days("2024-01-11", "2024-01-15")
    partly = storage.days("2024-01-01", "2024-01-20")
    broken = storage.days(BROKEN, BROKEN)
    forgotten, current = storage.card(), storage.card()
    young = storage.days("2024-01-01", "2024-01-05")
    storage.age(replaced, partly, broken, forgotten, current)
    before = storage.shown()
    events = storage.query("SELECT count(*) FROM event_logs")[0][0]
    assert len(before["partitions"]) == 20
    assert before["failed"] == [BROKEN]

    told = remove_runs(storage.instance, OLDEST, dry_run=True)
    assert storage.shown() == before
    assert storage.query("SELECT count(*) FROM event_logs") == [(events,)]
    done = remove_runs(storage.instance, OLDEST, dry_run=False)

    assert storage.shown() == before
    assert sorted(done.removed) == sorted([replaced, forgotten]) == sorted(told.removed)
    assert done.kept == told.kept == 3
    left = {run.run_id for run in storage.instance.get_runs()}
    assert left == {partly, broken, current, young}
    assert storage.query("SELECT count(*) FROM event_logs")[0][0] < events / 2
    assert storage.query(
        "SELECT count(*) FROM asset_event_tags t LEFT JOIN event_logs e ON e.id = event_id WHERE e IS NULL"
    ) == [(0,)]
    assert not list((tmp_path / "storage").glob(f"*{current}*"))
    assert list((tmp_path / "storage").glob(f"*{young}*"))
    assert done.freed_bytes == told.freed_bytes > 0


def test_a_run_that_is_kept_still_says_when_it_began_and_how_it_ended(storage: Storage) -> None:
    broken = storage.days(BROKEN, BROKEN)
    storage.age(broken)
    remove_runs(storage.instance, OLDEST, dry_run=False)
    events = [
        entry.dagster_event.event_type_value for entry in storage.instance.all_logs(broken) if entry.dagster_event
    ]
    plans = {"ASSET_MATERIALIZATION_PLANNED", "ASSET_CHECK_EVALUATION_PLANNED"}
    assert [event for event in events if event not in plans] == ["PIPELINE_START", "PIPELINE_FAILURE"]
    run = storage.instance.get_run_by_id(broken)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_doing_it_again_removes_nothing_more(storage: Storage) -> None:
    runs = [storage.days("2024-01-01", "2024-01-20"), storage.card(), storage.card()]
    storage.age(*runs)
    assert len(remove_runs(storage.instance, OLDEST, dry_run=False).removed) == 1
    again = remove_runs(storage.instance, OLDEST, dry_run=False)
    assert (again.removed, again.kept, again.freed_bytes, again.notes) == ([], 2, 0, ["0 events"])


def test_what_runs_is_left_alone_however_long(storage: Storage) -> None:
    run = storage.instance.create_run_for_job(DEFINITIONS.resolve_job_def("cards"))
    storage.instance.report_run_canceling(run)
    storage.age(run.run_id, days=1000)
    assert remove_runs(storage.instance, OLDEST, dry_run=False).removed == []
    assert storage.instance.has_run(run.run_id)


def test_another_storage_is_refused() -> None:
    with pytest.raises(RetentionError, match="InMemoryEventLogStorage, and not as"):
        remove_runs(dg.DagsterInstance.ephemeral(), OLDEST, dry_run=False)
