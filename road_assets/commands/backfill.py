"""``road backfill``: ingests many days in ranges that run in parallel, as many at a time as Dagster allows.

Dagster queues the runs and starts them, on this machine or on a cluster; only their order is decided here.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from road_assets import run_tags
from road_assets.errors import UserFacingError
from road_assets.local.dagster_client import DagsterClient
from road_assets.local.main_job import FAILED, FINISHED, SUCCEEDED
from road_assets.local.run_retries import POLL_SECONDS, next_attempt
from road_assets.stages import LEARNING_STAGE, RAW_STAGE, split_into_ranges

INGEST_JOB: Final = "ingest_job"
BACKFILL: Final = "road/backfill"
"""Tag that the runs of one backfill have in common."""


class BackfillError(UserFacingError):
    """Ranges could not be ingested; the message names them."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Days to ingest.

    Attributes:
        first: first day.
        last: last day.
        months: of a range at most.
    """

    first: date
    last: date
    months: int


def run_backfill(
    client: DagsterClient, wanted: Backfill, report: Callable[[str], None], pause: Callable[[float], None] = time.sleep
) -> float:
    """Ingest days, stage by stage; the ranges of a stage run in parallel.

    Ingesting a range again gives the same rows, so a backfill that failed is simply started again.

    Args:
        client: of the running web server.
        wanted: the days.
        report: prints a line for people.
        pause: sleeps between two looks; may raise to end the wait, while the runs go on.

    Returns:
        Seconds that it took.

    Raises:
        BackfillError: runs failed; those of the next stage were not started.
        ValueError: there are no such days.
        DagsterError: Dagster refused a run or went away.
    """
    ranges = split_into_ranges(wanted.first, wanted.last, wanted.months)
    name, started = uuid.uuid4().hex[:8], time.monotonic()
    for stage in (RAW_STAGE, LEARNING_STAGE):
        report(f"{', '.join(stage)}: {len(ranges)} ranges")
        runs = {_launch(client, name, stage, span): span for span in ranges}
        _wait(client, runs, report, pause)
    return time.monotonic() - started


def _launch(client: DagsterClient, name: str, stage: Sequence[str], span: tuple[date, date]) -> str:
    first, last = (day.isoformat() for day in span)
    tags = {run_tags.RANGE_START: first, run_tags.RANGE_END: last, BACKFILL: name}
    # A value of its own: the ranges of a stage need not wait for each other.
    return client.launch(INGEST_JOB, {**tags, run_tags.ORDER: f"{name} {first}"}, assets=stage)


def _wait(
    client: DagsterClient,
    runs: dict[str, tuple[date, date]],
    report: Callable[[str], None],
    pause: Callable[[float], None],
) -> None:
    waiting, failed = dict(runs), {}
    started = time.monotonic()
    while waiting:
        for run, (first, last) in list(waiting.items()):
            status = client.status(run)
            if status not in FINISHED:
                continue
            del waiting[run]
            if status == FAILED and (attempt := next_attempt(client, run, pause)):
                report(f"  {first} to {last}: its process died; Dagster tries again, run {attempt[:8]}")
                waiting[attempt] = (first, last)
                continue
            report(f"  {first} to {last}: {status.lower()} after {time.monotonic() - started:.1f} s, run {run[:8]}")
            if status != SUCCEEDED:
                failed[run] = (first, last)
        if waiting:
            pause(POLL_SECONDS)
    if failed:
        spans = ", ".join(f"{first} to {last} (run {run})" for run, (first, last) in failed.items())
        raise BackfillError(
            f"{len(failed)} of {len(runs)} ranges were not ingested: {spans}. Dagster's pages say why; then start again"
        )
