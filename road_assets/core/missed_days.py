"""Which days the daily schedule requests, also after nights in which the platform was stopped."""

from datetime import date, timedelta
from typing import Final

LONGEST_GAP: Final = 31
"""Days requested at most; after a longer stop people have to request the days before them."""


def days_to_ask_for(yesterday: date, last_asked: date | None) -> list[date]:
    """Days that are due, oldest first.

    Args:
        yesterday: the last day that is over.
        last_asked: the newest day that was requested; None before the first night.

    Returns:
        Yesterday and the missed days before it, at most ``LONGEST_GAP``; none if yesterday was requested already.
    """
    if last_asked is None:
        return [yesterday]
    missed = min((yesterday - last_asked).days, LONGEST_GAP)
    return [yesterday - timedelta(days=ago) for ago in reversed(range(missed))]
