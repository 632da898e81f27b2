"""What chance does to a window, with the accident as the unit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.drift import DriftDetector, DriftLimits, score_drift
from road_assets.core.drift_counts import FEATURE_VARIABLES, accidents_of, count_codes, positions_of
from road_assets.core.drift_reference import reference_of_counts
from road_assets.core.drift_sampling_noise import (
    accident_scatter,
    critical_distances,
    critical_turn,
    independent_scatter,
)
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.benchmarks.drift_false_alarms import Accidents, measure
from road_assets_tests.core.core_frames import draw_codes_frame

SHARES = np.array([0.0, 0.7, 0.2, 0.1])


def make_crashes(accidents: int, *, seed: int = 1) -> pd.DataFrame:
    """Accidents of one to five users who all have the codes of the first."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, accidents)
    return (
        draw_codes_frame(accidents, seed=seed)
        .assign(num_acc=[f"a{number}" for number in range(accidents)])
        .loc[np.repeat(np.arange(accidents), sizes)]
        .reset_index(drop=True)
    )


@pytest.fixture(scope="module")
def crashes() -> Accidents:
    return Accidents(make_crashes(6000))


def test_of_windows_that_did_not_change_the_promised_share_is_called_drifted(crashes: Accidents) -> None:
    found = measure(crashes, 700, 400, 0.05)
    assert 0.02 <= found["drawn again"] <= 0.085  # 20 of 400 promised; outside of this less than once in 500 times
    assert 0.02 <= found["set apart"] <= 0.085
    assert found["users alone"] > 0.5
    assert found["in use"] <= 0.05


def test_a_user_alone_in_his_accident_is_an_independent_draw() -> None:
    codes = draw_codes_frame(20_000, seed=3)
    places = [positions_of(codes[known.name], known) for known in FEATURE_VARIABLES]
    sizes = [known.size for known in FEATURE_VARIABLES]
    alone = accident_scatter(places, sizes, accidents_of(codes))
    counts = count_codes(codes)
    expected = independent_scatter([counted / 20_000 for counted in counts.values()])
    np.testing.assert_allclose(alone.covariance, expected.covariance, atol=0.01)
    np.testing.assert_allclose(np.diag(alone.covariance), np.diag(expected.covariance), rtol=1e-9)
    np.testing.assert_allclose(alone.third, expected.third, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("times", [2, 5])
def test_users_who_are_all_alike_count_as_one(times: int) -> None:
    """The variance of shares of so many times as many users is that of one user per accident."""
    codes = draw_codes_frame(500, seed=4)
    sizes = [known.size for known in FEATURE_VARIABLES]

    def variance(rows: pd.DataFrame, accidents: np.ndarray) -> np.ndarray:
        places = [positions_of(rows[known.name], known) for known in FEATURE_VARIABLES]
        return accident_scatter(places, sizes, accidents).covariance * 500 / len(rows) ** 2

    repeated = codes.loc[np.repeat(np.arange(500), times)]
    once, many = variance(codes, np.arange(500)), variance(repeated, np.repeat(np.arange(500), times))
    np.testing.assert_allclose(many, once, atol=1e-15)


def test_accidents_are_taken_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_crashes(300, seed=6).sample(frac=1, random_state=1)
    places = [positions_of(rows[known.name], known) for known in FEATURE_VARIABLES]
    sizes = [known.size for known in FEATURE_VARIABLES]
    whole = accident_scatter(places, sizes, accidents_of(rows))
    monkeypatch.setattr("road_assets.core.drift_sampling_noise._ACCIDENTS_AT_ONCE", 7)
    parts = accident_scatter(places, sizes, accidents_of(rows))
    np.testing.assert_allclose(parts.covariance, whole.covariance, atol=1e-12)
    np.testing.assert_allclose(parts.third, whole.third, atol=1e-12)


@settings(max_examples=5, deadline=None)
@given(st.floats(0.001, 0.2), st.floats(0.21, 0.5))
def test_fewer_false_alarms_need_a_higher_bound(few: float, many: float) -> None:
    scatter = independent_scatter([SHARES])
    assert critical_distances(scatter, [4], few).limit[0] > critical_distances(scatter, [4], many).limit[0]
    assert critical_turn(scatter.covariance, SHARES, few) > critical_turn(scatter.covariance, SHARES, many)


def test_more_variables_watched_together_have_higher_bounds_each() -> None:
    one = critical_distances(independent_scatter([SHARES]), [4], 0.01).limit[0]
    many = critical_distances(independent_scatter([SHARES] * 13), [4] * 13, 0.01).limit
    assert many.min() > one
    np.testing.assert_allclose(many, many[0], rtol=0.05)


def test_a_variable_that_never_varies_has_no_noise() -> None:
    bounds = critical_distances(independent_scatter([SHARES, np.array([0.0, 1.0])]), [4, 2], 0.01).of_window(200)
    assert bounds[0] > 0.5
    assert bounds[1] == pytest.approx(0, abs=1e-6)


def test_the_bound_of_two_codes_is_the_quantile_of_the_normal_distribution() -> None:
    critical = critical_distances(independent_scatter([np.array([0.5, 0.5])]), [2], 0.05)
    assert critical.limit[0] == pytest.approx(1.96 * 0.5, rel=0.03)
    assert critical.slope[0] == pytest.approx(0), "two codes alike are not skewed"


def test_rare_codes_are_given_more_room_in_small_windows() -> None:
    critical = critical_distances(independent_scatter([np.array([0.99, 0.01])]), [2], 0.01)
    small, large = (float(critical.of_window(accidents)[0]) for accidents in (400, 40_000))
    assert small > 1.02 * large
    rng = np.random.default_rng(8)
    distances = np.abs(rng.binomial(400, 0.01, 100_000) / 400 - 0.01) * np.sqrt(400)
    assert (distances > small).mean() == pytest.approx(0.01, abs=0.007)


def test_the_bound_shrinks_with_the_root_of_the_rows() -> None:
    counts = {name: counted * 40 for name, counted in count_codes(draw_codes_frame(400, seed=2)).items()}
    few, many = ({name: counted * times for name, counted in counts.items()} for times in (1, 4))
    noises = [score_drift(rows, rows).features[0].noise for rows in (few, many)]
    assert noises[0] == pytest.approx(2 * noises[1], rel=0.01)


def test_the_setting_decides_the_bound() -> None:
    reference = reference_of_counts(count_codes(draw_codes_frame(4000)))
    bounds = [DriftDetector(reference, DriftLimits(false_alarm_share=share))._bounds for share in (0.001, 0.01, 0.1)]  # noqa: SLF001
    assert all(bounds[0][name](900) > bounds[1][name](900) > bounds[2][name](900) for name in FEATURE_NAMES)


def test_a_turned_histogram_passes_the_bound_as_rarely_as_promised() -> None:
    rng, shares = np.random.default_rng(7), np.array([0.05, 0.3, 0.4, 0.2, 0.05])
    bound = critical_turn(independent_scatter([shares]).covariance, shares, 0.05)
    windows = rng.multinomial(500, shares, 4000) / 500
    correlations = np.array([np.corrcoef(window, shares)[0, 1] for window in windows])
    noise = 1 - 1 / np.sqrt(1 + bound / 500)
    assert ((1 - correlations) > noise).mean() == pytest.approx(0.05, abs=0.012)
