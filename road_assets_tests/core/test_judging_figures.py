"""Calibration, intervals, slices and threshold: each against a case whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from road_assets.core.calibration import ENOUGH_OF_EACH_CLASS, PlattScaling, fit_platt_scaling, choose_calibration_rows
from road_assets.core.intervals import average_precision, figure_intervals
from road_assets.core.metrics import calibration_error, decision_threshold, evaluate
from road_assets.core.paired_bootstrap import Ranking
from road_assets.core.scene_fields import FILLED
from road_assets.core.slices import slice_figures
from road_assets.core.vocabulary import TARGET
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

RNG = np.random.default_rng(3)
TRUE = RNG.normal(-1.5, 1.2, 8000)
LABELS = (RNG.random(8000) < 1 / (1 + np.exp(-TRUE))).astype(int)
PROBABILITIES = 1 / (1 + np.exp(-TRUE))
ACCIDENTS = np.arange(8000) // 2


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


@pytest.mark.parametrize(("cost", "threshold"), [(1, 0.5), (4, 0.2), (0.25, 0.8)])
def test_the_threshold_is_where_both_errors_cost_the_same(cost: float, threshold: float) -> None:
    assert decision_threshold(cost) == pytest.approx(threshold)
    assert threshold * cost == pytest.approx(1 - threshold)


@pytest.mark.parametrize("cost", [0, -1, float("nan")])
def test_a_missed_case_that_costs_nothing_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        decision_threshold(cost)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 3)), min_size=3, max_size=40))
def test_the_weighted_average_precision_is_that_of_scikit_learn(cases: list[tuple[int, int, int]]) -> None:
    labels, ranks, weights = (np.array(column) for column in zip(*cases, strict=True))
    if not (labels * weights).sum():
        return
    found = average_precision(Ranking.of(labels, ranks / 10), weights[None, :].astype(float))[0]
    assert found == pytest.approx(average_precision_score(labels, ranks / 10, sample_weight=weights))


def test_intervals_hold_the_figure_and_shrink_as_rows_grow() -> None:
    figures = evaluate(LABELS, PROBABILITIES, threshold=0.5)
    wide, narrow = (
        figure_intervals(LABELS[:count], PROBABILITIES[:count], ACCIDENTS[:count], threshold=0.5)
        for count in (1000, 8000)
    )
    for name in ("roc_auc", "average_precision", "brier", "accuracy", "balanced_accuracy"):
        low, high = narrow[name]
        assert low < figures[name] < high
        assert high - low < 0.6 * (wide[name][1] - wide[name][0])
    assert narrow["calibration_error"][0] < 0.01, "well calibrated, whatever resampling adds"


def test_users_of_one_accident_make_intervals_wider_than_as_many_strangers() -> None:
    labels, probabilities = np.repeat(LABELS[:1000], 4), np.repeat(PROBABILITIES[:1000], 4)
    together, apart = (
        figure_intervals(labels, probabilities, groups, threshold=0.5)["roc_auc"]
        for groups in (np.arange(4000) // 4, np.arange(4000))
    )
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])


def test_every_group_of_users_has_a_line_with_an_interval() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 60)
    rows = rows[~rows["synthetic"]]
    answers = np.random.default_rng(1).random(len(rows)) * 0.1 + 0.6 * rows[TARGET].to_numpy()
    lines = slice_figures(rows, answers)
    assert {line.field for line in lines} == {"catu", "sexe", "lum", "catr", "département"}
    assert sum(line.rows for line in lines if line.field == "lum") == len(rows)
    assert {line.value for line in lines if line.field == "département"} == {"Île-de-France"}
    for line in lines:
        assert line.roc_auc == line.roc_auc_low == line.roc_auc_high == 1, "severe users all stand above the others"


def test_a_group_with_one_outcome_or_few_rows_says_no_more_than_it_can() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 10)
    rows = rows[~rows["synthetic"]].assign(catu=1)
    rows.loc[rows.index[:5], ["catu", TARGET]] = [3, 0]
    few = next(line for line in slice_figures(rows, np.full(len(rows), 0.2)) if line.value.startswith("3"))
    assert (few.rows, few.severe_share) == (5, 0)
    assert (few.roc_auc, few.roc_auc_low, few.roc_auc_high, few.calibration_error) == (None, None, None, None)


def test_what_had_not_been_recorded_is_in_no_group() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 10)
    rows = rows[~rows["synthetic"]].assign(**{FILLED: np.int16(1)})  # catu had been filled in everywhere
    assert "catu" not in {line.field for line in slice_figures(rows, np.full(len(rows), 0.2))}
