"""Tags of runs: those that Dagster gives a meaning, and ours.

Nothing of Dagster is imported here, so that the supervisor of ``road up`` can use them.
"""

from typing import Final

from road_assets.core.orchestration import PARTITION, REASON

__all__ = ("MAIN_JOB", "PARTITION", "RANGE_END", "RANGE_START", "REASON")

RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"

MAIN_JOB: Final = "road/main_job"
"""The run belongs to the main job of ``road up``, which decides itself what follows."""

TRIGGER: Final = "road/trigger"
"""The sign of drift that a retraining answers, as ``check-12``."""
