"""The job that removes what is old, each night; ``dry_run`` in the launchpad only says what would go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg
import pandas as pd
import psycopg
from pydantic import Field

from road_assets.partitions import TIMEZONE
from road_assets.reporting.metadata import preview
from road_assets.resources import locks
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry
from road_assets.resources.reports import Reports
from road_assets.retention.files import remove_drafts, remove_lake_days, remove_reports
from road_assets.retention.models import remove_models
from road_assets.retention.notices import remove_notices
from road_assets.retention.removal import Removal, days_ago
from road_assets.retention.resource import RetentionLimits
from road_assets.retention.runs import RetentionError, remove_runs

_SHOWN: Final = 50
WAIT_SECONDS: Final = 900
"""A backup is over before, which must not lose files that it has seen named."""


class RetentionConfig(dg.Config):
    """What to do."""

    dry_run: bool = Field(default=False, description="Only say what would be removed.")


@dg.op(description="Finished runs: events that nothing rests on, logs and outputs of steps.")
def old_runs(
    context: dg.OpExecutionContext, config: RetentionConfig, database: Database, retention: RetentionLimits
) -> None:
    """Keep the last event of each kind about each partition, and so its status."""
    with _alone(database):
        _tell(context, config, remove_runs(context.instance, days_ago(retention.run_days), dry_run=config.dry_run))


@dg.op(description="Versions of the model that are neither in production, nor may come back, nor wait for a decision.")
def old_models(
    context: dg.OpExecutionContext,
    config: RetentionConfig,
    database: Database,
    registry: ModelRegistry,
    retention: RetentionLimits,
) -> None:
    """Remove versions and their bundles."""
    oldest, former = days_ago(retention.model_days), retention.former_champions
    with _alone(database):
        _tell(context, config, remove_models(database, registry, oldest, former, dry_run=config.dry_run))


@dg.op(description="Pages of drift reports, here and in MLflow.")
def old_reports(
    context: dg.OpExecutionContext,
    config: RetentionConfig,
    database: Database,
    reports: Reports,
    retention: RetentionLimits,
) -> None:
    """Remove pages; the figures stay."""
    with _alone(database):
        _tell(context, config, remove_reports(reports, days_ago(retention.report_days), dry_run=config.dry_run))


@dg.op(description="Days of Parquet files, if ROAD_RETENTION_LAKE_DAYS says how many are kept.")
def old_lake_days(
    context: dg.OpExecutionContext, config: RetentionConfig, database: Database, lake: Lake, retention: RetentionLimits
) -> None:
    """Remove days of every asset."""
    with _alone(database):
        _tell(context, config, remove_lake_days(lake, retention.lake_days, dry_run=config.dry_run))


@dg.op(description="Files that writers did not finish because they were killed, a day ago or earlier.")
def unfinished_files(
    context: dg.OpExecutionContext, config: RetentionConfig, database: Database, lake: Lake, reports: Reports
) -> None:
    """Remove what lies beside the files of the lake and of the reports."""
    with _alone(database):
        _tell(context, config, remove_drafts([lake.root, reports.folder], dry_run=config.dry_run))


@dg.op(description="Notes of failed runs and of alerts.")
def old_notices(
    context: dg.OpExecutionContext, config: RetentionConfig, database: Database, retention: RetentionLimits
) -> None:
    """Remove rows."""
    _tell(context, config, remove_notices(database, days_ago(retention.notice_days), dry_run=config.dry_run))


def _same_for_all(config: dict[str, Any]) -> dict[str, Any]:
    return {"ops": {op.name: {"config": config} for op in OPS}}


OPS: Final = (old_runs, old_models, old_reports, old_lake_days, unfinished_files, old_notices)


@dg.job(
    executor_def=dg.in_process_executor,
    config=dg.ConfigMapping(_same_for_all, config_schema={"dry_run": dg.Field(bool, default_value=False)}),
    description="Removes what is old: runs, models, reports, days of the lake, notices. What is in use stays.",
)
def retention_job() -> None:
    """Steps that do not depend on each other: one that fails keeps no other from its work."""
    for op in OPS:
        op()


retention_schedule = dg.ScheduleDefinition(
    name="retention_schedule",
    job=retention_job,
    cron_schedule="30 4 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At half past four in the morning in Paris, when the day's run is over: remove what is old.",
)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Wait for a backup, and let none begin meanwhile.

    Raises:
        RetentionError: a backup takes too long.
    """
    with database.connect() as connection:
        connection.autocommit = True
        try:
            locks.acquire(connection, locks.REMOVAL, WAIT_SECONDS)
        except psycopg.errors.LockNotAvailable as error:
            raise RetentionError(
                f"a backup has been at work for {WAIT_SECONDS} s; nothing was removed. The next night's run does it"
            ) from error
        yield


def _tell(context: dg.OpExecutionContext, config: RetentionConfig, removal: Removal) -> None:
    word = "would be removed" if config.dry_run else "removed"
    context.log.info("%s: %d %s, %d old ones are in use", removal.kind, len(removal.removed), word, removal.kept)
    context.add_output_metadata(
        {
            word: len(removal.removed),
            "old and in use": removal.kept,
            "megabytes": round(removal.freed_bytes / 1e6, 3),
            "notes": "; ".join(removal.notes) or "none",
            "names": preview(pd.DataFrame({removal.kind: removal.removed}), rows=_SHOWN),
        }
    )
