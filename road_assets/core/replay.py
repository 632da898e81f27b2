"""Which published day stands in for a day that no release holds yet."""

from collections.abc import Collection
from datetime import date

_YEAR_DAYS = 365.2425


def replayed_day(day: date, published_days: Collection[date]) -> date:
    """Choose the published day whose accidents are replayed on a later day.

    Args:
        day: a day after the newest release.
        published_days: days of the newest published year.

    Returns:
        The published day with the same weekday that is nearest in the year's course, so that season and week-end fit;
        the earlier one of two equally near.

    Raises:
        ValueError: no published day has that weekday.
    """
    same_weekday = [known for known in published_days if known.weekday() == day.weekday()]
    if not same_weekday:
        raise ValueError(
            f"no published day is a {day:%A}, so {day} cannot be replayed; "
            f"the release covers only {len(published_days)} days"
        )
    return min(same_weekday, key=lambda known: (_distance_in_year(day, known), known))


def _distance_in_year(one: date, other: date) -> float:
    apart = abs(one.timetuple().tm_yday - other.timetuple().tm_yday)
    return min(apart, _YEAR_DAYS - apart)
