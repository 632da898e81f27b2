"""Platt scaling, and the rows it is fitted to."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from road_assets.core.calibration import ENOUGH_OF_EACH_CLASS, PlattScaling, choose_calibration_rows, fit_platt_scaling
from road_assets.core.metrics import calibration_error
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

RNG = np.random.default_rng(3)
TRUE = RNG.normal(-1.5, 1.2, 8000)
LABELS = (RNG.random(8000) < 1 / (1 + np.exp(-TRUE))).astype(int)


def test_log_odds_that_exaggerate_are_brought_back_to_what_happens() -> None:
    scaling = fit_platt_scaling(2 * TRUE + 1, LABELS)
    assert (scaling.slope, scaling.shift) == (pytest.approx(0.5, abs=0.05), pytest.approx(-0.5, abs=0.1))
    wrong, right = PlattScaling().probabilities(2 * TRUE + 1), scaling.probabilities(2 * TRUE + 1)
    assert calibration_error(LABELS, right) < calibration_error(LABELS, wrong) / 4
    assert roc_auc_score(LABELS, right) == roc_auc_score(LABELS, wrong)


@pytest.mark.parametrize(("log_odds", "labels"), [(TRUE[:50], LABELS[:50]), (-TRUE, LABELS)], ids=["few", "reversed"])
def test_nothing_is_scaled_on_few_rows_or_where_the_ranking_is_reversed(log_odds: object, labels: object) -> None:
    assert fit_platt_scaling(np.asarray(log_odds), np.asarray(labels)) == PlattScaling()


def test_whole_accidents_are_set_aside_the_same_each_time_and_none_that_was_generated() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 120)
    kept = choose_calibration_rows(rows, 0.3)
    assert rows[kept]["synthetic"].sum() == 0
    assert not set(rows[kept]["num_acc"]) & set(rows[~kept]["num_acc"])
    assert 0.25 < kept.sum() / (~rows["synthetic"]).sum() < 0.35
    shuffled = rows.sample(frac=1, random_state=1)
    assert set(shuffled[choose_calibration_rows(shuffled, 0.3)]["num_acc"]) == set(rows[kept]["num_acc"])


def test_too_few_accidents_are_not_worth_setting_aside() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 5), 12)
    assert len(rows) < 2 * ENOUGH_OF_EACH_CLASS
    assert not choose_calibration_rows(rows, 0.5).any()
