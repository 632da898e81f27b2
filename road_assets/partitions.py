"""The partitions of the assets: one per day of accidents, or one per year of a release."""

from datetime import date, datetime
from typing import Final

import dagster as dg

from road_assets.settings import PlatformSettings

TIMEZONE: Final = "Europe/Paris"
_DAY_FORMAT: Final = "%Y-%m-%d"

_first_day = PlatformSettings().first_day

DAILY: Final = dg.DailyPartitionsDefinition(start_date=_first_day.isoformat(), timezone=TIMEZONE)
"""The day of the accident in France; a day can be materialized once it is over."""

YEARLY: Final = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 1 1 *",
    start=str(_first_day.year),
    fmt="%Y",
    timezone=TIMEZONE,
    end_offset=1,  # a provisional release of the running year may be taken too
)


def to_day(partition_key: str) -> date:
    """The day that a daily partition key names."""
    return datetime.strptime(partition_key, _DAY_FORMAT).date()  # noqa: DTZ007  # a calendar day has no zone


def to_days(partition_keys: list[str]) -> list[date]:
    """The days that daily partition keys name, in order."""
    return sorted(to_day(key) for key in partition_keys)


def to_key(day: date) -> str:
    """The daily partition key of a day."""
    return day.strftime(_DAY_FORMAT)


def trailing_days(days: int) -> dg.TimeWindowPartitionMapping:
    """Depend on the last ``days`` days up to and including the partition's own."""
    return dg.TimeWindowPartitionMapping(start_offset=1 - days, allow_nonexistent_upstream_partitions=True)


IN_ITS_YEAR: Final = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
"""A day depends on the release of its year; for days after the newest release that one does not exist yet."""


def partition_days() -> tuple[date, date]:
    """First and last day that has a partition now; a day has none before it is over.

    Raises:
        ValueError: no day is over yet since ``ROAD_FIRST_DAY``.
    """
    first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    if first is None or last is None:
        raise ValueError(f"ROAD_FIRST_DAY={_first_day} is not over yet, so there is no day to materialize")
    return to_day(first), to_day(last)
