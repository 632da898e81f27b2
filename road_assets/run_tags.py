"""Tags of runs: those that Dagster gives a meaning, and ours.

Nothing of Dagster is imported here, so that the supervisor of ``road up`` can use them.
"""

from typing import Final

PARTITION: Final = "dagster/partition"
RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"

REASON: Final = "road/reason"
"""Why a run was requested, in words."""

MAIN_JOB: Final = "road/main_job"
"""The run belongs to the main job of ``road up``, which decides itself what follows."""
