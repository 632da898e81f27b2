"""Tags of runs: those that Dagster interprets, and our own.

Nothing of Dagster is imported here, so that the supervisor of ``road up`` can use them.
"""

from typing import Final

from road_assets.core.orchestration import PARTITION, RANGE_END, RANGE_START, REASON

__all__ = (
    "MAIN_JOB",
    "NO_RETRIES",
    "ORDER",
    "PARTITION",
    "RANGE_END",
    "RANGE_START",
    "REASON",
    "RETRIED_BY",
    "RETRY_NUMBER",
    "TRIGGER",
    "WILL_RETRY",
)

ORDER: Final = "road/order"
"""Runs with the value ``IN_ORDER`` wait for each other (``dagster.yaml``): a day needs earlier days, which another run
may be writing."""

IN_ORDER: Final = "ingest"
"""Value for runs that make days from raw rows to features in one go: one at a time, in the order of requests."""

RETRY_NUMBER: Final = "dagster/retry_number"
"""On a run that Dagster started because the process of an earlier attempt died."""

WILL_RETRY: Final = "dagster/will_retry"
"""On a failed run: ``true`` if Dagster is going to start another attempt."""

RETRIED_BY: Final = "dagster/auto_retry_run_id"
"""On a failed run: that other attempt, once there is one."""

MAIN_JOB: Final = "road/main_job"
"""The run belongs to the main job of ``road up``, which requests the following runs itself."""

TRIGGER: Final = "road/trigger"
"""The drift trigger that a retraining answers, as ``check-12``."""

NO_RETRIES: Final = {"dagster/max_retries": "0"}
"""Dagster does not retry the run when its process dies: whoever requested it does."""
