"""Windows of days: what the generator, the imputation, the model and the drift score of a day are computed from.

Windows count stored days, not calendar days: after a gap (the platform was stopped, or no release holds the days) they
reach further back instead of shrinking. They depend on the day and on the days stored before it, never on the days that
are materialized in the same run, so that every partition is reproducible.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

HISTORY_DAYS: Final = 90
"""Length of the generator's window: a season, so that weather and light are like those of the day."""

ENOUGH_DAYS: Final = 28
"""If at least this number of days is stored before a month, all days of the month share one fit."""

EVALUATION_DAYS: Final = 31
"""Length of the evaluation window: the newest days, which no candidate is trained on."""

TRAINING_DAYS: Final = 365
"""Length of the training window before it, so that every season is in it once."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Days to train on, and later days to evaluate on, each in order of time."""

    training: tuple[date, ...]
    evaluation: tuple[date, ...]


def days_before(day: date, stored_days: Sequence[date], count: int) -> tuple[date, ...]:
    """The last ``count`` stored days before ``day``, itself excluded.

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
        stored_days: days whose real rows are stored, in order.

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
    """Days that the groups of ``group_by_history`` are fitted on and that are not in the groups themselves."""
    return {day for history in groups for day in history} - {day for members in groups.values() for day in members}


def rows_on(frame: pd.DataFrame, days: Sequence[date]) -> pd.DataFrame:
    """Rows of some days.

    Args:
        frame: rows with a ``day`` column. If they are sorted by day, only the part between the first and the last day
            wanted is searched, which keeps taking many windows out of many years fast.
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
    """Split the days up to ``day`` into a training window and a later evaluation window.

    Args:
        day: last day that may be used.
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
