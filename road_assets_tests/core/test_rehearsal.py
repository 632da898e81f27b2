"""A day that carries noise is evaluated as if its whole window did; other days as they are."""

import pandas as pd
import pytest

from road_assets.core.drift import DriftDetector, count_codes, evaluate_days
from road_assets.core.drift_limits import DEFAULT_LIMITS
from road_assets.core.drift_reference import reference_of_counts
from road_assets.core.noise import NOISE, distort
from road_assets.core.rehearsal import evaluate_rehearsed, rows_of_window
from road_assets.core.vocabulary import FEATURES
from road_assets.core.windows import days_up_to
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, draw_codes_frame

DAYS = days_from(FIRST_DAY, 10)
NOISY = DAYS[7]
WINDOWS = {day: days_up_to(day, DAYS, 7) for day in DAYS[6:]}
COMMON = {feature.name: [feature.codes[0].value] * 4 + [code.value for code in feature.codes] for feature in FEATURES}
"""A skewed distribution: what is drawn alike already cannot be distorted."""
DETECTOR = DriftDetector(reference_of_counts(count_codes(draw_codes_frame(9000, seed=5, only=COMMON))))


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    rows = draw_codes_frame(2000, seed=6, only=COMMON)
    days = pd.Series(pd.to_datetime([DAYS[number // 200] for number in range(2000)])).astype("datetime64[us]")
    return rows.assign(day=days, **{NOISE: 0.0})


def test_without_noise_nothing_changes(clean: pd.DataFrame) -> None:
    expected = evaluate_days(clean, WINDOWS, DETECTOR)
    assert evaluate_rehearsed(clean, WINDOWS, DETECTOR) == expected
    assert evaluate_rehearsed(clean.drop(columns=NOISE), WINDOWS, DETECTOR) == expected
    assert expected.highest_score == 0


def test_a_noisy_day_is_scored_as_if_its_whole_window_were_noisy(clean: pd.DataFrame) -> None:
    rows = distort(clean, {NOISY: 0.8})
    scores = evaluate_rehearsed(rows, WINDOWS, DETECTOR).scores
    all_noisy = evaluate_days(distort(clean, dict.fromkeys(DAYS, 0.8)), WINDOWS, DETECTOR).scores
    assert scores[NOISY].features == all_noisy[NOISY].features
    assert scores[NOISY].score > DEFAULT_LIMITS.retrain_above
    assert (scores[NOISY].rehearsed_noise, scores[NOISY].current_rows) == (0.8, 1400)


def test_days_around_a_noisy_one_are_scored_by_the_rows_they_have(clean: pd.DataFrame) -> None:
    rows = distort(clean, {NOISY: 0.8})
    scores = evaluate_rehearsed(rows, WINDOWS, DETECTOR).scores
    as_they_are = evaluate_days(rows, WINDOWS, DETECTOR).scores
    assert list(scores) == list(WINDOWS)
    for day in (DAYS[6], DAYS[8], DAYS[9]):
        assert scores[day] == as_they_are[day]


def test_each_day_is_rehearsed_with_its_own_noise_and_rows_that_carry_more_keep_it(clean: pd.DataFrame) -> None:
    rows = distort(clean, {NOISY: 0.8, DAYS[8]: 0.3})
    scores = evaluate_rehearsed(rows, WINDOWS, DETECTOR).scores
    assert [scores[day].rehearsed_noise for day in WINDOWS] == [0.0, 0.8, 0.3, 0.0]
    window = rows_of_window(rows, WINDOWS[DAYS[8]], 0.3)
    assert window.groupby("day")[NOISE].first().tolist() == [0.3] * 5 + [0.8, 0.3]


def test_the_order_of_days_is_kept(clean: pd.DataFrame) -> None:
    rows = distort(clean, {DAYS[6]: 0.8, DAYS[9]: 0.1})
    assert list(evaluate_rehearsed(rows, WINDOWS, DETECTOR).scores) == list(WINDOWS)
