"""Chooses the published day whose rows are replayed on a day that no release covers yet."""

from collections.abc import Collection, Mapping
from datetime import date

_YEAR_DAYS = 365.2425


def source_day(day: date, published: Mapping[int, Collection[date]]) -> date | None:
    """The published day whose rows a day gets.

    Args:
        day: any day.
        published: per year, the days of its release that have rows; at least one.

    Returns:
        The day itself if the release of its year covers it, even if no accident was recorded on it. For a day after all
        releases, the day to replay. None for a day that no release covers although a later release exists.

    Raises:
        ValueError: the day has to be replayed and no day of the newest release has its weekday.
    """
    if day > max(max(days) for days in published.values()):
        return replayed_day(day, published[max(published)])
    in_year = published.get(day.year)
    return day if in_year and min(in_year) <= day <= max(in_year) else None


def replayed_day(day: date, published_days: Collection[date]) -> date:
    """Choose the published day whose accidents are replayed on a later day.

    Args:
        day: a day after the newest release.
        published_days: days of the newest published year.

    Returns:
        The published day with the same weekday that is nearest in the calendar year, so that season and weekday match;
        the earlier one of two equally near.

    Raises:
        ValueError: no published day has that weekday.
    """
    same_weekday = [published for published in published_days if published.weekday() == day.weekday()]
    if not same_weekday:
        raise ValueError(
            f"no published day is a {day:%A}, so {day} cannot be replayed; "
            f"the release covers only {len(published_days)} days"
        )
    return min(same_weekday, key=lambda published: (_distance_in_year(day, published), published))


def _distance_in_year(one: date, other: date) -> float:
    apart = abs(one.timetuple().tm_yday - other.timetuple().tm_yday)
    return min(apart, _YEAR_DAYS - apart)
