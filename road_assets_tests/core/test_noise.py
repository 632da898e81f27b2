"""Noise changes codes and nothing else, the same way each time, and as much as was asked for."""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.noise import NOISE, describe_noise, distort, noise_of_days, with_noise
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, UNKNOWN_CODE
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

DAYS = days_from(FIRST_DAY, 3)
CODES = list(FEATURE_NAMES)

noises = st.floats(0, 1)
seeds = st.integers(0, 10_000)


def clean(per_day: int = 6, *, seed: int = 1) -> pd.DataFrame:
    """Rows as the assets order them: by day, real ones first."""
    rows = make_feature_rows(DAYS, per_day, seed=seed)
    return rows.sort_values(["day", "synthetic"], kind="stable", ignore_index=True)


def every_day(noise: float) -> dict[date, float]:
    return dict.fromkeys(DAYS, noise)


def codes_of(rows: pd.DataFrame) -> npt.NDArray[np.int8]:
    return rows[CODES].to_numpy()


@given(seed=seeds)
def test_no_noise_changes_nothing(seed: int) -> None:
    rows = clean()
    pd.testing.assert_frame_equal(distort(rows, every_day(0.0), seed=seed), rows)
    pd.testing.assert_frame_equal(distort(rows, {}, seed=seed), rows)


@given(noise=noises, seed=seeds)
def test_keys_label_and_order_stay_and_every_code_is_one_of_the_vocabulary(noise: float, seed: int) -> None:
    rows = clean()
    before = rows.copy()
    found = distort(rows, every_day(noise), seed=seed)
    pd.testing.assert_frame_equal(rows, before)
    others = [name for name in rows.columns if name not in {*CODES, NOISE}]
    pd.testing.assert_frame_equal(found[others], rows[others])
    assert list(found.columns) == list(rows.columns)
    assert found.dtypes.equals(rows.dtypes)
    assert not any(set(found[feature.name]) - {code.value for code in feature.codes} for feature in FEATURES)
    assert (found[NOISE] == noise).all()


@given(noise=noises, seed=seeds)
def test_the_same_day_and_seed_give_the_same_rows_whatever_is_distorted_together(noise: float, seed: int) -> None:
    rows = clean()
    together = distort(rows, every_day(noise), seed=seed)
    alone = [distort(part, every_day(noise), seed=seed) for _, part in rows.groupby("day")]
    pd.testing.assert_frame_equal(pd.concat(alone), together)


@given(noise=noises, seed=seeds)
def test_real_rows_get_the_same_whether_or_not_generated_ones_follow(noise: float, seed: int) -> None:
    rows = clean()
    real = ~rows["synthetic"]
    pd.testing.assert_frame_equal(
        distort(rows[real], every_day(noise), seed=seed), distort(rows, every_day(noise), seed=seed)[real]
    )


@given(one=noises, other=noises, seed=seeds)
def test_distorting_twice_is_distorting_once_with_the_greater_noise(one: float, other: float, seed: int) -> None:
    rows = clean()
    twice = distort(distort(rows, every_day(one), seed=seed), every_day(other), seed=seed)
    pd.testing.assert_frame_equal(twice, distort(rows, every_day(max(one, other)), seed=seed))


@given(noise=noises, seed=seeds)
def test_a_mix_distorted_in_two_steps_is_distorted_once(noise: float, seed: int) -> None:
    rows = clean()
    mix = distort(rows, every_day(noise), where=rows["synthetic"], seed=seed)
    pd.testing.assert_frame_equal(mix[~rows["synthetic"]], rows[~rows["synthetic"]])
    whole = distort(mix, noise_of_days(mix), seed=seed)
    pd.testing.assert_frame_equal(whole, distort(rows, every_day(noise), seed=seed))


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.8, 1.0])
def test_as_many_cells_are_replaced_as_asked_for_and_drawn_alike(noise: float) -> None:
    rows = clean(4000)
    rows[CODES] = np.int8(UNKNOWN_CODE)  # which is never drawn, so that every replaced cell can be seen
    found = distort(rows, every_day(noise))
    assert (codes_of(found) != UNKNOWN_CODE).mean(axis=0) == pytest.approx(np.full(len(CODES), noise), abs=0.015)
    for feature in FEATURES:
        drawn = found.loc[found[feature.name] != UNKNOWN_CODE, feature.name].value_counts(normalize=True)
        assert set(drawn.index) == {code.value for code in feature.codes}
        assert drawn.to_numpy() == pytest.approx(np.full(len(drawn), 1 / len(feature.codes)), abs=0.03)


def test_cells_are_replaced_independently_of_each_other() -> None:
    rows = clean(4000)
    rows[CODES] = np.int8(UNKNOWN_CODE)
    replaced = codes_of(distort(rows, every_day(0.5))) != UNKNOWN_CODE
    assert np.abs(np.corrcoef(replaced.T) - np.eye(len(CODES))).max() < 0.03


def test_days_and_seeds_are_distorted_differently() -> None:
    rows = clean()
    rows[CODES] = np.int8(UNKNOWN_CODE)
    parts = [codes_of(part) for _, part in distort(rows, every_day(0.8)).groupby("day")]
    parts.append(codes_of(distort(rows[rows["day"] == pd.Timestamp(DAYS[0])], every_day(0.8), seed=7)))
    assert len({part.tobytes() for part in parts}) == 4


def test_a_day_that_is_not_named_stays_as_it_is() -> None:
    rows = clean()
    found = distort(rows, {DAYS[1]: 0.8})
    others = rows["day"] != pd.Timestamp(DAYS[1])
    pd.testing.assert_frame_equal(found[others], rows[others])
    assert noise_of_days(found) == {DAYS[1]: 0.8}


def test_a_day_that_carries_more_already_stays_as_it_is() -> None:
    noisy = distort(clean(), every_day(0.8))
    pd.testing.assert_frame_equal(distort(noisy, every_day(0.3)), noisy)


def test_days_without_rows_are_no_trouble() -> None:
    assert distort(clean().head(0), every_day(0.8))[NOISE].dtype == "float64"
    assert noise_of_days(clean().head(0)) == {}


@settings(max_examples=20)
@given(noise=st.one_of(st.floats(max_value=0, exclude_max=True), st.floats(min_value=1, exclude_min=True)))
def test_a_noise_out_of_range_is_refused_with_its_day(noise: float) -> None:
    with pytest.raises(ValueError, match="noise of 2024-01-01 must be a number from 0 to 1, not "):
        distort(clean(), {DAYS[0]: noise})


def test_not_a_number_is_no_noise() -> None:
    with pytest.raises(ValueError, match="not nan"):
        distort(clean(), {DAYS[0]: float("nan")})


def test_rows_older_than_the_column_carry_no_noise() -> None:
    old = clean().drop(columns=NOISE)
    assert noise_of_days(old) == {}
    pd.testing.assert_frame_equal(with_noise(old), clean())
    assert NOISE not in old
    both = pd.concat([old, distort(clean(), every_day(0.8)).assign(day=pd.Timestamp("2024-05-01"))], ignore_index=True)
    assert noise_of_days(both) == {date(2024, 5, 1): 0.8}
    assert with_noise(both)[NOISE].tolist() == [0.0] * len(old) + [0.8] * len(old)


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ({}, "none"),
        ({DAYS[0]: 0.0}, "none"),
        ({DAYS[0]: 0.8}, "rehearsal: noise 0.8 on 2024-01-01"),
        (
            {DAYS[0]: 0.8, DAYS[1]: 0.25, DAYS[2]: 0.8},
            "rehearsal: noise 0.25 on 2024-01-02; noise 0.8 on 2024-01-01, 2024-01-03",
        ),
        (dict.fromkeys(days_from(FIRST_DAY, 31), 1.0), "rehearsal: noise 1 on 31 days from 2024-01-01 to 2024-01-31"),
    ],
)
def test_which_days_are_a_rehearsal_is_said_plainly(noise: dict[date, float], said: str) -> None:
    assert describe_noise(noise) == said
