"""Dagster's event log in Postgres, for runs over years of daily partitions. ``dagster.yaml`` names it.

Creating a run stores one "planned" event per asset and partition. ``dagster-postgres`` writes materializations in
batches, but these one by one, each over two connections of its own: 31 s for five assets and the 305 days of 2024, more
than the data took, and ten minutes for 20 years. Here they go in batches too; what is stored is the same.

Other events still come one by one, such as the observation of each day of a release. They share one connection that
stays open, since making one (a process of the server, a password checked 4,096 times) takes longer than the event.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from dagster import DagsterEventType, EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

_MORE_AT_ONCE: Final = 20


class BatchingEventLogStorage(PostgresEventLogStorage):
    """Writes planned materializations in batches, of ``DAGSTER_EVENT_BATCH_SIZE`` as others, and stays connected."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,  # noqa: FBT001, FBT002 - Dagster's signature
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        """Open the storage; as Dagster's own, but for the pool of one connection.

        Args:
            postgres_url: of Dagster's database.
            should_autocreate_tables: make the tables if there are none.
            inst_data: how the instance was configured.
        """
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        # Threads that ask meanwhile get connections that are closed again. A server that restarted is noticed.
        self._engine = create_pg_engine(
            postgres_url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=_MORE_AT_ONCE, pool_pre_ping=True
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
        """Insert all of them, then note the last one of each asset, as Dagster does for materializations."""
        insert = self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id)
        with self._connect() as connection:
            numbers = [number for (number,) in connection.execute(insert)]
        last_of_asset = {
            event.get_dagster_event().asset_key: (event, number) for event, number in zip(events, numbers, strict=True)
        }
        with self.index_transaction() as connection:
            for event, number in last_of_asset.values():
                self._store_asset_event(connection, event, number)


def _is_planned(event: EventLogEntry) -> bool:
    return event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED
