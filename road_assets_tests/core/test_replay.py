"""A published day stands in for one that no release holds."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.core.replay import replayed_day
from road_assets_tests.core.core_frames import days_from

YEAR = days_from(date(2024, 1, 1), 366)


def calendar_days_apart(day: date, published: date) -> int:
    """Days between two dates as if the published one had been in the same year, or over the nearest new year."""
    moved = [published.replace(year=year, day=min(published.day, 28)) for year in range(day.year - 1, day.year + 2)]
    return min(abs((day - known).days) for known in moved)


@given(st.dates(date(2025, 1, 1), date(2035, 12, 31)))
def test_any_later_day_repeats_the_same_weekday_about_half_a_week_away_at_most(day: date) -> None:
    chosen = replayed_day(day, YEAR)
    assert chosen in YEAR
    assert chosen.weekday() == day.weekday()
    assert calendar_days_apart(day, chosen) <= 3 + 4  # half a week, a leap day, and the 31st counted as the 28th


def test_new_years_eve_is_near_new_year() -> None:
    assert replayed_day(date(2025, 12, 31), YEAR) == date(2024, 1, 3)  # Wednesdays; the last one is six days away
    assert replayed_day(date(2028, 1, 1), YEAR) == date(2024, 12, 28)  # Saturdays; the first one is five days away


def test_a_partial_release_replays_the_nearest_of_what_it_holds() -> None:
    until_october = [day for day in YEAR if day <= date(2024, 10, 31)]
    assert replayed_day(date(2025, 11, 20), until_october) == date(2024, 10, 31)
    assert replayed_day(date(2025, 12, 18), until_october) == date(2024, 1, 4)


def test_of_two_equally_near_days_the_earlier_is_taken_in_whatever_order_they_come() -> None:
    wednesdays = [date(2024, 1, 10), date(2024, 1, 24)]
    assert replayed_day(date(2029, 1, 17), wednesdays) == date(2024, 1, 10)
    assert replayed_day(date(2029, 1, 17), wednesdays[::-1]) == date(2024, 1, 10)


def test_a_weekday_that_was_never_published_is_named() -> None:
    with pytest.raises(ValueError, match=r"no published day is a Sunday, so 2025-01-05 cannot be replayed.*1 days"):
        replayed_day(date(2025, 1, 5), [date(2024, 1, 1)])
