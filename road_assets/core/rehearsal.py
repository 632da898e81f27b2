"""Drift scores of days whose rows were distorted on purpose (``noise``).

One distorted day among seven does not change the distributions enough to be detected, and a rehearsal should not take a
week. Therefore a day with noise is evaluated as if all days of its window had the same noise, and its score records
that noise. Days without noise are evaluated as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd

from road_assets.core.bundle import Probabilities
from road_assets.core.drift import DriftDetector, DriftEvaluation, DriftScore, evaluate_days
from road_assets.core.drift_counts import PROBABILITY
from road_assets.core.noise import distort, noise_of_days
from road_assets.core.windows import rows_on

Estimate = Callable[[pd.DataFrame], Probabilities]
"""Computes the production model's estimates for feature rows."""


def evaluate_rehearsed(
    rows: pd.DataFrame,
    windows: Mapping[date, Sequence[date]],
    detector: DriftDetector,
    estimate: Estimate | None = None,
) -> DriftEvaluation:
    """Like ``evaluate_days``, but the window of a day with noise is distorted like the day.

    Args:
        rows: real feature rows of every day of every window, with the column ``noise`` where it exists.
        windows: the days of each window by the day it ends on, in order of time.
        detector: holds the reference that they are compared with.
        estimate: applied to the rows as evaluated; without it the drift of the estimates is not measured.
    """
    carried = noise_of_days(rows)
    if not carried:
        return evaluate_days(_answered(rows, estimate), windows, detector)
    scores: dict[date, DriftScore] = {}
    for noise in sorted({carried.get(day, 0.0) for day in windows}):
        alike = {day: window for day, window in windows.items() if carried.get(day, 0.0) == noise}
        known = sorted({day for window in alike.values() for day in window})
        found = evaluate_days(_answered(rows_of_window(rows, known, noise), estimate), alike, detector)
        scores |= {day: replace(score, rehearsed_noise=noise) for day, score in found.scores.items()}
    return DriftEvaluation({day: scores[day] for day in windows})


def _answered(rows: pd.DataFrame, estimate: Estimate | None) -> pd.DataFrame:
    return rows if estimate is None else rows.assign(**{PROBABILITY: estimate(rows)})


def rows_of_window(rows: pd.DataFrame, window: Sequence[date], noise: float) -> pd.DataFrame:
    """Rows of some days as they are evaluated.

    Args:
        rows: real feature rows.
        window: the days wanted.
        noise: of the evaluated day; rows with less noise are distorted up to it. 0 changes nothing.
    """
    return distort(rows_on(rows, window), dict.fromkeys(window, noise))
