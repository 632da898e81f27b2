"""What Dagster's history tells of drift, and of the retrainings that answered it; ``core.retraining`` decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, cast

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from pydantic import BaseModel, ConfigDict

from road_assets import run_tags
from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.checks.drift import DRIFT_CHECK_KEY, RETRAIN_AS_OF
from road_assets.core.drift_alert import DRIFT_ALERT_ASSET
from road_assets.core.retraining import History, InHand, Outcome, Retraining, Trigger
from road_assets.jobs import training_job
from road_assets.partitions import DAILY, to_day

PROMOTED: Final = "promoted"
"""Metadata of ``production_model``: whether the day's run moved the alias."""

_PAGE: Final = 50
_REMEMBERED: Final = timedelta(days=7)
_RUNS_REMEMBERED: Final = 200
_PROMOTIONS_REMEMBERED: Final = 50


class Cursor(BaseModel):
    """How far the sensor has read, and what it follows.

    Attributes:
        checks: storage id of the last evaluation handled.
        alerts: storage id of the last alert handled.
        in_hand: the trigger that a run was requested for.
    """

    model_config = ConfigDict(frozen=True)

    checks: int = 0
    alerts: int = 0
    in_hand: InHand | None = None

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """The cursor as Dagster kept it; none before the first tick."""
        return cls.model_validate_json(text) if text else cls()

    def after(self, handled: Sequence[Trigger], in_hand: InHand | None) -> "Cursor":
        """The cursor once some triggers were handled."""
        return Cursor(
            checks=max([self.checks, *(one.id for one in handled if one.source == "check")]),
            alerts=max([self.alerts, *(one.id for one in handled if one.source == "alert")]),
            in_hand=in_hand,
        )


@dataclass(frozen=True, slots=True)
class NewTriggers:
    """What was told since the cursor.

    Attributes:
        triggers: evaluations and alerts, oldest first.
        held_by: run whose evaluation is still to come and holds up later ones, if any.
    """

    triggers: tuple[Trigger, ...]
    held_by: str | None = None


def read_triggers(instance: dg.DagsterInstance, cursor: Cursor) -> NewTriggers:
    """Everything told after the cursor.

    Args:
        instance: Dagster's storage.
        cursor: how far was read before.
    """
    checks, held_by = _evaluations(instance, cursor.checks)
    found = [*checks, *_alerts(instance, cursor.alerts)]
    return NewTriggers(tuple(sorted(found, key=lambda trigger: trigger.measured_at)), held_by)


_REPEATED_WITHIN: Final = timedelta(minutes=5)


def read_history(instance: dg.DagsterInstance, now: datetime) -> History:
    """The retrainings of the last days, and the last promotion.

    Args:
        instance: Dagster's storage.
        now: moment of the decision.
    """
    going_on = dg.RunsFilter(job_name=training_job.name, statuses=NOT_FINISHED_STATUSES)
    ended = dg.RunsFilter(job_name=training_job.name, statuses=FINISHED_STATUSES, created_after=now - _REMEMBERED)
    records = [
        *instance.get_run_records(going_on),
        *instance.get_run_records(ended, limit=_RUNS_REMEMBERED),
    ]
    # An attempt whose process died counts by the one that Dagster repeats it with.
    records = [record for record in records if run_tags.RETRIED_BY not in record.dagster_run.tags]
    return History(now, tuple(_retraining(record, now) for record in records), _last_promotion(instance))


def _evaluations(instance: dg.DagsterInstance, after: int) -> tuple[list[Trigger], str | None]:
    """Evaluations after a storage id, up to one that is planned by a run which still goes on.

    A planned evaluation has its storage id before it has its outcome: passing it would lose it.
    """
    triggers: list[Trigger] = []
    for record in _records_after(instance, after):
        if record.status is AssetCheckExecutionRecordStatus.PLANNED:
            run = instance.get_run_by_id(record.run_id)
            if run is not None and not run.is_finished:
                return triggers, record.run_id
            continue  # the run ended before it came to the check, and its failure was reported by itself
        triggers.append(_trigger_of_check(record))
    return triggers, None


def _records_after(instance: dg.DagsterInstance, after: int) -> list[AssetCheckExecutionRecord]:
    """Records of the check, oldest first; Dagster hands them out newest first, page by page."""
    found: list[AssetCheckExecutionRecord] = []
    before: int | None = None
    while True:
        page = instance.event_log_storage.get_asset_check_execution_history(DRIFT_CHECK_KEY, _PAGE, before)
        newer = [record for record in page if record.id > after]
        found += newer
        if len(newer) < _PAGE:
            return found[::-1]
        before = page[-1].id


def _trigger_of_check(record: AssetCheckExecutionRecord) -> Trigger:
    event = cast("dg.EventLogEntry", record.event)
    evaluation = cast("dg.AssetCheckEvaluation", event.get_dagster_event().event_specific_data)
    return Trigger(
        source="check",
        id=record.id,
        day=to_day(str(evaluation.metadata[RETRAIN_AS_OF].value)),
        measured_at=_moment(event.timestamp),
        asks=not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR,
        description=str(evaluation.description),
    )


def _alerts(instance: dg.DagsterInstance, after: int) -> list[Trigger]:
    records_filter = dg.AssetRecordsFilter(dg.AssetKey(DRIFT_ALERT_ASSET), after_storage_id=after)
    records = instance.fetch_observations(records_filter, limit=_PAGE, ascending=True).records
    return [
        Trigger(
            source="alert",
            id=record.storage_id,
            day=to_day(str(record.partition_key)) if record.partition_key else _last_day(),
            measured_at=_moment(record.timestamp),
            asks=True,
            description=_words(record),
        )
        for record in records
    ]


def _words(record: dg.EventLogRecord) -> str:
    observation = record.asset_observation
    return (observation and observation.description) or "an alert of Prometheus"


def _last_day() -> date:
    return to_day(str(DAILY.get_last_partition_key()))


def _retraining(record: dg.RunRecord, now: datetime) -> Retraining:
    run = record.dagster_run
    outcome = Outcome.UNFINISHED
    ended = _moment(record.end_time) if record.end_time else record.update_timestamp.replace(tzinfo=UTC)
    # Promised by Dagster, and begun within seconds; a promise that it did not keep then, it has forgotten.
    repeated_soon = run.tags.get(run_tags.WILL_RETRY) == "true" and now - ended < _REPEATED_WITHIN
    finished = run.is_finished and not repeated_soon
    if finished:
        outcome = Outcome.SUCCEEDED if run.is_success else Outcome.FAILED
    return Retraining(
        run_id=run.run_id,
        trigger=run.tags.get(run_tags.TRIGGER),
        requested_at=record.create_timestamp.replace(tzinfo=UTC),
        ended_at=ended if finished else None,
        outcome=outcome,
    )


def _last_promotion(instance: dg.DagsterInstance) -> datetime | None:
    records = instance.fetch_materializations(dg.AssetKey(PRODUCTION_MODEL), limit=_PROMOTIONS_REMEMBERED).records
    for record in records:
        materialization = cast("dg.AssetMaterialization", record.asset_materialization)
        promoted = materialization.metadata.get(PROMOTED)
        if promoted is not None and promoted.value:
            return _moment(record.timestamp)
    return None


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
