"""The jobs: which assets are materialized together."""

from typing import Final

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from road_assets import run_tags
from road_assets.asset_names import (
    BAAC_RELEASE,
    DRIFT_REPORT,
    LIVE_TRAFFIC_DRIFT,
    MODEL_ARCHIVE,
    MODEL_CARD,
    MODEL_METRICS_TABLE,
    PRODUCTION_MODEL,
    SEVERITY_MODEL,
)
from road_assets.ops import rollback_job
from road_assets.partitions import DAILY, YEARLY
from road_assets.retention.job import retention_job
from road_assets.settings import PlatformSettings
from road_assets.stages import INGEST

_EXECUTOR: Final = dg.in_process_executor
"""A process per step would cost four to six seconds each."""


def _training_executor(chosen: str) -> dg.ExecutorDefinition:
    """Only training has a step that is long and large enough to start a Kubernetes Job for it."""
    if chosen == "in_process":
        return _EXECUTOR
    from dagster_k8s import k8s_job_executor

    return k8s_job_executor


_DRIFT: Final = (DRIFT_REPORT,)
_TRAFFIC: Final = (LIVE_TRAFFIC_DRIFT,)
_TRAINING: Final = (SEVERITY_MODEL, PRODUCTION_MODEL, MODEL_CARD, MODEL_ARCHIVE, MODEL_METRICS_TABLE)


def _job(
    name: str,
    assets: tuple[str, ...],
    description: str,
    *,
    partitions: dg.PartitionsDefinition = DAILY,
    executor: dg.ExecutorDefinition = _EXECUTOR,
) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name,
        selection=[*assets],
        partitions_def=partitions,
        executor_def=executor,
        description=description,
        tags={run_tags.ORDER: run_tags.IN_ORDER} if set(INGEST) <= set(assets) else None,
    )


release_job = _job("release_job", (BAAC_RELEASE,), "Read a year's release.", partitions=YEARLY)
ingest_job = _job(
    "ingest_job", INGEST, "From the release to features and to the table of accidents, for any window of days."
)
drift_job = _job(
    "drift_job", _DRIFT, "Score the drift of any window of days against the production model's training window."
)
daily_job = _job("daily_job", (*INGEST, *_DRIFT, *_TRAFFIC), "Everything that a new day of data needs.")
training_job = _job(
    "training_job",
    _TRAINING,
    "Train as of a day, judge, promote the better model, write its card and the figures, archive it.",
    executor=_training_executor(PlatformSettings().step_executor),
)

ALL_JOBS: Final = (release_job, ingest_job, drift_job, daily_job, training_job, rollback_job, retention_job)
