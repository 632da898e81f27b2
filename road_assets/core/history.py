"""Which days a day may learn from: the windows behind the generator, the imputation, the model and the drift score.

Windows count stored days, not calendar days: after a gap (a platform that was off, days that no release holds) they
reach further back instead of shrinking. They depend on the day and on what is stored up to it, never on the days that
happen to be materialized together, so that every partition is reproducible.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

HISTORY_DAYS: Final = 90
"""What the generator learns from: a season, so that weather and light resemble the day's."""

ENOUGH_DAYS: Final = 28
"""From so many stored days before the month on, the whole month shares one fit."""

EVALUATION_DAYS: Final = 31
"""The newest days are kept for judging; no candidate sees them."""

TRAINING_DAYS: Final = 365
"""The days before them, so that every season is seen once."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Days to train on, and later days to judge on, each in order of time."""

    training: tuple[date, ...]
    evaluation: tuple[date, ...]


def days_before(day: date, stored_days: Sequence[date], count: int) -> tuple[date, ...]:
    """The last ``count`` stored days before ``day``, which is not among them.

    Args:
        day: the limit.
        stored_days: in order.
        count: how many at most.
    """
    end = bisect_left(stored_days, day)
    return tuple(stored_days[max(0, end - count) : end])


def days_up_to(day: date, stored_days: Sequence[date], count: int) -> tuple[date, ...]:
    """The last ``count`` stored days up to and including ``day``."""
    end = bisect_right(stored_days, day)
    return tuple(stored_days[max(0, end - count) : end])


def history_of(day: date, stored_days: Sequence[date]) -> tuple[date, ...]:
    """Choose the days that the generator and the imputation of ``day`` are fitted on.

    Fitting once per month keeps a year to a dozen fits.

    Args:
        day: the partition, itself stored.
        stored_days: days of which real rows are at hand, in order.

    Returns:
        The 90 stored days before the month where there are at least ``ENOUGH_DAYS``; else those before the day; else,
        for the very first day, the day itself. Later days never enter.
    """
    before_month = days_before(day.replace(day=1), stored_days, HISTORY_DAYS)
    if len(before_month) >= ENOUGH_DAYS:
        return before_month
    return days_before(day, stored_days, HISTORY_DAYS) or (day,)


def group_by_history(days: Iterable[date], stored_days: Sequence[date]) -> dict[tuple[date, ...], list[date]]:
    """Group days that share one fit, in order of time."""
    groups: dict[tuple[date, ...], list[date]] = {}
    for day in sorted(days):
        groups.setdefault(history_of(day, stored_days), []).append(day)
    return groups


def earlier_days(groups: Mapping[tuple[date, ...], Sequence[date]]) -> set[date]:
    """Days that the groups of ``group_by_history`` learn from beside their own days."""
    return {day for history in groups for day in history} - {day for members in groups.values() for day in members}


def rows_on(frame: pd.DataFrame, days: Sequence[date]) -> pd.DataFrame:
    """Rows of some days.

    Args:
        frame: rows with a ``day`` column; where they are in order of time, only those between the first and the last
            day wanted are looked at, so that windows of many years can be taken out one by one.
        days: the days wanted.
    """
    wanted = pd.to_datetime(list(days))
    if len(days) and frame["day"].is_monotonic_increasing:
        start, end = frame["day"].searchsorted(wanted.min()), frame["day"].searchsorted(wanted.max(), side="right")
        frame = frame.iloc[start:end]
    return frame[frame["day"].isin(wanted)]


def windows_as_of(
    day: date,
    stored_days: Sequence[date],
    *,
    training_days: int = TRAINING_DAYS,
    evaluation_days: int = EVALUATION_DAYS,
) -> Windows:
    """Split the days up to ``day`` into a past to learn from and a later part to be judged on.

    Args:
        day: last day that may be known.
        stored_days: days of which features are stored, in order.
        training_days: length of the training window at most.
        evaluation_days: length of the evaluation window.

    Returns:
        Two windows without a common day.

    Raises:
        ValueError: too few days are stored to leave any for training.
    """
    evaluation = days_up_to(day, stored_days, evaluation_days)
    training = days_before(evaluation[0], stored_days, training_days) if evaluation else ()
    if len(evaluation) < evaluation_days or not training:
        raise ValueError(
            f"as of {day} only {len(evaluation) + len(training)} days of features are stored; the "
            f"{evaluation_days} newest are kept for judging and at least one is needed before them: "
            "materialize more days of features"
        )
    return Windows(training, evaluation)
