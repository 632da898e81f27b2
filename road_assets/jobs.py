"""Which assets are materialized together."""

from typing import Final

import dagster as dg

from road_assets.partitions import DAILY, YEARLY

_EXECUTOR: Final = dg.in_process_executor
"""A process per step would cost four to six seconds each."""

_INGEST: Final = ("raw_accidents", "accidents_table", "synthetic_mix", "features")
_DRIFT: Final = ("drift_report",)

release_job = dg.define_asset_job(
    "release_job",
    selection=["baac_release"],
    partitions_def=YEARLY,
    executor_def=_EXECUTOR,
    description="Read a year's release.",
)
ingest_job = dg.define_asset_job(
    "ingest_job",
    selection=[*_INGEST],
    partitions_def=DAILY,
    executor_def=_EXECUTOR,
    description="From the release to features and to the table of accidents, for any window of days.",
)
drift_job = dg.define_asset_job(
    "drift_job",
    selection=[*_DRIFT],
    partitions_def=DAILY,
    executor_def=_EXECUTOR,
    description="Score the drift of any window of days against the production model's training window.",
)
daily_job = dg.define_asset_job(
    "daily_job",
    selection=[*_INGEST, *_DRIFT],
    partitions_def=DAILY,
    executor_def=_EXECUTOR,
    description="Everything that a new day of data needs.",
)
training_job = dg.define_asset_job(
    "training_job",
    selection=["severity_model", "production_model", "model_metrics_table"],
    partitions_def=DAILY,
    executor_def=_EXECUTOR,
    description="Train as of a day, promote the better model, write the figures.",
)

ALL_JOBS: Final = (release_job, ingest_job, drift_job, daily_job, training_job)
