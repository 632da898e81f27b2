"""Windows never look ahead, and depend on nothing but the day and what is stored up to it."""

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.core.windows import (
    ENOUGH_DAYS,
    EVALUATION_DAYS,
    HISTORY_DAYS,
    TRAINING_DAYS,
    days_before,
    days_up_to,
    group_by_history,
    history_of,
    rows_on,
    windows_as_of,
)
from road_assets_tests.core.core_frames import days_from

YEAR = days_from(date(2024, 1, 1), 366)
STORED = st.sets(st.sampled_from(YEAR), min_size=1).map(lambda days: tuple(sorted(days)))
DAYS = st.sampled_from(YEAR)


@given(STORED, DAYS, st.integers(0, 40))
def test_the_last_stored_days_before_and_up_to_a_day(stored: tuple[date, ...], day: date, count: int) -> None:
    earlier = [known for known in stored if known < day]
    known = [known for known in stored if known <= day]
    assert list(days_before(day, stored, count)) == (earlier[-count:] if count else [])
    assert list(days_up_to(day, stored, count)) == (known[-count:] if count else [])


@given(STORED, st.data())
def test_no_day_learns_from_itself_or_later_days_but_the_very_first(
    stored: tuple[date, ...], data: st.DataObject
) -> None:
    day = data.draw(st.sampled_from(stored))
    history = history_of(day, stored)
    assert len(history) <= HISTORY_DAYS
    assert list(history) == sorted(set(history))
    if day == stored[0]:
        assert history == (day,)
    else:
        assert history
        assert max(history) < day
        assert set(history) <= set(stored)


@given(STORED, st.sets(DAYS), st.data())
def test_days_stored_later_change_no_history(stored: tuple[date, ...], others: set[date], data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(stored))
    later = {other for other in others if other > day}
    assert history_of(day, tuple(sorted({*stored, *later}))) == history_of(day, stored)


def test_with_enough_days_before_it_a_month_shares_one_history() -> None:
    groups = group_by_history(YEAR, YEAR)
    shared = [members for members in groups.values() if members[0].month > 1]
    assert [len({day.month for day in members}) for members in shared] == [1] * 11
    assert [members[0].day for members in shared] == [1] * 11
    for history, members in groups.items():
        if members[0].month > 1:
            assert history[-1] == members[0] - timedelta(days=1)
            assert len(history) == min(HISTORY_DAYS, YEAR.index(members[0]))


def test_in_the_first_month_each_day_learns_from_all_days_before_it() -> None:
    january = YEAR[:31]
    assert [history_of(day, YEAR) for day in january[1:]] == [january[:count] for count in range(1, 31)]
    assert group_by_history(january, YEAR).keys() == {(january[0],), *(january[:count] for count in range(2, 31))}


@pytest.mark.parametrize(("stored_before", "shares"), [(ENOUGH_DAYS, True), (ENOUGH_DAYS - 1, False)])
def test_the_month_is_shared_from_exactly_enough_days_on(stored_before: int, *, shares: bool) -> None:
    april = date(2024, 4, 1)
    stored = (*days_from(april - timedelta(days=stored_before), stored_before), *days_from(april, 30))
    assert len(group_by_history(stored[stored_before:], stored)) == (1 if shares else 30)


def test_after_a_gap_the_history_reaches_further_back_instead_of_shrinking() -> None:
    stored = (*YEAR[:120], *YEAR[300:])
    assert history_of(YEAR[340], stored)[0] < YEAR[120]
    assert len(history_of(YEAR[340], stored)) == HISTORY_DAYS


@given(st.sets(DAYS), STORED)
def test_every_day_is_in_one_group_and_groups_come_in_order(days: set[date], stored: tuple[date, ...]) -> None:
    groups = group_by_history(days, stored)
    assert [day for members in groups.values() for day in members] == sorted(days)
    assert all(history_of(day, stored) == history for history, members in groups.items() for day in members)


@given(STORED.filter(lambda stored: len(stored) > 1), st.integers(1, 40), st.data())
def test_a_model_is_judged_only_on_days_after_all_it_saw_and_never_on_the_future(
    stored: tuple[date, ...], training: int, data: st.DataObject
) -> None:
    evaluation = data.draw(st.integers(1, len(stored) - 1))
    day = data.draw(st.sampled_from([day for day in YEAR if day >= stored[evaluation]]))
    known = [other for other in stored if other <= day]
    windows = windows_as_of(day, stored, training_days=training, evaluation_days=evaluation)
    assert max(windows.training) < min(windows.evaluation)
    assert max(windows.evaluation) == known[-1]
    assert len(windows.evaluation) == evaluation
    assert len(windows.training) == min(training, len(known) - evaluation)
    assert list(windows.training + windows.evaluation) == known[-len(windows.training) - evaluation :]


def test_by_default_a_year_is_learned_from_and_the_last_month_kept() -> None:
    stored = days_from(date(2023, 1, 1), 500)
    windows = windows_as_of(stored[-1], stored)
    assert (len(windows.training), len(windows.evaluation)) == (TRAINING_DAYS, EVALUATION_DAYS) == (365, 31)


@pytest.mark.parametrize("stored", [0, 1, EVALUATION_DAYS - 1, EVALUATION_DAYS])
def test_too_few_days_to_train_and_judge_are_counted(stored: int) -> None:
    day = YEAR[200]
    with pytest.raises(ValueError, match=f"as of {day} only {stored} days of features are stored; the 31 newest"):
        windows_as_of(day, YEAR[:stored])


def test_one_day_more_than_is_kept_for_judging_is_enough() -> None:
    windows = windows_as_of(YEAR[-1], YEAR[: EVALUATION_DAYS + 1])
    assert windows.training == YEAR[:1]
    assert windows.evaluation == YEAR[1 : EVALUATION_DAYS + 1]


@given(
    st.lists(st.integers(0, 30), max_size=60),
    st.lists(st.integers(-2, 33), max_size=10, unique=True),
    st.booleans(),
)
def test_rows_of_some_days_are_those_days_alone_in_their_order(
    held: list[int],
    wanted: list[int],
    in_order: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    first = date(2024, 2, 10)
    days = [first + timedelta(days=number) for number in (sorted(held) if in_order else held)]
    frame = pd.DataFrame({"day": pd.to_datetime(pd.Series(days, dtype="datetime64[us]")), "row": range(len(days))})
    found = rows_on(frame, [first + timedelta(days=number) for number in wanted])
    expected = [row for row, day in enumerate(days) if (day - first).days in wanted]
    assert found["row"].tolist() == expected
