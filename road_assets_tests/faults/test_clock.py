"""What goes by the clock, over the nights in which the clock is changed and over a leap day, with stops in between."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from road_assets import run_tags
from road_assets.core.replay import source_day
from road_assets.local.services import LOCATION, PROJECT
from road_assets.partitions import DAILY, partition_days

PARIS: Final = ZoneInfo("Europe/Paris")
NEVER_DEQUEUED: Final = {
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}
}


@pytest.fixture(scope="module")
def daemon() -> Iterator[WorkspaceProcessContext]:
    """Dagster's scheduler over the real code location; runs are asked for, and not executed."""
    target = ModuleTarget("road_assets.definitions", None, str(PROJECT), LOCATION)
    with (
        pytest.MonkeyPatch.context() as environment,
        instance_for_test(NEVER_DEQUEUED) as instance,
    ):
        environment.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody is asked
        environment.setenv("ROAD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
        with create_test_daemon_workspace_context(target, instance) as context:
            yield context


def run_scheduler(daemon: WorkspaceProcessContext, moment: datetime) -> None:
    """One iteration of the daemon's scheduler at a moment."""
    with freeze_time(moment.astimezone(UTC)):
        list(launch_scheduled_runs(daemon, logging.getLogger("clock"), moment.astimezone(UTC), {}))


def asked_for(instance: dg.DagsterInstance) -> Counter[str]:
    """Partitions of all runs that were asked for."""
    return Counter(run.tags[run_tags.PARTITION] for run in instance.get_runs(dg.RunsFilter(job_name="daily_job")))


@pytest.mark.parametrize(
    ("stopped", "days"),
    [
        pytest.param(
            datetime(2024, 2, 28, 12, tzinfo=PARIS), ["2024-02-28", "2024-02-29", "2024-03-01"], id="leap day"
        ),
        pytest.param(datetime(2024, 3, 30, 12, tzinfo=PARIS), ["2024-03-30", "2024-03-31", "2024-04-01"], id="spring"),
        pytest.param(datetime(2024, 10, 26, 12, tzinfo=PARIS), ["2024-10-26", "2024-10-27", "2024-10-28"], id="autumn"),
    ],
)
def test_a_daemon_that_was_stopped_over_it_asks_for_each_missed_day_once(
    daemon: WorkspaceProcessContext, stopped: datetime, days: list[str]
) -> None:
    run_scheduler(daemon, stopped - timedelta(days=1))
    run_scheduler(daemon, stopped)
    before = asked_for(daemon.instance)
    run_scheduler(daemon, stopped + timedelta(days=3))
    run_scheduler(daemon, stopped + timedelta(days=3, minutes=1))
    assert asked_for(daemon.instance) - before == Counter(days)


@pytest.mark.parametrize(
    ("midnight", "tick", "day"),
    [
        (datetime(2025, 3, 30, tzinfo=PARIS), "2025-03-30T01:00:00+00:00", "2025-03-29"),
        (datetime(2025, 10, 26, tzinfo=PARIS), "2025-10-26T02:00:00+00:00", "2025-10-25"),
    ],
    ids=["spring", "autumn"],
)
def test_a_daemon_that_runs_through_the_night_asks_once_at_three(
    daemon: WorkspaceProcessContext, midnight: datetime, tick: str, day: str
) -> None:
    """In autumn two o'clock comes twice, in spring not at all."""
    run_scheduler(daemon, midnight)
    before, found = asked_for(daemon.instance), []
    for half_hours in range(13):
        moment = midnight.astimezone(UTC) + timedelta(minutes=30 * half_hours)
        count = asked_for(daemon.instance).total()
        run_scheduler(daemon, moment)
        found += [moment.isoformat()] * (asked_for(daemon.instance).total() - count)
    assert asked_for(daemon.instance) - before == Counter([day])
    assert found == [tick]


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2024-02-29T23:59:59", date(2024, 2, 28)),
        ("2024-03-01T00:00:00", date(2024, 2, 29)),
        ("2024-03-31T23:59:59", date(2024, 3, 30)),  # in a fixed UTC+1 the day would be over an hour later
        ("2024-04-01T00:00:00", date(2024, 3, 31)),
        ("2024-10-27T23:59:59", date(2024, 10, 26)),
        ("2024-10-28T00:00:00", date(2024, 10, 27)),
    ],
)
def test_the_last_day_that_is_over_is_that_of_paris(moment: str, last: date) -> None:
    with freeze_time(datetime.fromisoformat(moment).replace(tzinfo=PARIS).astimezone(UTC)):
        assert partition_days()[1] == last


@pytest.mark.parametrize(
    ("day", "hours"), [("2024-02-29", 24), ("2024-03-31", 23), ("2024-10-27", 25)], ids=["leap day", "spring", "autumn"]
)
def test_each_day_is_one_partition_however_long_it_is(day: str, hours: int) -> None:
    window = DAILY.time_window_for_partition_key(day)
    assert window.end.timestamp() - window.start.timestamp() == 3600 * hours
    around = date.fromisoformat(day)
    keys = [(around + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]
    assert DAILY.get_partition_keys_in_range(dg.PartitionKeyRange(keys[0], keys[-1])) == keys


@pytest.mark.parametrize("year", [2024, 2025])
def test_a_leap_day_after_the_newest_release_repeats_a_day_of_its_weekday(year: int) -> None:
    published = {year: [date(year, 1, 1) + timedelta(days=number) for number in range(366 if year == 2024 else 365)]}
    source = source_day(date(2028, 2, 29), published)
    assert source is not None
    assert source.weekday() == date(2028, 2, 29).weekday()
    assert abs(source.timetuple().tm_yday - 60) <= 3
