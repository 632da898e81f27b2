"""Weighted figures against the plain ones, and what resampling accidents does."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from road_assets.core.metrics import calibration_error
from road_assets.core.paired_bootstrap import Calibration, Ranking, Resamples, lower_bound

ROWS = 400
RNG = np.random.default_rng(3)
LABELS = (RNG.random(ROWS) < 0.3).astype(int)
PROBABILITIES = np.round(np.clip(RNG.normal(0.3 + 0.2 * LABELS, 0.2), 0, 1), 2)  # rounded, so that there are ties
ACCIDENTS = np.repeat(np.arange(ROWS // 2), 2)


def test_a_weighted_ranking_is_that_of_rows_repeated_as_often() -> None:
    weights = RNG.integers(0, 4, size=(5, ROWS)).astype(float)
    found = Ranking.of(LABELS, PROBABILITIES).roc_auc(weights)
    for given, area in zip(weights.astype(int), found, strict=True):
        expected = roc_auc_score(np.repeat(LABELS, given), np.repeat(PROBABILITIES, given))
        assert area == pytest.approx(expected, abs=1e-12)


def test_a_ranking_can_be_that_of_some_rows() -> None:
    held = np.flatnonzero(ACCIDENTS % 3 == 0)
    (found,) = Ranking.of(LABELS, PROBABILITIES, held).roc_auc(np.ones((1, ROWS)))
    assert found == pytest.approx(roc_auc_score(LABELS[held], PROBABILITIES[held]), abs=1e-12)


def test_a_resample_without_a_class_has_no_ranking() -> None:
    (found,) = Ranking.of(LABELS, PROBABILITIES).roc_auc((LABELS == 0).astype(float)[None])
    assert np.isnan(found)


def test_the_calibration_error_of_all_rows_is_the_one_that_is_reported() -> None:
    (found,) = Calibration.of(LABELS, PROBABILITIES).error(np.ones((1, ROWS)))
    assert found == pytest.approx(calibration_error(LABELS, PROBABILITIES), abs=1e-12)


def test_users_of_one_accident_are_drawn_together_and_as_many_accidents_as_there_are() -> None:
    draws = Resamples.draw(ACCIDENTS, 120, seed=1)
    weights = np.concatenate(list(draws.weights()))
    assert weights.shape == (120, ROWS)
    assert (weights[:, ::2] == weights[:, 1::2]).all()
    assert set(weights[:, ::2].sum(axis=1)) == {draws.accidents} == {ROWS / 2}


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (Resamples.draw(ACCIDENTS, 3, seed=seed).counts for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_bound_lies_as_far_below_as_resamples_lie_above() -> None:
    resampled = np.array([*np.linspace(0.0, 0.2, 101), np.nan])
    assert lower_bound(0.1, resampled, 0.95) == pytest.approx(0.01)
