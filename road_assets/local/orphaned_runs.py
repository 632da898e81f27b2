"""Marks the runs that died with the code server as failed, so that Dagster retries them. Run as a child process.

Dagster's own run monitoring finds them too, but a run that was launched and had not started yet only after minutes.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import stamina
from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError

MESSAGE: Final = "The code server that ran this was killed or died, and its run with it."
_LAUNCHED: Final = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_LOADING_SECONDS: Final = 3.0
"""What the daemon takes to load the definitions of a code server that is back."""

_PATIENCE_SECONDS: Final = 90.0
"""How long the code server, and Postgres, which may have died at the same time, are waited for."""


def end_orphaned_runs(instance: DagsterInstance, before: float, report: Callable[[str], None]) -> None:
    """Mark every run that was launched and has not ended as failed or cancelled; doing it twice does no harm.

    Args:
        instance: Dagster's storage.
        before: moment at which no process of a run was left, in seconds since the epoch. Later runs are left alone.
        report: told of each run.
    """
    for record in instance.get_run_records(RunsFilter(statuses=_LAUNCHED)):
        run = record.dagster_run
        if _changed_at(record) >= before:
            continue
        if run.status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, MESSAGE)
        else:
            instance.report_run_failed(run, MESSAGE)
        report(f"run {run.run_id} of {run.job_name} is over")


def _changed_at(record: RunRecord) -> float:
    return record.update_timestamp.replace(tzinfo=UTC).timestamp()


def _wait_for_code(host: str, port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            time.sleep(_LOADING_SECONDS)
            return


def main() -> None:
    """End the runs that were launched before the moment on the command line."""
    before = float(sys.argv[1])
    # Dagster repeats a failed run at once, and gives it up for good if there is no code to repeat it with.
    _wait_for_code(os.environ["ROAD_CODE_HOST"], int(os.environ["ROAD_CODE_PORT"]))
    for attempt in stamina.retry_context(
        on=(DagsterPostgresException, DBAPIError), attempts=None, timeout=_PATIENCE_SECONDS, wait_max=5.0
    ):
        with attempt, DagsterInstance.get() as instance:
            end_orphaned_runs(instance, before, lambda line: print(f"{datetime.now(UTC):%H:%M:%S} {line}"))  # noqa: T201 - its log


if __name__ == "__main__":
    main()
