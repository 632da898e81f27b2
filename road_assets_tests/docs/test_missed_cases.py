"""Whom a model misses, counted by hand."""

import numpy as np

from road_assets.core.gate_slices import ENOUGH_OF_EACH_CLASS
from road_assets_tests.benchmarks.missed_cases import by_cost, by_group
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

LABELS = np.array([True, True, True, True, False, False])
ANSWERS = np.array([0.9, 0.5, 0.2, 0.1, 0.6, 0.05])


def test_the_dearer_a_missed_case_the_fewer_are_missed_and_the_more_calls_are_needless() -> None:
    assert list(by_cost(LABELS, ANSWERS, (1.0, 4.0))) == [
        "| 1 | 0.50 | 0.500 | 0.500 (2 of 4) | 0.333 (1 of 3) |",
        "| 4 | 0.20 | 0.667 | 0.250 (1 of 4) | 0.250 (1 of 4) |",
    ]


def test_each_group_is_told_with_the_share_of_its_own_severe_users_missed() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 60, seed=1)
    labels = rows["severe"].to_numpy() == 1
    answers = np.where(rows["catu"] == 1, 0.4, 0.9)
    told = {tuple(line.split(" | ")[:2]): line.split(" | ")[3] for line in by_group(rows, labels, answers, (1.0,))}
    groups = {key: float(share.rstrip(" |")) for key, share in told.items() if key[0] == "| catu"}
    assert len(groups) > 1
    assert ENOUGH_OF_EACH_CLASS > 1
    for (_, group), share in groups.items():
        assert share == (1.0 if group.startswith("1 ") else 0.0), group
