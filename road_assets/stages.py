"""Stages of a backfill over many days: ranges of whole months that can run in parallel, one stage after the other.

In the first stage a day depends on its release only. In the second stage it also depends on ``raw_accidents`` of
earlier days (``assets.history``). So all ranges of the first stage may run at once, and after them all ranges of the
second; the rows are the same as those of one run over all days. Neither Dagster nor pandas is imported here, so that
commands start quickly.
"""

from datetime import date, timedelta
from typing import Final

from road_assets.asset_names import ACCIDENTS_TABLE, FEATURES, RAW_ACCIDENTS, SYNTHETIC_MIX

RAW_STAGE: Final = (RAW_ACCIDENTS, ACCIDENTS_TABLE)
"""Assets whose days depend on no other day."""

LEARNING_STAGE: Final = (SYNTHETIC_MIX, FEATURES)
"""Assets whose days depend on ``raw_accidents`` of earlier days."""

INGEST: Final = (*RAW_STAGE, *LEARNING_STAGE)

MONTHS_OF_YEAR: Final = 12


def split_into_ranges(first: date, last: date, months: int = MONTHS_OF_YEAR) -> list[tuple[date, date]]:
    """Split a span of days into ranges of whole months.

    Days of a month share a fit (``core.windows``), and days of a year a release, so these are not split.

    Args:
        first: first day.
        last: last day.
        months: length of a range at most; ranges start anew with each January.

    Returns:
        First and last day of each range, in order; together they cover the span.

    Raises:
        ValueError: there is no day in the span, or a range would have no month.
    """
    if last < first or months < 1:
        raise ValueError(f"{first} to {last} in ranges of {months} months: give a first day, a later one, and a month")
    ranges = []
    while first <= last:
        end = min(_end_of_range(first, min(months, MONTHS_OF_YEAR)), last)
        ranges.append((first, end))
        first = end + timedelta(days=1)
    return ranges


def _end_of_range(day: date, months: int) -> date:
    following = (day.month - 1) // months * months + months  # months of the year until the next range
    start = date(day.year + 1, 1, 1) if following >= MONTHS_OF_YEAR else date(day.year, following + 1, 1)
    return start - timedelta(days=1)
