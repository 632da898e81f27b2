"""Finds the days of a release that differ from what is stored: only they have to be materialized again.

Days are compared by a digest of their rows, which does not depend on the order of the rows.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd

from road_assets.core.replay import source_day

NOT_CONTENT: Final = ("day", "replayed_from")
"""Columns left out of digests, so that a replayed day has the digest of the day that it repeats."""

_ONE_DAY: Final = timedelta(days=1)

Digests = Mapping[date, str]
"""SHA-256 by day."""


def digest_days(rows: pd.DataFrame) -> dict[date, str]:
    """Digest the content of each day.

    Args:
        rows: one row per user, with a ``day`` column.

    Returns:
        A digest for each day that has rows; the order of rows and of columns does not matter.
    """
    content = rows[sorted(set(rows.columns) - set(NOT_CONTENT))]
    hashes = pd.util.hash_pandas_object(content, index=False)
    return {day.date(): _digest(part) for day, part in hashes.groupby(rows["day"])}


def _digest(hashes: "pd.Series[int]") -> str:
    return hashlib.sha256(hashes.sort_values().to_numpy().tobytes()).hexdigest()


NOTHING: Final = hashlib.sha256(b"").hexdigest()
"""Digest of a day without rows."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that a release makes to the stored days.

    Attributes:
        new: days that are not stored yet.
        changed: stored days whose rows are not the release's.
        unchanged: number of stored days that the release leaves as they are.
        withdrawn: stored days that came from a longer version of this release and that it no longer holds.
    """

    new: tuple[date, ...] = ()
    changed: tuple[date, ...] = ()
    unchanged: int = 0
    withdrawn: tuple[date, ...] = ()

    @property
    def to_materialize(self) -> tuple[date, ...]:
        """Days to materialize, in order."""
        return tuple(sorted((*self.new, *self.changed)))


def find_changes(
    year: int,
    published: Mapping[int, Digests],
    stored: Digests,
    replays: Iterable[date],
    *,
    partitions: tuple[date, date],
) -> Changes:
    """Compare a release with what is stored.

    Days of the release's own year are compared, and stored replays of any year: the day that they repeat may have
    changed, or may be another day now.

    Args:
        year: of the release that was read.
        published: digests of each year's release, this one included, of the days that have rows.
        stored: digest of each stored day.
        replays: stored days that repeat another day.
        partitions: first and last day that may be materialized.

    Returns:
        The days by kind of change. Stored days that the release no longer contains are only listed: a truncated file
        must not remove stored days.
    """
    days, (first, last) = published[year], partitions
    own = set(_span(max(min(days), first), min(max(days), last)))
    repeats = {day for day in replays if first <= day <= last}
    compared = sorted(own | repeats)
    differing = [day for day in compared if digest_of(day, published) not in {stored.get(day), None}]
    return Changes(
        new=tuple(day for day in differing if day not in stored),
        changed=tuple(day for day in differing if day in stored),
        unchanged=len(compared) - len(differing),
        withdrawn=tuple(sorted(day for day in stored if day.year == year and day not in own | repeats)),
    )


def digest_of(day: date, published: Mapping[int, Digests]) -> str | None:
    """Digest of the rows that a day gets from the releases, its own or replayed ones; None if no release covers it."""
    source = source_day(day, published)
    return None if source is None else published[source.year].get(source, NOTHING)


def _span(first: date, last: date) -> list[date]:
    return [first + _ONE_DAY * number for number in range((last - first).days + 1)]


def consecutive(days: Iterable[date]) -> list[tuple[date, date]]:
    """Group days into spans without gaps; each span can be one run.

    Args:
        days: in any order.

    Returns:
        First and last day of each span, in order of time.
    """
    spans: list[tuple[date, date]] = []
    for day in sorted(days):
        if spans and day - spans[-1][1] == _ONE_DAY:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans
