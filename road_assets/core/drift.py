"""Drift of the accidents of the last days from the training data of the model in production.

For each feature, the total-variation distance between the two distributions of codes is compared with a threshold; the
drift score is the share of the 13 features that drifted. Other variables are watched beside the score: numeric fields
(by the correlation of histograms), the model's estimates, and the share of severe cases. A variable has drifted only if
its distance exceeds both its threshold and the sampling noise of so few accidents (``drift_sampling_noise``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.drift_counts import (
    FEATURE_VARIABLES,
    LABEL,
    CodeCounts,
    Counts,
    DayTallies,
    Tally,
    WindowTally,
    add_counts,
    count_codes,
)
from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits, Kind
from road_assets.core.drift_reference import DriftReference, Family, reference_of_counts
from road_assets.core.drift_sampling_noise import CriticalDistances, critical_distances, critical_turn
from road_assets.core.severe_share import SevereShare, severe_share

__all__ = ["CodeCounts", "DriftLimits", "add_counts", "count_codes"]  # re-exported: whoever compares counts, counts too


Bound = Callable[[int], float]
"""Bound of sampling noise at unit scale, by the number of accidents in a window."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Distance of one variable.

    Attributes:
        feature: its name.
        distance: total-variation distance, 0 (equal) to 1 (nothing in common); of a numeric field, 1 minus the
            correlation of the histograms. NaN where there are too few rows.
        noise: bound of the sampling noise: without drift, the distance rarely exceeds it.
        drifted: whether the distance exceeds both threshold and noise.
        kind: of the variable.
        threshold: distance that has to be exceeded.
        reference_rows: users in the reference whose value is known.
        current_rows: users in the window whose value is known.
    """

    feature: str
    distance: float
    noise: float
    drifted: bool
    kind: Kind = "feature"
    threshold: float = DEFAULT_LIMITS.distance_threshold
    reference_rows: int = 0
    current_rows: int = 0


@dataclass(frozen=True, slots=True)
class DriftScore:
    """Drift of a day's trailing window.

    Attributes:
        score: share of the 13 features that drifted, 0 to 1; 0 where there are too few rows.
        features: one entry per feature, in the order of the vocabulary.
        reference_rows: real rows of the model's training window.
        current_rows: real rows of the trailing window.
        current_accidents: accidents they belong to.
        beside: variables watched beside the score, as far as both sides have them: numeric fields, the model's
            estimates, the share of severe cases.
        severe: the share of severe cases with its interval, where there are labels.
        limits: thresholds that were applied.
        rehearsed_noise: noise put into the window's codes on purpose, 0 to 1; above 0 the score is of a rehearsal.
        replayed_days: days of the window that repeat a published one.
    """

    score: float
    features: tuple[FeatureDrift, ...]
    reference_rows: int
    current_rows: int
    current_accidents: int = 0
    beside: tuple[FeatureDrift, ...] = ()
    severe: SevereShare | None = None
    limits: DriftLimits = DEFAULT_LIMITS
    rehearsed_noise: float = 0.0
    replayed_days: int = 0

    @property
    def retrain(self) -> bool:
        """Whether the score asks for a new model."""
        return self.score > self.limits.retrain_above

    @property
    def warn(self) -> bool:
        """Whether the score deserves a look."""
        return self.score > self.limits.warn_above

    @property
    def enough_rows(self) -> bool:
        """Whether both sides have enough rows to be compared."""
        return min(self.reference_rows, self.current_rows) >= self.limits.min_rows

    @property
    def drifted_features(self) -> list[str]:
        """Names of the features that drifted."""
        return [feature.feature for feature in self.features if feature.drifted]

    @property
    def drifted_beside(self) -> list[str]:
        """Names of the drifted variables that are not part of the score."""
        return [variable.feature for variable in self.beside if variable.drifted]


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

    def with_replays(self, windows: Mapping[date, Sequence[date]], replayed: frozenset[date]) -> "DriftEvaluation":
        """A copy whose scores say how many days of their window repeat a published one."""
        marked = {
            day: replace(score, replayed_days=len(replayed.intersection(windows[day])))
            for day, score in self.scores.items()
        }
        return DriftEvaluation(marked)


@dataclass(frozen=True)
class DriftDetector:
    """Detects drift of windows against one reference.

    Attributes:
        reference: distributions that the windows are compared with.
        limits: what counts as drift.
    """

    reference: DriftReference
    limits: DriftLimits = DEFAULT_LIMITS
    _bounds: dict[str, Bound] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compute the bounds of sampling noise once, for all windows."""
        bounds: dict[str, Bound] = {}
        for family in self.reference.families:
            bounds |= _bounds_of(family, self.limits.false_alarm_share)
        object.__setattr__(self, "_bounds", bounds)

    def score(self, window: WindowTally) -> DriftScore:
        """Score one window."""
        judged = [
            self._compare(family, name, window.variables[name])
            for family in self.reference.families
            for name in family.counts
            if name in window.variables
        ]
        features = tuple(variable for variable in judged if variable.kind == "feature")
        first = FEATURE_VARIABLES[0].name
        return DriftScore(
            sum(feature.drifted for feature in features) / len(features),
            features,
            reference_rows=features[0].reference_rows,
            current_rows=features[0].current_rows,
            current_accidents=window.variables[first].accidents,
            beside=tuple(variable for variable in judged if variable.kind != "feature"),
            severe=self._severe(window),
            limits=self.limits,
        )

    def _severe(self, window: WindowTally) -> SevereShare | None:
        labels = window.variables.get(LABEL.name)
        return severe_share(labels, window.severe_squares, self.reference.severe_share) if labels else None

    def _compare(self, family: Family, name: str, current: Tally) -> FeatureDrift:
        before, kind = family.tally(name), family.kind
        threshold, rows = self.limits.threshold_of(kind), (before.rows, current.rows)
        if min(rows) < self.limits.min_rows:
            return FeatureDrift(name, np.nan, np.nan, False, kind, threshold, *rows)  # noqa: FBT003 - fields in order
        scale = before.accidents / before.rows**2 + current.accidents / current.rows**2
        if kind == "numeric":
            distance = 1 - correlation(before.counts, current.counts)
            noise = 1 - 1 / float(np.sqrt(1 + scale * self._bounds[name](current.accidents)))
        else:
            distance = total_variation(before.counts, current.counts)
            noise = self._bounds[name](current.accidents) * float(np.sqrt(scale))
        drifted = distance > threshold and distance > noise
        return FeatureDrift(name, distance, noise, drifted, kind, threshold, *rows)


