"""The sensor that requests the days which a release adds or changes, and no others."""

from typing import Final, cast

import dagster as dg

from road_assets import run_tags
from road_assets.asset_names import BAAC_RELEASE, DRIFT_REPORT
from road_assets.days_to_materialize import LABEL, DaysToMaterialize
from road_assets.jobs import daily_job, ingest_job

_INTERVAL_SECONDS: Final = 30
_RELEASES_PER_TICK: Final = 50


@dg.sensor(
    jobs=[ingest_job, daily_job],
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When a release was read: requests the days that it adds or changes, and no others.",
)
def release_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at the releases read since the last tick, oldest first; the cursor is the storage id of the last one."""
    after = dg.AssetRecordsFilter(dg.AssetKey(BAAC_RELEASE), after_storage_id=int(context.cursor or 0))
    records = context.instance.fetch_materializations(after, limit=_RELEASES_PER_TICK, ascending=True).records
    if not records:
        return dg.SensorResult(skip_reason="no release was read")
    newest = {record.partition_key: record for record in records}  # a later reading of a year replaces an earlier one
    answers = [_changed_days(context, record) for record in newest.values()]
    requests = [request for requests, _ in answers for request in requests]
    reason = None if requests else "; ".join(reason for _, reason in answers)
    return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=str(records[-1].storage_id))


def _changed_days(context: dg.SensorEvaluationContext, record: dg.EventLogRecord) -> tuple[list[dg.RunRequest], str]:
    """One run per span of days, or why there is none; damaged days have spans of their own, whose runs say why."""
    run = context.instance.get_run_by_id(record.run_id)
    if run is not None and run_tags.MAIN_JOB in run.tags:
        return [], f"`road up` read the release of {record.partition_key} and materializes its days itself"
    materialization = cast("dg.AssetMaterialization", record.asset_materialization)
    if LABEL not in materialization.metadata:  # reported through Dagster's pages
        return [], f"the materialization of {record.partition_key} does not say which days it changes"
    asked = DaysToMaterialize.model_validate(materialization.metadata[LABEL].value)
    # Scores need a model in production, and there is one if drift was ever measured.
    measured = context.instance.get_latest_materialization_event(dg.AssetKey(DRIFT_REPORT)) is not None
    reason = {run_tags.REASON: f"changed by the release of {record.partition_key}, read by run {record.run_id}"}
    requests = [
        dg.RunRequest(
            run_key=f"release-{record.storage_id}-{first}",
            job_name=(daily_job if measured else ingest_job).name,
            tags={run_tags.RANGE_START: first, run_tags.RANGE_END: last, **reason},
        )
        for first, last in (*asked.spans, *asked.damaged)
    ]
    return requests, f"the release of {record.partition_key} changes no day"
