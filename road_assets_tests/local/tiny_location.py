"""A code location small enough to watch: jobs with the shapes of the real ones, over assets that do next to nothing."""

import os
import subprocess
import time

import dagster as dg

YEARS = dg.StaticPartitionsDefinition(["2023", "2024"])
DAYS = dg.DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01")


@dg.asset(partitions_def=YEARS)
def release() -> None:
    """Stands for a yearly file."""


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def day(context: dg.AssetExecutionContext) -> None:
    context.log.info("%d days", len(context.partition_keys))


@dg.asset(partitions_def=DAYS, deps=[day], backfill_policy=dg.BackfillPolicy.single_run())
def summary(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    keys = context.partition_keys
    return dg.MaterializeResult(metadata={"days": len(keys), "asked": {"spans": [[keys[0], keys[-1]]]}})


@dg.asset(partitions_def=DAYS)
def broken() -> None:
    try:
        raise KeyError("grav")  # noqa: TRY301
    except KeyError as error:
        raise ValueError("the file of 2024 has no column grav; take the official one") from error


@dg.asset(partitions_def=DAYS)
def refused() -> None:
    raise dg.Failure("2024-01-05: 9 of 10 rows are in quarantine", allow_retries=False)


@dg.asset(partitions_def=DAYS)
def slow() -> None:
    """Runs until it is ended, with a child process of its own, as a trainer with workers has."""
    subprocess.Popen(["sleep", os.environ.get("TINY_SLEEP", "3599")])  # noqa: S603, S607
    time.sleep(600)


def job(name: str, *assets: str, partitions: dg.PartitionsDefinition) -> object:
    return dg.define_asset_job(
        name, selection=list(assets), partitions_def=partitions, executor_def=dg.in_process_executor
    )


defs = dg.Definitions(
    assets=[release, day, summary, broken, refused, slow],
    jobs=[
        job("release_job", "release", partitions=YEARS),
        job("daily_job", "day", "summary", partitions=DAYS),
        job("broken_job", "broken", partitions=DAYS),
        job("refused_job", "refused", partitions=DAYS),
        job("slow_job", "slow", partitions=DAYS),
    ],
)
