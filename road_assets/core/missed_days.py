"""Which days the daily schedule asks for, after nights in which nothing ran, too."""

from datetime import date, timedelta

LONGEST_GAP = 31
"""Nights that are made good by themselves; after a longer stop, what is missing is for people to ask for."""


def days_to_ask_for(yesterday: date, last_asked: date | None) -> list[date]:
    """Days that are due, oldest first.

    Args:
        yesterday: the last day that is over.
        last_asked: the last day that was asked for; nothing before the first night.

    Returns:
        Yesterday and the days before it that were missed, at most ``LONGEST_GAP`` in all; none if yesterday was asked
        for already.
    """
    if last_asked is None:
        return [yesterday]
    missed = min((yesterday - last_asked).days, LONGEST_GAP)
    return [yesterday - timedelta(days=ago) for ago in reversed(range(missed))]
