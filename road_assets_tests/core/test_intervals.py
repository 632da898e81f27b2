"""Bootstrap intervals of a model's figures, against cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from road_assets.core.intervals import average_precision, figure_intervals
from road_assets.core.metrics import evaluate
from road_assets.core.paired_bootstrap import Ranking

RNG = np.random.default_rng(3)
TRUE = RNG.normal(-1.5, 1.2, 8000)
LABELS = (RNG.random(8000) < 1 / (1 + np.exp(-TRUE))).astype(int)
PROBABILITIES = 1 / (1 + np.exp(-TRUE))
ACCIDENTS = np.arange(8000) // 2


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
