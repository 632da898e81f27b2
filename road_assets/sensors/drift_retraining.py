"""The sensor that answers drift: failed checks and alerts become retrainings, oldest first and one at a time."""

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from road_assets import run_tags
from road_assets.core.retraining import InHand, Step, next_step
from road_assets.core.retraining_history import History
from road_assets.jobs import drift_job, training_job
from road_assets.partitions import to_key
from road_assets.resources.configuration import RetrainingSettings
from road_assets.sensors.drift_triggers import Cursor, read_history, read_triggers

_INTERVAL_SECONDS: Final = 30


@dg.sensor(
    jobs=[training_job, drift_job],
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Answers the drift check and drift alerts with retraining: oldest first, one at a time, tried again after a "
        "failure, with a pause after a success. Each tick says why it did what it did."
    ),
)
def drift_retraining(context: dg.SensorEvaluationContext, retraining: RetrainingSettings) -> dg.SensorResult:
    """Read what is new, let ``core`` decide, request at most one retraining."""
    cursor = Cursor.read(context.cursor)
    new = read_triggers(context.instance, cursor)
    rules = retraining.rules()
    history = read_history(context.instance, datetime.now(UTC), cooldown=rules.cooldown)
    step = next_step(cursor.in_hand, new.triggers, history, rules)
    for reason in step.reasons:
        context.log.info(reason)
    requests = [*_drift_again(cursor.in_hand, step, history), *_retraining(step)]
    reasons = [*step.reasons, *([f"waiting for the evaluation of run {new.held_by}"] if new.held_by else [])]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(reasons) or "no new evaluation of the drift check and no alert",
        cursor=cursor.after(step.handled, step.in_hand).model_dump_json(),
    )


def _retraining(step: Step) -> list[dg.RunRequest]:
    if step.request is None:
        return []
    trigger, attempt = step.request.trigger, step.request.attempt
    return [
        dg.RunRequest(
            # With the moment, a request that never became a run can be repeated.
            run_key=f"drift-{trigger.name}-{attempt}-{step.request.requested_at.timestamp():.0f}",
            job_name=training_job.name,
            partition_key=to_key(trigger.day),
            tags={run_tags.REASON: step.request_reason, run_tags.TRIGGER: trigger.name, **run_tags.NO_RETRIES},
        )
    ]


def _drift_again(before: InHand | None, step: Step, history: History) -> list[dg.RunRequest]:
    """After a retraining that led to a promotion: score its day against the new model's training window."""
    ended = before is not None and (step.in_hand is None or step.in_hand.trigger != before.trigger)
    if before is None or not ended or not history.promoted_at or history.promoted_at < before.requested_at:
        return []
    return [
        dg.RunRequest(
            run_key=f"drift-again-{before.trigger.name}",
            job_name=drift_job.name,
            partition_key=to_key(before.trigger.day),
            tags={run_tags.REASON: f"a new model is in production since {before.trigger.name} was answered"},
        )
    ]