def _bounds_of(family: Family, false_alarm_share: float) -> dict[str, Bound]:
    if family.kind == "numeric":
        ((name, counts),) = family.counts.items()
        turn = critical_turn(family.scatter.covariance, counts / counts.sum(), false_alarm_share)
        return {name: lambda _accidents: turn}
    critical = critical_distances(family.scatter, [len(counts) for counts in family.counts.values()], false_alarm_share)
    return {name: partial(_bound_at, critical, place) for place, name in enumerate(family.counts)}


def _bound_at(critical: CriticalDistances, place: int, accidents: int) -> float:
    return float(critical.of_window(accidents)[place])


def total_variation(one: Counts, other: Counts) -> float:
    """Total-variation distance of two distributions: the share of rows that would have to change to make them equal.

    Args:
        one: rows per code.
        other: rows per code, in the same order of codes.
    """
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def correlation(one: Counts, other: Counts) -> float:
    """Pearson's correlation of two histograms over the same bins.

    Args:
        one: rows per bin.
        other: rows per bin.

    Returns:
        1 for equal shapes. A flat histogram has no shape: 1 if both are flat, else 0.
    """
    shapes: list[npt.NDArray[np.float64]] = [counts / counts.sum() - 1 / len(counts) for counts in (one, other)]
    lengths = [float(np.sqrt(shape @ shape)) for shape in shapes]
    if min(lengths) == 0:
        return float(max(lengths) == 0)
    return float(shapes[0] @ shapes[1]) / (lengths[0] * lengths[1])


def score_drift(reference: CodeCounts, current: CodeCounts, limits: DriftLimits = DEFAULT_LIMITS) -> DriftScore:
    """Compare two sets of rows by their counts alone; every row counts as an accident of its own.

    Args:
        reference: rows per code on one side.
        current: rows per code on the other.
        limits: what counts as drift.

    Returns:
        The score with every feature's distance.
    """
    tallies = {name: Tally(counts, int(counts.sum())) for name, counts in current.items()}
    window = WindowTally(tallies, np.zeros(3, dtype=np.int64))
    return DriftDetector(reference_of_counts(reference), limits).score(window)


def evaluate_days(
    rows: pd.DataFrame, windows: Mapping[date, Sequence[date]], detector: DriftDetector
) -> DriftEvaluation:
    """Score the trailing window of each of several days, counting each day's rows once.

    Args:
        rows: real feature rows of every day of every window; variables beside the 13 features are watched if the rows
            have their columns.
        windows: the days of each window by the day it ends on, in order of time.
        detector: holds the reference that they are compared with.
    """
    tallies = DayTallies(rows)
    return DriftEvaluation({day: detector.score(tallies.of_window(window)) for day, window in windows.items()})
