"""Only days whose rows a release changes are to be materialized again."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.core.release_changes import NOTHING, Changes, consecutive, digest_days, find_changes
from road_assets.core.replay import replayed_day

FIRST = date(2024, 1, 1)
PARTITIONS = (date(2019, 1, 1), date(2026, 12, 31))


def frame(values: Mapping[date, list[int]]) -> pd.DataFrame:
    rows = [{"day": day, "num_acc": str(value), "grav": value} for day, group in values.items() for value in group]
    return pd.DataFrame(rows).astype({"day": "datetime64[us]", "grav": "Int16", "num_acc": "string[pyarrow]"})


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def digests(*numbers: int, version: str = "a") -> dict[date, str]:
    return {day(number): f"{version}{number}" for number in numbers}


def compare(
    published: dict[date, str], stored: dict[date, str], replays: tuple[date, ...] = (), year: int = 2024
) -> Changes:
    return find_changes(year, {2024: published}, stored, replays, partitions=PARTITIONS)


VALUES = {day(0): [1, 2, 3], day(1): [4], day(2): [5, 6]}


@given(st.permutations(range(6)), st.permutations(["day", "num_acc", "grav"]))
def test_the_order_of_rows_and_columns_does_not_matter(rows: list[int], columns: list[str]) -> None:
    whole = frame(VALUES)
    assert digest_days(whole.iloc[rows][columns]) == digest_days(whole)


def test_a_corrected_row_changes_the_digest_of_its_day_alone() -> None:
    before, after = digest_days(frame(VALUES)), digest_days(frame({**VALUES, day(0): [1, 2, 4]}))
    assert before[day(0)] != after[day(0)]
    assert {known: before[known] for known in (day(1), day(2))} == {known: after[known] for known in (day(1), day(2))}


@pytest.mark.parametrize("rows", [[1, 2], [1, 2, 3, 3]])
def test_a_row_more_or_less_changes_the_digest(rows: list[int]) -> None:
    assert digest_days(frame({day(0): rows})) != digest_days(frame({day(0): [1, 2, 3]}))


def test_an_empty_value_is_not_a_zero() -> None:
    empty = frame({day(0): [0]})
    empty["grav"] = pd.array([pd.NA], dtype="Int16")
    assert digest_days(empty) != digest_days(frame({day(0): [0]}))


def test_a_replayed_day_has_the_digest_of_the_day_it_repeats() -> None:
    repeated = frame({day(370): [1, 2, 3]}).assign(replayed_from=pd.Timestamp(day(0)))
    assert digest_days(repeated) == {day(370): digest_days(frame(VALUES))[day(0)]}


def test_the_first_release_makes_every_day_new() -> None:
    changes = compare(digests(0, 1, 2), {})
    assert changes.new == changes.to_materialize == (day(0), day(1), day(2))
    assert (changes.changed, changes.unchanged) == ((), 0)


def test_the_same_release_again_changes_nothing() -> None:
    changes = compare(digests(0, 1, 2), digests(0, 1, 2))
    assert changes == Changes(unchanged=3)


def test_a_release_that_grows_and_is_corrected_names_the_new_and_the_corrected_days() -> None:
    longer = {**digests(0, 1, 2, 3, 4), **digests(1, version="b")}
    changes = compare(longer, digests(0, 1, 2))
    assert (changes.new, changes.changed, changes.unchanged) == ((day(3), day(4)), (day(1),), 2)
    assert changes.to_materialize == (day(1), day(3), day(4))


def test_a_day_without_accidents_inside_the_release_is_a_day_too() -> None:
    changes = compare(digests(0, 2), digests(0, 2))
    assert changes.new == (day(1),)
    assert compare(digests(0, 2), {**digests(0, 2), day(1): NOTHING}).to_materialize == ()
    assert compare(digests(0, 2), digests(0, 1, 2)).changed == (day(1),)  # its accidents were withdrawn


def test_days_that_a_shorter_release_no_longer_holds_are_named_and_kept() -> None:
    changes = compare(digests(0, 1), digests(0, 1, 2, 3))
    assert changes.withdrawn == (day(2), day(3))
    assert changes.to_materialize == ()


def test_days_outside_the_partitions_are_left_out() -> None:
    changes = find_changes(2024, {2024: digests(0, 1, 2, 3)}, {}, (), partitions=(day(1), day(2)))
    assert changes.new == (day(1), day(2))


def test_a_replayed_day_changes_when_its_release_comes_or_when_the_day_it_repeats_is_corrected() -> None:
    year = {day(number): f"a{number}" for number in range(30)}
    live = day(40)
    stored = {**year, live: year[replayed_day(live, year)]}
    assert compare(year, stored, (live,)).to_materialize == ()
    corrected = {**year, replayed_day(live, year): "corrected"}
    assert compare(corrected, stored, (live,)).to_materialize == (replayed_day(live, year), live)
    longer = {**year, **{day(number): f"a{number}" for number in range(30, 45)}}
    changes = compare(longer, stored, (live,))
    assert changes.changed == (live,)
    assert changes.new == tuple(day(number) for number in range(30, 45) if number != 40)
    assert changes.withdrawn == ()


def test_a_release_of_another_year_leaves_this_one_alone() -> None:
    stored = digests(0, 1)
    other = {date(2023, 5, 1): "x", date(2023, 5, 2): "y"}
    changes = find_changes(2023, {2023: other, 2024: stored}, stored, (), partitions=PARTITIONS)
    assert changes == Changes(new=(date(2023, 5, 1), date(2023, 5, 2)))


@given(st.sets(st.integers(0, 60)))
def test_spans_hold_each_day_once_and_leave_a_gap_between_them(numbers: set[int]) -> None:
    spans = consecutive(day(number) for number in numbers)
    held = [first + timedelta(days=offset) for first, last in spans for offset in range((last - first).days + 1)]
    assert held == [day(number) for number in sorted(numbers)]
    assert all((after[0] - before[1]).days > 1 for before, after in pairwise(spans))
