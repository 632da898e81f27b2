"""July to October 2024 replayed day by day against January to June: no false retraining, and how soon noise is found.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.drift_replay``

The model is a random forest of 60 trees, learned from the real users of January to May; its answers for June are the
reference of the answers. *Rehearsed* is what the evaluation of a noisy day sees: its whole window distorted as much as
the day. *Left to itself* counts the days from the first noisy one on to the first evaluation that asks for retraining,
if the days before it stay as they were and those after it are noisy too.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from road_assets.core.columns import DAY
from road_assets.core.drift import DriftDetector, DriftScore, evaluate_days
from road_assets.core.drift_counts import PREDICTION, PROBABILITY
from road_assets.core.drift_reference import freeze_reference
from road_assets.core.forest_pipeline import ForestSettings, fit_forest
from road_assets.core.model_input import feature_matrix
from road_assets.core.noise import NOISE, distort
from road_assets.core.rehearsal import evaluate_rehearsed
from road_assets.core.windows import rows_on
from road_assets_tests.benchmarks.official_year import LAST_OF_REFERENCE, load_year

NOISES: Final = (0.3, 0.5, 0.8)
FIRST, LAST = date(2024, 7, 1), date(2024, 10, 31)
STARTS: Final = [date(2024, 7, 8) + timedelta(days=5 * number) for number in range(21)]
LAST_LEARNED: Final = pd.Timestamp("2024-05-31")


class Replay:
    """The reference, and rows to be scored against it."""

    def __init__(self, rows: pd.DataFrame) -> None:
        past = rows[rows[DAY] <= LAST_OF_REFERENCE]
        learned, judged = past[past[DAY] <= LAST_LEARNED], past[past[DAY] > LAST_LEARNED]
        self.model = fit_forest(learned, ForestSettings(n_estimators=60))
        self.detector = DriftDetector(freeze_reference(past, judged, self.estimate(judged)))
        self.rows = rows.assign(**{NOISE: 0.0})

    def estimate(self, rows: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The model's answers."""
        return np.asarray(self.model.predict_proba(feature_matrix(rows))[:, 1])

    def untouched(self, days: Sequence[date]) -> dict[date, DriftScore]:
        """Scores as the files are."""
        windows = {day: self.window(day) for day in days}
        return evaluate_rehearsed(self.rows, windows, self.detector, self.estimate).scores

    def rehearsed(self, day: date, noise: float) -> DriftScore:
        """Score of a day that carries noise, as the platform evaluates it."""
        window = self.window(day)
        rows = distort(rows_on(self.rows, window), {day: noise})
        return evaluate_rehearsed(rows, {day: window}, self.detector, self.estimate).scores[day]

    def days_until_found(self, first: date, noise: float) -> int | None:
        """Days from the first noisy one on to the first evaluation that asks for retraining."""
        for waited in range(self.detector.limits.window_days):
            day = first + timedelta(days=waited)
            window = self.window(day)
            rows = distort(rows_on(self.rows, window), {known: noise for known in window if known >= first})
            if evaluate_days(rows, {day: window}, self.detector).scores[day].retrain:
                return waited
        return None

    def window(self, end: date) -> list[date]:
        """The days up to and including one."""
        return [end - timedelta(days=back) for back in reversed(range(self.detector.limits.window_days))]


def main() -> int:
    """Measure and print the tables."""
    replay = Replay(load_year())
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    _print_untouched(replay.untouched(days))
    print(f"\nnoise from one day on, {len(STARTS)} first days from {STARTS[0]} to {STARTS[-1]}")
    print(f"{'noise':>5}  {'rehearsed: score':>16}  {'found that day':>14}  {'answers moved':>13}  left to itself")
    for noise in NOISES:
        scores = [replay.rehearsed(day, noise) for day in STARTS]
        values = np.array([found.score for found in scores])
        share = np.mean([found.retrain for found in scores])
        moved = np.mean([PROBABILITY in found.drifted_beside for found in scores])
        waited = [replay.days_until_found(day, noise) for day in STARTS]
        print(
            f"{noise:5g}  {values.min():6.2f} to {values.max():4.2f}   {share:14.0%}  {moved:13.0%}  {_days(waited)}",
            flush=True,
        )
    return 0


def _print_untouched(scores: Mapping[date, DriftScore]) -> None:
    values = np.array([found.score for found in scores.values()])
    print(f"{len(values)} days from {min(scores)} to {max(scores)}, nothing changed")
    for words, count in (
        ("retraining requested", sum(found.retrain for found in scores.values())),
        ("warned", sum(found.warn for found in scores.values())),
    ):
        print(f"  {words}: on {count} days")
    print(f"  highest score: {values.max():.2f}, mean {values.mean():.3f}")
    drifted = pd.Series([name for found in scores.values() for name in found.drifted_features]).value_counts()
    beside = pd.Series([name for found in scores.values() for name in found.drifted_beside]).value_counts()
    print(f"  features drifted, on so many days: {drifted.to_dict()}; beside the score: {beside.to_dict()}")
    answers = [one.distance for found in scores.values() for one in found.beside if one.feature == PREDICTION.name]
    severe = [found.severe for found in scores.values() if found.severe]
    print(f"  distance of the answers: {min(answers):.3f} to {max(answers):.3f}")
    half = np.mean([one.high - one.low for one in severe]) / 2
    shares = [one.share for one in severe]
    print(
        f"  severe share: {min(shares):.3f} to {max(shares):.3f}, half width of the interval {half:.3f}, "
        f"reference {severe[0].reference:.3f}"
    )


def _days(waited: list[int | None]) -> str:
    found = [days for days in waited if days is not None]
    if not found:
        return "never"
    return f"{np.median(found):g} days ({min(found)} to {max(found)}), never: {len(waited) - len(found)}"


if __name__ == "__main__":
    sys.exit(main())
