"""The schedule of the daily job."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG

from road_assets import run_tags
from road_assets.core.missed_days import LONGEST_GAP, days_to_ask_for
from road_assets.jobs import daily_job
from road_assets.partitions import TIMEZONE, partition_days, to_day, to_key

_NAME: Final = "daily_schedule"
_RUNS_LOOKED_AT: Final = 2 * LONGEST_GAP


@dg.schedule(
    job=daily_job,
    cron_schedule="0 3 * * *",
    execution_timezone=TIMEZONE,
    name=_NAME,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "At three in the morning in Paris: materialize yesterday, and the days before it that were missed because the "
        "platform was stopped, up to a month of them."
    ),
)
def daily_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request each day that is due; after an outage Dagster itself runs the last tick only."""
    yesterday = context.scheduled_execution_time.astimezone(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)
    first, _ = partition_days()
    days = [day for day in days_to_ask_for(yesterday, _last_asked(context.instance)) if day >= first]
    if not days:
        yield dg.SkipReason(f"{yesterday} was asked for already, or is before the first partition, {first}")
    for day in days:
        yield dg.RunRequest(run_key=f"day-{day}", partition_key=to_key(day))


def _last_asked(instance: dg.DagsterInstance) -> date | None:
    """The newest day that the schedule has requested.

    A run that somebody executes again has the tags of the first one, so the newest run need not be of the newest day.
    """
    runs = instance.get_runs(dg.RunsFilter(tags={SCHEDULE_NAME_TAG: _NAME}), limit=_RUNS_LOOKED_AT)
    return max((to_day(run.tags[run_tags.PARTITION]) for run in runs), default=None)
