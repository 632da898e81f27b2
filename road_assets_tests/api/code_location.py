"""A code location with what the service asks Dagster for, under the names and with the config of the real one."""

import dagster as dg

from road_assets.core.drift_alert import DRIFT_ALERT_ASSET

DAILY = dg.DailyPartitionsDefinition(start_date="2024-01-01", timezone="Europe/Paris")


@dg.asset(partitions_def=DAILY)
def features(context: dg.AssetExecutionContext) -> None:
    context.log.info(context.partition_key)


class RollbackConfig(dg.Config):
    version: int | None = None
    decided_by: str = ""


@dg.op
def rollback(config: RollbackConfig) -> None:
    if config.version == 404:
        raise ValueError("never in production")


@dg.job(executor_def=dg.in_process_executor)
def rollback_job() -> None:
    rollback()


@dg.job(executor_def=dg.in_process_executor)
def training_job() -> None:
    rollback()


defs = dg.Definitions(
    assets=[features, dg.AssetSpec(DRIFT_ALERT_ASSET, partitions_def=DAILY)],
    jobs=[
        dg.define_asset_job(
            "daily_job", selection=["features"], partitions_def=DAILY, executor_def=dg.in_process_executor
        ),
        rollback_job,
        training_job,
    ],
)
