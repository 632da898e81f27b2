"""What runs because something happened."""

from typing import Final, cast

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from road_assets.checks.drift import DRIFT_CHECK_KEY, RETRAIN_AS_OF
from road_assets.jobs import training_job

_INTERVAL_SECONDS: Final = 30
REASON_TAG: Final = "road/reason"
_FINISHED: Final = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dg.sensor(
    job=training_job,
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests retraining when the drift check fails; once per evaluation.",
)
def drift_retraining(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at the newest evaluation; the cursor is the storage id of the last one handled."""
    record = context.instance.get_latest_asset_check_evaluation_record(DRIFT_CHECK_KEY)
    if record is None or record.status not in _FINISHED or str(record.id) == context.cursor:
        return dg.SensorResult(skip_reason="no new evaluation of the drift check")
    evaluation = cast("dg.AssetCheckEvaluation", record.evaluation)
    if evaluation.passed:
        return dg.SensorResult(skip_reason=f"no retraining: {evaluation.description}", cursor=str(record.id))
    request = dg.RunRequest(
        run_key=f"drift-{record.id}",
        partition_key=str(evaluation.metadata[RETRAIN_AS_OF].value),
        tags={REASON_TAG: f"drift: {evaluation.description}"},
    )
    return dg.SensorResult(run_requests=[request], cursor=str(record.id))
