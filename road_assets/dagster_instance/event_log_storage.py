"""Dagster's event log in Postgres, for runs over years of daily partitions. ``dagster.yaml`` names it.

Creating a run stores one "planned" event per asset and partition. ``dagster-postgres`` writes materializations in
batches, but planned events one by one, each over two new connections: 31 s for five assets and the 305 days of 2024,
which is more than the data took, and ten minutes for 20 years. This storage writes planned events in batches, too; the
rows stored are the same.

It can also remove superseded events of a run. Dagster's own storage can only remove whole runs.

All other events, such as the observation of each day of a release, are still written one by one. They share one
connection that stays open: opening one (a new server process, a password hashed 4,096 times) takes longer than writing
the event.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import sqlalchemy as sa
from dagster import DagsterEventType, EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

_MAX_OVERFLOW: Final = 20

_ABOUT_ASSETS: Final = (
    *("ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_OBSERVATION", "ASSET_FAILED_TO_MATERIALIZE"),
    *("ASSET_CHECK_EVALUATION", "ASSET_CHECK_EVALUATION_PLANNED"),
)
_ABOUT_RUNS: Final = (
    "PIPELINE_ENQUEUED",
    "PIPELINE_START",
    "PIPELINE_SUCCESS",
    "PIPELINE_FAILURE",
    "PIPELINE_CANCELED",
)

_LATER: Final = """
    SELECT FROM event_logs l WHERE l.asset_key = e.asset_key AND l.id > e.id AND l.dagster_event_type = ANY (ARRAY[
        e.dagster_event_type, CASE e.dagster_event_type WHEN 'ASSET_MATERIALIZATION_PLANNED'
                              THEN 'ASSET_MATERIALIZATION' ELSE e.dagster_event_type END])
"""
"""A later event of the same asset and kind, which supersedes event ``e``; a materialization supersedes its plan."""

_CURRENT: Final = f"""
    CASE WHEN e.dagster_event_type LIKE 'ASSET_CHECK%' THEN e.id IN (
        SELECT evaluation_event_storage_id FROM asset_check_executions WHERE id IN (
            SELECT max(id) FROM asset_check_executions GROUP BY asset_key, check_name, partition))
    ELSE e.asset_key IS NOT NULL AND e.dagster_event_type = ANY (:about_assets)
        AND (e.partition IS NULL OR NOT EXISTS ({_LATER} AND l.partition = e.partition))
        AND (e.partition IS NOT NULL OR NOT EXISTS ({_LATER} AND l.partition IS NULL)) END
"""  # noqa: S608 - made of constants
_SUPERSEDED: Final = f"""
    e.run_id = ANY (:runs) AND NOT coalesce({_CURRENT}, false)
    AND coalesce(e.dagster_event_type, '') <> ALL (:about_runs)
"""
_WITH_CURRENT: Final = f"SELECT DISTINCT e.run_id FROM event_logs e WHERE e.run_id = ANY (:runs) AND {_CURRENT}"  # noqa: S608
_COUNT: Final = f"SELECT count(*) FROM event_logs e WHERE {_SUPERSEDED}"  # noqa: S608
_REMOVE: Final = f"""
    WITH gone AS (DELETE FROM event_logs e WHERE {_SUPERSEDED} RETURNING e.id),
         tags AS (DELETE FROM asset_event_tags t USING gone WHERE t.event_id = gone.id),
         checks AS (DELETE FROM asset_check_executions c WHERE c.run_id = ANY (:runs) AND c.id NOT IN (
                    SELECT max(id) FROM asset_check_executions GROUP BY asset_key, check_name, partition))
    SELECT count(*) FROM gone
"""  # noqa: S608


class BatchingEventLogStorage(PostgresEventLogStorage):
    """Writes planned materializations in batches of ``DAGSTER_EVENT_BATCH_SIZE``, and keeps one connection open."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,  # noqa: FBT001, FBT002 - Dagster's signature
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        """Open the storage as Dagster does, but with a pool of one connection.

        Args:
            postgres_url: of Dagster's database.
            should_autocreate_tables: create the tables if they do not exist.
            inst_data: how the instance was configured.
        """
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        # Further threads get overflow connections, closed after use. The ping finds connections of a restarted server.
        self._engine = create_pg_engine(
            postgres_url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=_MAX_OVERFLOW, pool_pre_ping=True
        )

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Made from ``dagster.yaml``."""
        return cls(pg_url_from_config(config_value), config_value.get("should_autocreate_tables", True), inst_data)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of the kinds that Dagster batches, in any mixture.

        Args:
            events: of any number of assets; those of one asset in the order in which they are to be stored.
        """
        planned = [event for event in events if _is_planned(event)]
        others = [event for event in events if not _is_planned(event)]
        if planned:
            self._store_planned(planned)
        if others:
            super().store_event_batch(others)

    def _store_planned(self, events: Sequence[EventLogEntry]) -> None:
        """Insert all events, then record the last one of each asset, as Dagster does for materializations."""
        insert = self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id)
        with self._connect() as connection:
            numbers = [number for (number,) in connection.execute(insert)]
        last_of_asset = {
            event.get_dagster_event().asset_key: (event, number) for event, number in zip(events, numbers, strict=True)
        }
        with self.index_transaction() as connection:
            for event, number in last_of_asset.values():
                self._store_asset_event(connection, event, number)

    def runs_with_current_events(self, runs: Sequence[str]) -> set[str]:
        """Runs that hold a current event: the last of its kind for a partition or an asset, or the last of a check.

        Args:
            runs: their ids.
        """
        return {run for (run,) in self._execute(_WITH_CURRENT, runs)}

    def remove_superseded_events(self, runs: Sequence[str], *, dry_run: bool) -> int:
        """Remove the superseded events of finished runs, in one transaction.

        The last event of its kind for a partition, an asset or a check stays, and so do the start and end of a run.

        Args:
            runs: their ids.
            dry_run: only count.

        Returns:
            Number of events removed, or with ``dry_run`` that would be removed.
        """
        ((count,),) = self._execute(_COUNT if dry_run else _REMOVE, runs)
        return int(count)

    def _execute(self, statement: str, runs: Sequence[str]) -> list[Any]:
        given = {"runs": list(runs), "about_assets": list(_ABOUT_ASSETS), "about_runs": list(_ABOUT_RUNS)}
        with self.index_connection() as connection:
            return list(connection.execute(sa.text(statement), given))


def _is_planned(event: EventLogEntry) -> bool:
    return event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED
