"""Reads drift triggers and retrainings from Dagster's storage, for ``core.retraining`` to decide upon."""

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
from road_assets.core.retraining import InHand
from road_assets.core.retraining_history import History, Outcome, Retraining, Trigger
from road_assets.jobs import training_job
from road_assets.partitions import partition_days, to_day

PROMOTED: Final = "promoted"
"""Metadata of ``production_model``: whether the day's run moved the alias."""

_PAGE: Final = 50
_RETRIED_WITHIN: Final = timedelta(minutes=5)
_REMEMBERED: Final = timedelta(days=7)
_LONGEST_RUN: Final = timedelta(days=1)
_RUNS_REMEMBERED: Final = 200
_PROMOTIONS_REMEMBERED: Final = 50


class Cursor(BaseModel):
    """The sensor's cursor: how far it has read, and which trigger it follows up.

    Attributes:
        checks: storage id of the last evaluation handled.
        alerts: storage id of the last alert handled.
        in_hand: the trigger for which a run was requested, until that run has succeeded or was given up.
    """

    model_config = ConfigDict(frozen=True)

    checks: int = 0
    alerts: int = 0
    in_hand: InHand | None = None

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """The cursor as Dagster stored it; before the first tick there is none."""
        return cls.model_validate_json(text) if text else cls()

    def after(self, handled: Sequence[Trigger], in_hand: InHand | None) -> "Cursor":
        """The cursor after some triggers were handled."""
        return Cursor(
            checks=max([self.checks, *(one.id for one in handled if one.source == "check")]),
            alerts=max([self.alerts, *(one.id for one in handled if one.source == "alert")]),
            in_hand=in_hand,
        )


@dataclass(frozen=True, slots=True)
class NewTriggers:
    """Triggers since the cursor.

    Attributes:
        triggers: evaluations, then alerts.
        held_by: run whose planned evaluation has no outcome yet, if any; evaluations after it are read later.
    """

    triggers: tuple[Trigger, ...]
    held_by: str | None = None


def read_triggers(instance: dg.DagsterInstance, cursor: Cursor) -> NewTriggers:
    """Read the triggers after the cursor.

    Args:
        instance: Dagster's storage.
        cursor: of the last tick.
    """
    checks, held_by = _evaluations(instance, cursor.checks)
    return NewTriggers((*checks, *_alerts(instance, cursor.alerts)), held_by)


def read_history(instance: dg.DagsterInstance, now: datetime, *, cooldown: timedelta) -> History:
    """The retrainings of the last days, and the last promotion.

    Args:
        instance: Dagster's storage.
        now: moment of the decision.
        cooldown: pause after a retraining, which the history has to cover.
    """
    since = now - max(_REMEMBERED, cooldown + _LONGEST_RUN)
    going_on = dg.RunsFilter(job_name=training_job.name, statuses=NOT_FINISHED_STATUSES)
    ended = dg.RunsFilter(job_name=training_job.name, statuses=FINISHED_STATUSES, created_after=since)
    records = [
        *instance.get_run_records(going_on),
        *instance.get_run_records(ended, limit=_RUNS_REMEMBERED),
    ]
    # A run that Dagster has retried, because its process died, counts by the retry.
    records = [record for record in records if run_tags.RETRIED_BY not in record.dagster_run.tags]
    return History(now, tuple(_retraining(record, now) for record in records), _last_promotion(instance))


def _evaluations(instance: dg.DagsterInstance, after: int) -> tuple[list[Trigger], str | None]:
    """Evaluations after a storage id, up to the first one that is planned and whose run is not finished.

    A planned evaluation has its storage id before its outcome: the cursor must not pass it.
    """
    triggers: list[Trigger] = []
    for record in _records_after(instance, after):
        if record.status is AssetCheckExecutionRecordStatus.PLANNED:
            run = instance.get_run_by_id(record.run_id)
            if run is not None and not run.is_finished:
                return triggers, record.run_id
            continue  # the run ended before the check; ``run_failures`` reports that
        triggers.append(_trigger_of_check(record))
    return triggers, None


def _records_after(instance: dg.DagsterInstance, after: int) -> list[AssetCheckExecutionRecord]:
    """Records of the check, oldest first; Dagster returns them newest first, page by page."""
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
        day=_day_of(evaluation),
        measured_at=_moment(event.timestamp),
        asks=not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR,
        description=str(evaluation.description),
    )


def _day_of(evaluation: dg.AssetCheckEvaluation) -> date:
    """The day to retrain as of; somebody may have reported an evaluation through Dagster's API without our metadata."""
    known = evaluation.metadata.get(RETRAIN_AS_OF)
    key = str(known.value) if known else evaluation.partition
    return to_day(key) if key else partition_days()[1]


def _alerts(instance: dg.DagsterInstance, after: int) -> list[Trigger]:
    records_filter = dg.AssetRecordsFilter(dg.AssetKey(DRIFT_ALERT_ASSET), after_storage_id=after)
    records = instance.fetch_observations(records_filter, limit=_PAGE, ascending=True).records
    return [
        Trigger(
            source="alert",
            id=record.storage_id,
            day=to_day(str(record.partition_key)) if record.partition_key else partition_days()[1],
            measured_at=_moment(record.timestamp),
            asks=True,
            description=_description(record),
        )
        for record in records
    ]


def _description(record: dg.EventLogRecord) -> str:
    observation = record.asset_observation
    return (observation and observation.description) or "an alert of Prometheus"


def _retraining(record: dg.RunRecord, now: datetime) -> Retraining:
    run = record.dagster_run
    outcome = Outcome.UNFINISHED
    ended = _moment(record.end_time) if record.end_time else record.update_timestamp.replace(tzinfo=UTC)
    # Dagster starts a retry within seconds after it announced it; if it has not, it never will.
    retried_soon = run.tags.get(run_tags.WILL_RETRY) == "true" and now - ended < _RETRIED_WITHIN
    finished = run.is_finished and not retried_soon
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
