"""The daily schedule, by what it asks for after nights of all kinds; ``faults/test_clock.py`` runs Dagster's own."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from dagster._core.test_utils import create_run_for_test

from road_assets import run_tags
from road_assets.definitions import defs
from road_assets.schedules import daily_schedule

NIGHT = datetime(2024, 3, 9, 3, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def asked(instance: dg.DagsterInstance) -> list[str | None]:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=NIGHT, repository_def=defs.get_repository_def()
    )
    requests = daily_schedule.evaluate_tick(context).run_requests or []
    return [request.partition_key for request in requests]


def add_run(instance: dg.DagsterInstance, day: str) -> None:
    tags = {SCHEDULE_NAME_TAG: "daily_schedule", run_tags.PARTITION: day}
    create_run_for_test(instance, job_name="daily_job", tags=tags)


def test_the_first_night_asks_for_yesterday(instance: dg.DagsterInstance) -> None:
    assert asked(instance) == ["2024-03-08"]


def test_nights_that_were_missed_are_made_up_for(instance: dg.DagsterInstance) -> None:
    add_run(instance, "2024-03-05")
    assert asked(instance) == ["2024-03-06", "2024-03-07", "2024-03-08"]


def test_a_day_that_was_asked_for_is_not_asked_for_again(instance: dg.DagsterInstance) -> None:
    add_run(instance, "2024-03-08")
    assert asked(instance) == []


def test_an_old_run_that_somebody_repeats_brings_back_no_days_after_it(instance: dg.DagsterInstance) -> None:
    """The repetition carries the tags of the run that it repeats, the schedule's name included."""
    for day in ("2024-02-20", "2024-03-07", "2024-02-20"):
        add_run(instance, day)
    assert asked(instance) == ["2024-03-08"]
