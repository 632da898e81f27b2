"""Writes the table ``run_failures`` for the run-failure sensor; dashboards, metrics and alerts read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from road_assets.resources.database import Database

if TYPE_CHECKING:
    import psycopg

_INSERT = """
    INSERT INTO run_failures (run_id, job, partition, step, message, reason, failed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """A run that failed.

    Attributes:
        run_id: Dagster's.
        job: what it ran.
        partition: for which day or range of days; empty where it has none.
        step: the first step that failed; empty where the run failed as a whole.
        message: what that step said.
        reason: why the run was requested, if anybody said.
        failed_at: when it ended.
    """

    run_id: str
    job: str
    partition: str
    step: str
    message: str
    reason: str
    failed_at: datetime

    def __str__(self) -> str:
        """One line for a log."""
        where = f" at {self.step}" if self.step else ""
        return f"{self.job} {self.partition} failed{where}: {self.message} (run {self.run_id})"


def store_run_failure(database: Database, failure: RunFailure) -> bool:
    """Note a failed run once, however often it is reported.

    Returns:
        Whether it was new.

    Raises:
        psycopg.Error: the database cannot be written.
    """
    row = (
        failure.run_id,
        failure.job,
        failure.partition,
        failure.step,
        failure.message,
        failure.reason,
        failure.failed_at,
    )
    with database.connect() as connection:
        cursor: psycopg.Cursor[tuple[object, ...]] = connection.execute(_INSERT, row)
        return cursor.rowcount == 1
