"""How far the accidents of the last days are from those the production model learned from.

Per categorical feature the total-variation distance between the two distributions of codes; the score is the share of
features that drifted. A feature drifts only past both the threshold and what chance alone would give for so few rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.vocabulary import FEATURES, UNKNOWN_CODE

DISTANCE_THRESHOLD: Final = 0.1
RETRAIN_ABOVE: Final = 0.5
WARN_ABOVE: Final = 0.3
WINDOW_DAYS: Final = 7
"""A day has about 340 users and drifts by chance (7.7 % of days above 0.5 in 2024); no week of that year did."""

MIN_ROWS: Final = 200
"""Fewer current rows than that say nothing."""

FALSE_ALARM_SHARE: Final = 0.01
"""Chance, at most, that a feature whose distribution did not change is called drifted."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Distance of one feature.

    Attributes:
        feature: its name.
        distance: total-variation distance, 0 (same) to 1 (nothing in common).
        noise: distance that chance alone stays below with probability 1 - ``FALSE_ALARM_SHARE``.
        drifted: past both the threshold and the noise.
    """

    feature: str
    distance: float
    noise: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class DriftScore:
    """Drift of a day's trailing window.

    Attributes:
        score: share of the 13 features that drifted; 0 where there are too few rows to tell.
        features: one entry per feature, in the order of the vocabulary.
        reference_rows: real rows of the model's training window.
        current_rows: real rows of the trailing window.
        rehearsed_noise: noise put into the window's codes on purpose; above 0 the score is a rehearsal.
    """

    score: float
    features: tuple[FeatureDrift, ...]
    reference_rows: int
    current_rows: int
    rehearsed_noise: float = 0.0

    @property
    def retrain(self) -> bool:
        """Whether the score asks for a new model."""
        return self.score > RETRAIN_ABOVE

    @property
    def warn(self) -> bool:
        """Whether the score deserves a look."""
        return self.score > WARN_ABOVE

    @property
    def enough_rows(self) -> bool:
        """Whether both sides hold enough rows to tell."""
        return min(self.reference_rows, self.current_rows) >= MIN_ROWS

    @property
    def drifted_features(self) -> list[str]:
        """Names of the features that drifted."""
        return [feature.feature for feature in self.features if feature.drifted]


@dataclass(frozen=True, slots=True)
class DriftEvaluation:
    """Drift of the trailing windows of several days.

    Attributes:
        scores: by the last day of the window, in order of time; at least one.
    """

    scores: dict[date, DriftScore]

    @property
    def days_above_limit(self) -> list[date]:
        """Days whose score asks for a new model."""
        return [day for day, score in self.scores.items() if score.retrain]

    @property
    def last_day(self) -> date:
        """Newest day."""
        return max(self.scores)

    @property
    def highest_score(self) -> float:
        """Highest score of all days."""
        return max(score.score for score in self.scores.values())


CodeCounts = dict[str, npt.NDArray[np.int64]]
"""Per feature, rows per code; the order of codes is that of the vocabulary, with "not recorded" first."""


def count_codes(rows: pd.DataFrame) -> CodeCounts:
    """Count each feature's codes.

    Args:
        rows: at least the 13 columns, ``UNKNOWN_CODE`` where not recorded.

    Returns:
        Counts per feature.

    Raises:
        ValueError: a code that the vocabulary does not know.
    """
    return {
        feature.name: _count(rows[feature.name], [UNKNOWN_CODE, *(code.value for code in feature.codes)])
        for feature in FEATURES
    }


def _count(column: "pd.Series[int]", codes: list[int]) -> npt.NDArray[np.int64]:
    positions = pd.Index(codes).get_indexer(pd.Index(column))
    if (positions < 0).any():
        strange = sorted(set(column[positions < 0]))
        raise ValueError(f"feature {column.name!r} holds the codes {strange}, which the codebook does not have")
    return np.bincount(positions, minlength=len(codes)).astype(np.int64)


def add_counts(counts: list[CodeCounts]) -> CodeCounts:
    """Counts of several days together; at least one."""
    return {feature.name: np.sum([day[feature.name] for day in counts], axis=0) for feature in FEATURES}


def score_drift(reference: CodeCounts, current: CodeCounts) -> DriftScore:
    """Compare two sets of rows, each given by its counts.

    Args:
        reference: of the production model's training window.
        current: of the trailing window.

    Returns:
        The score with every feature's distance.
    """
    reference_rows, current_rows = (int(counts[FEATURES[0].name].sum()) for counts in (reference, current))
    if min(reference_rows, current_rows) < MIN_ROWS:
        unknown = tuple(FeatureDrift(feature.name, float("nan"), float("nan"), drifted=False) for feature in FEATURES)
        return DriftScore(0.0, unknown, reference_rows, current_rows)
    features = tuple(_compare(feature.name, reference[feature.name], current[feature.name]) for feature in FEATURES)
    return DriftScore(
        sum(feature.drifted for feature in features) / len(features), features, reference_rows, current_rows
    )


def _compare(name: str, reference: npt.NDArray[np.int64], current: npt.NDArray[np.int64]) -> FeatureDrift:
    distance = total_variation(reference, current)
    noise = sampling_noise(reference / reference.sum(), int(reference.sum()), int(current.sum()))
    return FeatureDrift(name, distance, noise, drifted=distance > DISTANCE_THRESHOLD and distance > noise)


def total_variation(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Distance of two distributions: the share of rows that would have to move to make them equal.

    Args:
        one: rows per code.
        other: rows per code, in the same order of codes.
    """
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def sampling_noise(shares: npt.NDArray[np.float64], reference_rows: int, current_rows: int) -> float:
    """Distance that two samples of one distribution stay below, except with probability ``FALSE_ALARM_SHARE``.

    The mean of the distance is at most half the summed standard deviations of the shares; around its mean it
    concentrates by McDiarmid's inequality (one row moves it by at most 1/n). So the bound holds whatever the
    distribution.

    Args:
        shares: of each code, summing to 1.
        reference_rows: rows on one side.
        current_rows: rows on the other.
    """
    inverse_rows = 1 / reference_rows + 1 / current_rows
    mean = 0.5 * float(np.sqrt(shares * (1 - shares) * inverse_rows).sum())
    return mean + float(np.sqrt(np.log(1 / FALSE_ALARM_SHARE) * inverse_rows / 2))


def evaluate_days(rows: pd.DataFrame, windows: Mapping[date, Sequence[date]], reference: CodeCounts) -> DriftEvaluation:
    """Score the trailing window of each of several days, counting each day's rows once.

    Args:
        rows: real feature rows of every day of every window.
        windows: the days of each window by the day it ends on, in order of time.
        reference: counts of the production model's training rows.
    """
    counts = {day: count_codes(part) for day, part in rows.groupby(rows["day"].dt.date)}
    nothing = count_codes(rows.iloc[:0])
    return DriftEvaluation(
        {
            day: score_drift(reference, add_counts([counts.get(known, nothing) for known in window]))
            for day, window in windows.items()
        }
    )
