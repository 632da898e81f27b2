"""A night that was missed is made good, and no day is asked for twice."""

from datetime import date, timedelta

from road_assets.core.missed_days import LONGEST_GAP, days_to_ask_for

YESTERDAY = date(2024, 3, 1)


def test_the_first_night_asks_for_yesterday_alone() -> None:
    assert days_to_ask_for(YESTERDAY, None) == [YESTERDAY]


def test_an_ordinary_night_asks_for_yesterday_alone() -> None:
    assert days_to_ask_for(YESTERDAY, date(2024, 2, 29)) == [YESTERDAY]


def test_missed_days_come_first_leap_day_included() -> None:
    assert days_to_ask_for(YESTERDAY, date(2024, 2, 27)) == [date(2024, 2, 28), date(2024, 2, 29), YESTERDAY]


def test_a_day_is_not_asked_for_twice() -> None:
    assert days_to_ask_for(YESTERDAY, YESTERDAY) == []
    assert days_to_ask_for(YESTERDAY, YESTERDAY + timedelta(days=1)) == []


def test_after_a_long_stop_a_month_is_asked_for() -> None:
    days = days_to_ask_for(YESTERDAY, date(2022, 1, 1))
    assert (len(days), days[-1]) == (LONGEST_GAP, YESTERDAY)
