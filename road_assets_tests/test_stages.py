"""How spans of days are cut into ranges that run side by side."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.stages import split_into_ranges

DAYS = st.dates(date(2005, 1, 1), date(2030, 12, 31))


def test_four_years_are_four_ranges() -> None:
    ranges = split_into_ranges(date(2019, 1, 1), date(2022, 12, 31))
    assert ranges == [(date(year, 1, 1), date(year, 12, 31)) for year in range(2019, 2023)]


def test_shorter_ranges_begin_with_a_month_and_are_counted_from_january() -> None:
    ranges = split_into_ranges(date(2024, 2, 10), date(2024, 11, 5), months=5)
    assert ranges == [
        (date(2024, 2, 10), date(2024, 5, 31)),
        (date(2024, 6, 1), date(2024, 10, 31)),
        (date(2024, 11, 1), date(2024, 11, 5)),
    ]


@given(DAYS, st.integers(0, 3000), st.integers(1, 12))
def test_the_ranges_are_the_span_and_no_month_is_cut(first: date, length: int, months: int) -> None:
    last = first + timedelta(days=length)
    ranges = split_into_ranges(first, last, months)
    assert (ranges[0][0], ranges[-1][1]) == (first, last)
    for (_, end), (start, _) in pairwise(ranges):
        assert start - end == timedelta(days=1)
        assert start.day == 1
    assert all((end.month - start.month) < months and end.year == start.year for start, end in ranges)


@pytest.mark.parametrize(("last", "months"), [(date(2023, 12, 31), 12), (date(2024, 12, 31), 0)])
def test_a_span_without_days_or_months_is_refused(last: date, months: int) -> None:
    with pytest.raises(ValueError, match="give a first day"):
        split_into_ranges(date(2024, 1, 1), last, months)
