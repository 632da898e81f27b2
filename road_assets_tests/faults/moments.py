"""What the platform is doing at this moment, as far as it can be seen from its tables."""

from typing import Final

import psycopg

from road_assets_tests.faults.platforms import ObservedPlatform

LAUNCH: Final = "launch"
BACKFILL: Final = "backfill"
TRAINING: Final = "training"
PROMOTION: Final = "promotion"
SWAP: Final = "swap"
OUTAGE: Final = "outage"
REST: Final = "rest"

MOMENTS: Final = (LAUNCH, BACKFILL, TRAINING, PROMOTION, SWAP, OUTAGE)
"""In the order of the table. ``launch``: a run waits, or its process is starting; ``outage``: Postgres is away."""

_PROMOTING: Final = frozenset({"gate", "production_model", "severity_model_gate"})
_GOING_ON: Final = """
    SELECT r.pipeline_name, r.status, (
        SELECT step_key FROM event_logs WHERE run_id = r.run_id AND dagster_event_type = 'STEP_START'
        ORDER BY id DESC LIMIT 1)
    FROM runs r WHERE r.status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED') ORDER BY r.id LIMIT 1
"""
_TO_BE_REPEATED: Final = """
    SELECT count(*) FROM runs r JOIN run_tags w ON w.run_id = r.run_id
    WHERE r.status = 'FAILURE' AND w.key = 'dagster/will_retry' AND w.value = 'true'
    AND r.update_timestamp > (now() AT TIME ZONE 'utc') - interval '45 seconds'
    AND NOT EXISTS (SELECT 1 FROM run_tags t WHERE t.run_id = r.run_id AND t.key = 'dagster/auto_retry_run_id')
"""


def moment_of(platform: ObservedPlatform) -> str:
    """Name the moment."""
    try:
        if _is_swapping(platform):
            return SWAP
        going_on = platform.query(_GOING_ON, database="dagster")
        if not going_on:
            return LAUNCH if repetitions_due(platform) else REST
    except psycopg.OperationalError:
        return OUTAGE
    ((job, status, step),) = going_on
    if status != "STARTED":
        return LAUNCH
    if job == "rollback_job" or step in _PROMOTING:
        return PROMOTION
    return TRAINING if job == "training_job" else BACKFILL


def is_at_rest(platform: ObservedPlatform) -> bool:
    """Whether nothing goes on and nothing is still to be repeated."""
    return moment_of(platform) == REST


def repetitions_due(platform: ObservedPlatform) -> int:
    """Failed runs that Dagster has promised to run again, and has not yet.

    It does so within seconds, or has forgotten it, as when the disk was full.

    Raises:
        psycopg.OperationalError: Postgres is away.
    """
    ((due,),) = platform.query(_TO_BE_REPEATED, database="dagster")
    return int(due)


def _is_swapping(platform: ObservedPlatform) -> bool:
    """Whether the registry shows another model than the one that answers."""
    decided = platform.query("SELECT version FROM champion WHERE published")
    serving = platform.serving() if decided else None
    return serving is not None and serving != decided[0][0]
