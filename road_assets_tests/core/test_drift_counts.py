"""What is counted of rows, and how days add up to windows."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.drift_counts import (
    LABEL,
    MOST_BINS,
    NUMERIC_NAMES,
    PREDICTION,
    PREDICTION_BINS,
    VARIABLE_BY_NAME,
    DayTallies,
    accidents_of,
    add_counts,
    count_codes,
    positions_of,
)
from road_assets.core.scene_fields import SCENE_FIELDS
from road_assets.core.severe_share import severe_share
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import days_from, draw_codes_frame

DAYS = days_from(date(2024, 3, 1), 4)


def test_codes_are_counted_in_the_order_of_the_vocabulary_with_not_recorded_first() -> None:
    codes = draw_codes_frame(4).assign(catu=[1, 3, 3, UNKNOWN_CODE], trajet=[0, 9, 9, 9])
    counts = count_codes(codes)
    assert list(counts) == list(FEATURE_NAMES)
    assert counts["catu"].tolist() == [1, 1, 0, 2]
    assert counts["trajet"].tolist() == [0, 1, 0, 0, 0, 0, 0, 3]
    assert all(counts[feature.name].shape == (len(feature.codes) + 1,) for feature in FEATURES)


def test_no_row_counts_nothing() -> None:
    assert all(not counts.any() for counts in count_codes(draw_codes_frame(0)).values())


@pytest.mark.parametrize("strange", [7, 99, -2])
def test_a_code_that_the_codebook_does_not_have_is_named(strange: int) -> None:
    codes = draw_codes_frame(5).assign(situ=[1, strange, 2, strange, 8])
    with pytest.raises(ValueError, match=rf"feature 'situ' holds the codes \[{strange}\], which the codebook"):
        count_codes(codes)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_counts_of_days_add_up_to_the_counts_of_their_rows_together(rows: list[int]) -> None:
    parts = [draw_codes_frame(count, seed=seed, unknown=0.1) for seed, count in enumerate(rows)]
    together, summed = count_codes(pd.concat(parts)), add_counts([count_codes(part) for part in parts])
    assert all((together[name] == summed[name]).all() for name in FEATURE_NAMES)


@pytest.mark.parametrize(
    ("name", "values", "places"),
    [
        ("age", [0, 4, 5, 34, 120, UNKNOWN_CODE], [0, 0, 1, 6, 24, -1]),
        ("heure", [0, 23, UNKNOWN_CODE], [0, 23, -1]),
        ("vma", [5, 30, 50, 130, UNKNOWN_CODE], [0, 2, 4, 12, -1]),
        ("nb_vehicules", [1, 2, 25, 200, UNKNOWN_CODE], [0, 1, 24, 24, -1]),
    ],
)
def test_numbers_are_counted_in_bins_and_unknown_ones_not(name: str, values: list[int], places: list[int]) -> None:
    variable = VARIABLE_BY_NAME[name]
    assert positions_of(pd.Series(values, dtype="int16"), variable).tolist() == places
    assert positions_of(pd.Series(values).mask(pd.Series(values) < 0), variable).tolist() == places  # null, older days
    assert max(places) < variable.size <= MOST_BINS


def test_every_numeric_scene_field_is_watched() -> None:
    assert tuple(field.name for field in SCENE_FIELDS if field.kind == "number") == NUMERIC_NAMES
    assert "age" in NUMERIC_NAMES


@given(st.floats(0, 1))
def test_a_probability_falls_into_its_bin(probability: float) -> None:
    (place,) = positions_of(pd.Series([probability]), PREDICTION)
    assert 0 <= place < PREDICTION_BINS
    assert place / PREDICTION_BINS <= probability + 1e-12
    assert probability <= (place + 1) / PREDICTION_BINS + 1e-12


def make_rows() -> pd.DataFrame:
    """Five accidents on two days; the last repeats the number of the first on another day."""
    rows = draw_codes_frame(8, seed=3).assign(
        **{TARGET: [1, 0, 0, 0, 1, 1, 0, 0], "age": [30, -1, 31, -1, -1, 60, 7, 7]}
    )
    numbers = pd.array(["a", "a", "b", "c", "c", "d", "d", "a"], dtype="string[pyarrow]")
    days = [DAYS[0]] * 5 + [DAYS[1]] * 3
    return rows.assign(num_acc=numbers, day=pd.to_datetime(days).astype("datetime64[us]"))


def test_an_accident_that_is_replayed_on_another_day_is_another_one() -> None:
    assert len(set(accidents_of(make_rows()))) == 5
    assert len(set(accidents_of(make_rows().drop(columns="day")))) == 4
    assert accidents_of(make_rows().drop(columns="num_acc")).tolist() == list(range(8))


def test_accidents_are_counted_where_a_value_of_theirs_is_known() -> None:
    window = DayTallies(make_rows()).of_window(DAYS)
    assert (window.variables["catu"].rows, window.variables["catu"].accidents) == (8, 5)
    assert (window.variables["age"].rows, window.variables["age"].accidents) == (5, 4)
    assert (window.variables[LABEL.name].counts.tolist(), window.variables[LABEL.name].accidents) == ([5, 3], 5)
    assert PREDICTION.name not in window.variables


def test_a_window_holds_its_days_and_no_others() -> None:
    tallies = DayTallies(make_rows())
    first, nothing = tallies.of_window(DAYS[:1]), tallies.of_window(DAYS[2:])
    assert (first.variables["catu"].rows, first.variables["catu"].accidents) == (5, 3)
    assert (nothing.variables["catu"].rows, nothing.variables["catu"].accidents) == (0, 0)
    assert severe_share(nothing.variables[LABEL.name], nothing.severe_squares) is None


def test_no_row_at_all_makes_empty_windows() -> None:
    window = DayTallies(make_rows().iloc[:0]).of_window(DAYS)
    assert window.variables["catu"].counts.sum() == 0


def test_the_interval_of_the_severe_share_widens_where_users_of_an_accident_are_alike() -> None:
    rng = np.random.default_rng(1)
    severe = (rng.random(500) < 0.2).astype(int)
    day = pd.Timestamp(DAYS[0])
    alone = draw_codes_frame(500).assign(**{TARGET: severe}, num_acc=np.arange(500).astype(str), day=day)
    fours = alone.loc[np.repeat(np.arange(500), 4)].reset_index(drop=True)
    mixed = fours.assign(num_acc=np.arange(2000).astype(str))
    shares = []
    for rows in (alone, fours, mixed):
        window = DayTallies(rows).of_window(DAYS[:1])
        shares.append(severe_share(window.variables[LABEL.name], window.severe_squares, reference=0.2))
    widths = [found.high - found.low for found in shares]
    assert [found.share for found in shares] == [severe.mean()] * 3
    assert widths[0] == pytest.approx(2 * 1.96 * np.sqrt(severe.mean() * (1 - severe.mean()) / 500), rel=1e-3)
    assert widths[1] == pytest.approx(widths[0])
    assert widths[2] == pytest.approx(widths[0] / 2)
    assert shares[0].reference == 0.2
