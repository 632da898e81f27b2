"""The sensor that reports failed runs: in the daemon's log, and in a table that dashboards and alerts read."""

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from road_assets import run_tags
from road_assets.resources.database import Database
from road_assets.resources.run_failures import RunFailure, store_run_failure

_LONGEST_MESSAGE: Final = 2_000


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Writes each failed run to the table run_failures: job, day, step, its words, why it was asked for.",
)
def run_failures(context: dg.RunFailureSensorContext, database: Database) -> dg.SkipReason:
    """Note a failed run."""
    failure = describe_failure(context)
    new = store_run_failure(database, failure)
    context.log.error(str(failure))
    return dg.SkipReason(f"{'noted' if new else 'known already'}: {failure}")


def describe_failure(context: dg.RunFailureSensorContext) -> RunFailure:
    """Describe a failed run by the innermost error of the first step that failed, which says most."""
    run = context.dagster_run
    steps = context.get_step_failure_events()
    message = context.failure_event.message or "no message"
    if steps and (error := steps[0].step_failure_data.error):
        while error.cause is not None:
            error = error.cause
        message = error.message.strip()
    return RunFailure(
        run_id=run.run_id,
        job=run.job_name,
        partition=_partition(run.tags),
        step=(steps[0].step_key or "") if steps else "",
        message=message[:_LONGEST_MESSAGE],
        reason=run.tags.get(run_tags.REASON, ""),
        failed_at=_end_of(context.instance, run.run_id),
    )


def _end_of(instance: dg.DagsterInstance, run_id: str) -> datetime:
    """When a run ended; the sensor may see it long after, when the daemon was stopped."""
    record = instance.get_run_record_by_id(run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else datetime.now(UTC)


def _partition(tags: dict[str, str]) -> str:
    first, last = tags.get(run_tags.RANGE_START), tags.get(run_tags.RANGE_END)
    return f"{first} to {last}" if first and last else tags.get(run_tags.PARTITION, "")
