"""Every figure against a case worked out by hand."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.metrics import (
    CALIBRATION_BINS,
    DECIDING_METRIC,
    calibration_bins,
    calibration_error,
    decision_threshold,
    evaluate,
)

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.4, 0.35, 0.8])
BY_HAND = {
    "roc_auc": 3 / 4,  # of four pairs of a severe and a not severe user, three are ranked right
    "average_precision": 0.5 * 1 + 0.5 * 2 / 3,
    "brier": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
    "calibration_error": (0.1 + 0.4 + 0.65 + 0.2) / 4,
    "accuracy": 3 / 4,
    "constant_accuracy": 1 / 2,
    "balanced_accuracy": (1 + 1 / 2) / 2,
    "precision_macro": (2 / 3 + 1) / 2,
    "recall_macro": (1 + 1 / 2) / 2,
    "f1_macro": (4 / 5 + 2 / 3) / 2,
    "true_negatives": 2,
    "false_positives": 0,
    "false_negatives": 1,
    "true_positives": 1,
    "rows": 4,
    "severe_share": 1 / 2,
}
COUNTS = ("true_negatives", "false_positives", "false_negatives", "true_positives")
CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda cases: len({label for label, _ in cases}) == 2
)


def test_a_small_case_gives_the_figures_worked_out_by_hand() -> None:
    found = evaluate(LABELS, PROBABILITIES, threshold=0.5)
    assert found == pytest.approx(BY_HAND, abs=1e-12)
    assert {type(figure) for figure in found.values()} == {float}


def test_macro_figures_weigh_the_rare_class_as_much_as_the_other() -> None:
    found = evaluate(np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.7, 0.6, 0.3]), threshold=0.5)
    macro = [found[name] for name in ("precision_macro", "recall_macro", "f1_macro", "balanced_accuracy")]
    assert macro == pytest.approx([(2 / 3 + 1 / 2) / 2] * 4)
    assert (found["accuracy"], found["constant_accuracy"]) == (0.6, 0.6)


def test_promotion_decides_on_a_figure_that_is_there_and_does_not_know_the_threshold() -> None:
    low, high = (evaluate(LABELS, PROBABILITIES, threshold=threshold) for threshold in (0.2, 0.9))
    assert low[DECIDING_METRIC] == high[DECIDING_METRIC]
    assert low["accuracy"] != high["accuracy"]


def test_a_probability_at_the_threshold_is_answered_as_severe() -> None:
    at = evaluate(LABELS, np.array([0.1, 0.2, 0.5, 0.8]), threshold=0.5)
    above = evaluate(LABELS, np.array([0.1, 0.2, 0.5, 0.8]), threshold=0.5000001)
    assert (at["true_positives"], above["true_positives"]) == (2, 1)


def test_a_perfect_model_has_perfect_figures() -> None:
    found = evaluate(LABELS, LABELS.astype(float), threshold=0.5)
    assert {name: found[name] for name in ("brier", "calibration_error")} == {"brier": 0, "calibration_error": 0}
    perfect = ("roc_auc", "average_precision", "accuracy", "balanced_accuracy", "f1_macro")
    assert [found[name] for name in perfect] == [1] * len(perfect)


@pytest.mark.parametrize("severe", [18, 82], ids=["few severe", "most severe"])
def test_a_constant_answer_ranks_nothing_and_reaches_the_accuracy_shown_beside(severe: int) -> None:
    labels = (np.arange(100) < severe).astype(int)
    found = evaluate(labels, np.full(100, severe / 100), threshold=0.5)
    assert found["roc_auc"] == 0.5
    assert found["average_precision"] == pytest.approx(severe / 100)
    assert [found["accuracy"], found["constant_accuracy"]] == pytest.approx([0.82, 0.82])
    assert found["balanced_accuracy"] == 0.5
    assert found["calibration_error"] == pytest.approx(0, abs=1e-12)


def test_labels_may_come_as_the_small_integers_of_a_frame_or_as_booleans() -> None:
    expected = evaluate(LABELS, PROBABILITIES, threshold=0.5)
    assert evaluate(LABELS.astype(np.int8), PROBABILITIES, threshold=0.5) == expected
    assert evaluate(LABELS.astype(bool), PROBABILITIES, threshold=0.5) == expected


@pytest.mark.parametrize(
    ("labels", "told"),
    [([0, 0, 0], r"3 rows to judge on hold the classes \[0\]"), ([1], r"1 rows .* \[1\]"), ([], r"0 rows .* \[\]")],
)
def test_rows_of_one_class_cannot_be_judged(labels: list[int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        evaluate(np.array(labels), np.full(len(labels), 0.3), threshold=0.5)


@settings(max_examples=40)
@given(CASES, st.integers(0, 20), st.randoms(use_true_random=False))
def test_figures_are_shares_and_do_not_depend_on_the_order_of_rows(
    cases: list[tuple[bool, int]], threshold: int, random: Random
) -> None:
    shuffled = cases.copy()
    random.shuffle(shuffled)
    found, again = (
        evaluate(np.array([one for one, _ in rows]), np.array([p for _, p in rows]) / 20, threshold=threshold / 20)
        for rows in (cases, shuffled)
    )
    assert found == pytest.approx(again, abs=1e-9)
    assert sum(found[name] for name in COUNTS) == found["rows"] == len(cases)
    assert all(0 <= figure <= 1 for name, figure in found.items() if name not in {*COUNTS, "rows"})


def test_groups_for_the_calibration_hold_about_as_many_rows_each_from_low_to_high() -> None:
    probabilities = np.random.default_rng(1).permutation(np.linspace(0, 1, 1003))
    labels = np.random.default_rng(2).random(1003) < probabilities
    groups = calibration_bins(labels, probabilities)
    assert len(groups) == CALIBRATION_BINS == 10
    assert sum(rows for _, _, rows in groups) == 1003
    assert {rows for _, _, rows in groups} <= {100, 101}
    assert [estimated for estimated, _, _ in groups] == sorted(estimated for estimated, _, _ in groups)
    assert calibration_error(labels, probabilities) < 0.05


def test_a_group_tells_the_estimate_and_what_happened() -> None:
    groups = calibration_bins(np.array([0, 1, 1, 1]), np.array([0.1, 0.3, 0.6, 1.0]), bins=2)
    np.testing.assert_allclose(groups, [[0.2, 0.5, 2], [0.8, 1, 2]])


def test_rows_of_one_probability_stay_in_one_group() -> None:
    groups = calibration_bins(np.repeat([0, 1, 1], 4), np.repeat([0.2, 0.2, 0.9], 4), bins=6)
    np.testing.assert_allclose(groups, [[0.2, 0.5, 8], [0.9, 1, 4]])


def test_the_calibration_error_weighs_groups_by_their_rows() -> None:
    labels, probabilities = np.repeat([0, 1, 1], 4), np.repeat([0.2, 0.2, 0.9], 4)
    assert calibration_error(labels, probabilities) == pytest.approx((0.3 * 8 + 0.1 * 4) / 12)


def test_fewer_rows_than_groups_leave_no_group_empty() -> None:
    assert [rows for _, _, rows in calibration_bins(LABELS, PROBABILITIES)] == [1, 1, 1, 1]
    assert calibration_bins(np.array([]), np.array([])) == []


@pytest.mark.parametrize(("cost", "threshold"), [(1, 0.5), (4, 0.2), (0.25, 0.8)])
def test_the_threshold_is_where_both_errors_cost_the_same(cost: float, threshold: float) -> None:
    assert decision_threshold(cost) == pytest.approx(threshold)
    assert threshold * cost == pytest.approx(1 - threshold)


@pytest.mark.parametrize("cost", [0, -1, float("nan")])
def test_a_missed_case_that_costs_nothing_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        decision_threshold(cost)
