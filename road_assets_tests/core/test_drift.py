"""The distance between two sets of accidents, and how much of it is chance."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.drift import (
    CodeCounts,
    DriftDetector,
    DriftScore,
    correlation,
    count_codes,
    evaluate_days,
    score_drift,
)
from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits
from road_assets.core.drift_reference import reference_of_counts
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES
from road_assets_tests.core.core_frames import days_from, draw_codes_frame

DISTANCE_THRESHOLD, MIN_ROWS = DEFAULT_LIMITS.distance_threshold, DEFAULT_LIMITS.min_rows


def make_counts(rows: int, *, seed: int) -> CodeCounts:
    """Counts of random rows, any distribution."""
    rng = np.random.default_rng(seed)
    shares = {feature.name: rng.dirichlet(np.full(len(feature.codes) + 1, 0.5)) for feature in FEATURES}
    return {name: rng.multinomial(rows, share) for name, share in shares.items()}


def two_codes(first: int, second: int, *, moved: tuple[str, ...] = FEATURE_NAMES) -> CodeCounts:
    """Rows of which some hold a feature's first code and the others its second; features not moved hold only the first.

    Every feature has at least two codes.
    """
    rows = first + second
    return {
        feature.name: np.array(
            [0, first, second, *[0] * (len(feature.codes) - 2)]
            if feature.name in moved
            else [0, rows, *[0] * (len(feature.codes) - 1)]
        )
        for feature in FEATURES
    }


def only_distance(score: DriftScore) -> float:
    (distance,) = {round(feature.distance, 12) for feature in score.features}
    return distance


@settings(max_examples=6, deadline=None)  # each draws its bounds
@given(st.integers(MIN_ROWS, 5000), st.integers(MIN_ROWS, 5000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_distance_is_between_0_and_1_and_the_same_from_either_side(
    reference_rows: int, current_rows: int, reference_seed: int, current_seed: int
) -> None:
    one, other = make_counts(reference_rows, seed=reference_seed), make_counts(current_rows, seed=current_seed)
    there, back = score_drift(one, other), score_drift(other, one)
    for forth, backwards in zip(there.features, back.features, strict=True):
        assert 0 <= forth.distance <= 1 + 1e-12
        assert forth.distance == pytest.approx(backwards.distance, abs=1e-12)
        assert forth.drifted == (forth.distance > DISTANCE_THRESHOLD and forth.distance > forth.noise)
    assert there.score == sum(feature.drifted for feature in there.features) / 13
    assert there.drifted_features == [feature.feature for feature in there.features if feature.drifted]
    assert [feature.feature for feature in there.features] == list(FEATURE_NAMES)
    assert (there.reference_rows, there.current_rows) == (reference_rows, current_rows)


@settings(max_examples=6, deadline=None)  # each draws its bounds
@given(st.integers(MIN_ROWS, 5000), st.integers(1, 20), st.integers(0, 10_000))
def test_equal_shares_are_no_distance_apart_however_many_rows(rows: int, times: int, seed: int) -> None:
    counts = make_counts(rows, seed=seed)
    score = score_drift(counts, {name: count * times for name, count in counts.items()})
    assert only_distance(score) == 0
    assert (score.score, score.drifted_features, score.retrain, score.warn) == (0, [], False, False)


def test_the_distance_is_half_the_summed_differences_of_shares() -> None:
    assert only_distance(score_drift(two_codes(700, 300), two_codes(550, 450))) == 0.15
    assert only_distance(score_drift(two_codes(1000, 0), two_codes(0, 400))) == 1


def test_a_distance_past_the_threshold_counts_only_past_the_noise_of_so_few_rows() -> None:
    few = score_drift(two_codes(105, 95), two_codes(80, 120))
    many = score_drift(two_codes(105_000, 95_000), two_codes(80_000, 120_000))
    assert only_distance(few) == only_distance(many) == 0.125
    assert (few.score, many.score) == (0, 1)
    assert few.features[0].noise > 0.125 > DISTANCE_THRESHOLD > many.features[0].noise


def test_a_distance_past_the_noise_counts_only_past_the_threshold() -> None:
    score = score_drift(two_codes(500_000, 500_000), two_codes(590_000, 410_000))
    assert score.features[0].noise < 0.02 < only_distance(score) < DISTANCE_THRESHOLD
    assert score.drifted_features == []


@pytest.mark.parametrize(
    ("moved", "warn", "retrain"),
    [(0, False, False), (3, False, False), (4, True, False), (6, True, False), (7, True, True)],
)
def test_more_than_30_percent_of_features_warn_and_more_than_half_retrain(
    moved: int, *, warn: bool, retrain: bool
) -> None:
    names = FEATURE_NAMES[:moved]
    score = score_drift(two_codes(5000, 0, moved=names), two_codes(0, 5000, moved=names))
    assert score.drifted_features == list(names)
    assert score.score == moved / 13
    assert (score.warn, score.retrain) == (warn, retrain)


def test_the_limits_decide() -> None:
    before, now = two_codes(5000, 0), two_codes(2500, 2500)
    assert score_drift(before, now).score == 1
    assert score_drift(before, now, DriftLimits(distance_threshold=0.6)).score == 0
    assert not score_drift(before, now, DriftLimits(min_rows=5001)).enough_rows
    assert not score_drift(before, now, DriftLimits(retrain_above=1.0)).retrain


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3], [2, 4, 6], 1),
        ([1, 2, 3], [3, 2, 1], -1),
        ([5, 5, 5], [7, 7, 7], 1),
        ([5, 5, 5], [1, 2, 3], 0),
        ([10, 40, 30, 20], [30, 35, 20, 15], np.corrcoef([10, 40, 30, 20], [30, 35, 20, 15])[0, 1]),
    ],
)
def test_histograms_are_compared_by_their_correlation(one: list[int], other: list[int], expected: float) -> None:
    assert correlation(np.array(one), np.array(other)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference_rows", "current_rows", "enough"),
    [(MIN_ROWS, MIN_ROWS, True), (MIN_ROWS, MIN_ROWS - 1, False), (MIN_ROWS - 1, 10_000, False), (10_000, 0, False)],
)
def test_too_few_rows_on_either_side_say_nothing(reference_rows: int, current_rows: int, *, enough: bool) -> None:
    score = score_drift(two_codes(reference_rows, 0), two_codes(0, current_rows))
    assert score.enough_rows is enough
    assert score.score == (1 if enough else 0)
    assert [np.isnan(feature.distance) for feature in score.features] == [not enough] * 13
    assert (score.reference_rows, score.current_rows) == (reference_rows, current_rows)
    assert score.retrain is enough


def _detector(rows: int) -> DriftDetector:
    return DriftDetector(reference_of_counts(count_codes(draw_codes_frame(rows, seed=9))))


def make_days(days: tuple[date, ...], *, per_day: int, **codes: int) -> pd.DataFrame:
    rows = draw_codes_frame(len(days) * per_day).assign(**codes)
    return rows.assign(day=pd.to_datetime(np.repeat(np.array(days, dtype="datetime64[us]"), per_day)))


def test_each_day_is_scored_on_its_window_as_if_alone() -> None:
    days = days_from(date(2024, 3, 1), 6)
    rows = pd.concat([make_days(days[:3], per_day=90), make_days(days[3:], per_day=90, lum=3, atm=4)])
    windows = {day: days[max(0, number - 2) : number + 1] for number, day in enumerate(days)}
    reference = count_codes(draw_codes_frame(6000, seed=9))
    evaluation = evaluate_days(rows, windows, DriftDetector(reference_of_counts(reference)))
    assert list(evaluation.scores) == list(days)
    for day, window in windows.items():
        alone = count_codes(rows[rows["day"].dt.date.isin(window)])
        scored, expected = evaluation.scores[day], score_drift(reference, alone)
        assert (scored.score, scored.current_rows) == (expected.score, expected.current_rows)
    assert evaluation.scores[days[1]].enough_rows is False
    assert evaluation.scores[days[5]].drifted_features == ["lum", "atm"]
    assert evaluation.last_day == days[5]
    assert evaluation.highest_score == 2 / 13
    assert evaluation.days_above_limit == []


def test_days_above_the_limit_are_told_in_order_of_time() -> None:
    days = days_from(date(2024, 3, 1), 4)
    changed = {feature.name: min(feature.values) for feature in FEATURES}
    rows = pd.concat([make_days(days[:2], per_day=3000), make_days(days[2:], per_day=3000, **changed)])
    evaluation = evaluate_days(rows, {day: (day,) for day in days}, _detector(6000))
    assert evaluation.days_above_limit == list(days[2:])
    assert evaluation.highest_score == 1


def test_a_day_without_rows_adds_nothing_to_its_window() -> None:
    days = days_from(date(2024, 3, 1), 2)
    rows = make_days(days[:1], per_day=250)
    evaluation = evaluate_days(
        rows,
        {
            days[0]: days[:1],
            days[1]: days,
        },
        _detector(300),
    )
    assert [evaluation.scores[day].current_rows for day in days] == [250, 250]
    empty = evaluate_days(rows.iloc[:0], {days[1]: days}, _detector(300))
    assert empty.scores[days[1]].current_rows == 0
    assert empty.highest_score == 0
