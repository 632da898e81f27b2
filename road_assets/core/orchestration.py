"""Names of jobs and run tags that platform and service share; the service starts jobs without importing Dagster."""

from typing import Final

DAILY_JOB: Final = "daily_job"
"""Everything that a day of data needs, its drift included."""

TRAINING_JOB: Final = "training_job"

ROLLBACK_JOB: Final = "rollback_job"
ROLLBACK_OP: Final = "rollback"
"""Its op, to be configured with ``version`` (null: the champion before) and ``decided_by``."""

REASON: Final = "road/reason"
"""Tag: why a run was requested, in words."""

PARTITION: Final = "dagster/partition"
"""Tag that Dagster itself reads: which partition a run is for."""

RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"
"""Tags that Dagster reads in its place: for which days, the last one included."""
