"""How much of a difference between two models chance alone explains: both are judged on the same resamples.

What is drawn with replacement are accidents, not users: users of one accident share road, light and fate, so that rows
taken one by one would make every interval too short.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from road_assets.core.metrics import calibration_groups

Weights = npt.NDArray[np.float64]
"""Shape (resamples, rows): how often each row counts in each resample."""

Figures = npt.NDArray[np.float64]
"""Shape (resamples,)."""

_AT_ONCE: Final = 50
"""Resamples whose weights stand in memory together; a year of rows stays within the processor's caches."""


@dataclass(frozen=True, slots=True)
class Resamples:
    """Draws of accidents with replacement.

    Attributes:
        counts: shape (resamples, accidents), how often each accident was drawn.
        accident_of_row: shape (rows,), position of each row's accident in ``counts``.
    """

    counts: npt.NDArray[np.uint16]
    accident_of_row: npt.NDArray[np.intp]

    @classmethod
    def draw(cls, accidents: npt.NDArray[Any], count: int, *, seed: int) -> Self:
        """Draw as many accidents as there are, again and again.

        Args:
            accidents: shape (rows,), what each row's accident is called.
            count: number of resamples.
            seed: makes them the same each time.
        """
        names, accident_of_row = np.unique(np.asarray(accidents).astype(str), return_inverse=True)
        rng = np.random.default_rng(seed)
        draws = (rng.integers(len(names), size=len(names)) for _ in range(count))
        counts = [np.bincount(drawn, minlength=len(names)).astype(np.uint16) for drawn in draws]
        return cls(np.array(counts), accident_of_row)

    @property
    def accidents(self) -> int:
        """How many there are."""
        return int(self.counts.shape[1])

    def weights(self) -> Iterator[Weights]:
        """The weights of the rows, some resamples at a time."""
        for start in range(0, len(self.counts), _AT_ONCE):
            yield self.counts[start : start + _AT_ONCE, self.accident_of_row].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows in the order of a model's probabilities, ready to be weighted: ROC-AUC costs one pass over them.

    Attributes:
        order: positions of the rows, probabilities rising.
        starts: where in ``order`` each group of equal probabilities starts.
        severe: shape (rows,), 1.0 for severe, in that order.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    severe: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, labels: npt.NDArray[Any], probabilities: npt.NDArray[np.float64], rows: npt.NDArray[np.intp] | None = None
    ) -> Self:
        """Sort rows.

        Args:
            labels: shape (rows,), 1 for severe.
            probabilities: shape (rows,).
            rows: positions of those that count; all by default.
        """
        rows = np.arange(len(labels)) if rows is None else rows
        order = rows[np.argsort(probabilities[rows], kind="stable")]
        ranked = probabilities[order]
        starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1]))) if len(order) else order
        return cls(order, starts, np.asarray(labels)[order].astype(np.float64))

    def roc_auc(self, weights: Weights) -> Figures:
        """Chance that a severe row stands above one that is not, ties counting half; NaN where a class has no row."""
        ordered = weights[:, self.order]
        severe = np.add.reduceat(ordered * self.severe, self.starts, axis=1)
        mild = np.add.reduceat(ordered, self.starts, axis=1) - severe
        wins = (severe * (np.cumsum(mild, axis=1) - mild / 2)).sum(axis=1)
        pairs = severe.sum(axis=1) * mild.sum(axis=1)
        area: Figures = np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
        return area


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rows grouped by a model's probabilities, ready to be weighted. The groups are those of all rows.

    Attributes:
        order: positions of the rows, group after group.
        starts: where in ``order`` each group starts.
        excess: shape (rows,), probability minus label, in that order.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    excess: npt.NDArray[np.float64]

    @classmethod
    def of(cls, labels: npt.NDArray[Any], probabilities: npt.NDArray[np.float64]) -> Self:
        """Group rows as ``calibration_error`` does."""
        groups = calibration_groups(probabilities)
        order = np.concatenate(groups)
        starts = np.cumsum([0, *map(len, groups[:-1])])
        return cls(order, starts, (probabilities - labels)[order])

    def error(self, weights: Weights) -> Figures:
        """Expected calibration error."""
        gaps = np.add.reduceat(weights[:, self.order] * self.excess, self.starts, axis=1)
        error: Figures = np.abs(gaps).sum(axis=1) / weights.sum(axis=1)
        return error


def lower_bound(observed: float, resampled: Figures, confidence: float) -> float:
    """What a difference is at least, one-sided, by the basic bootstrap.

    How far resamples lie above what was observed tells how far that may lie above the truth. Unlike a plain quantile of
    the resamples, this takes off what resampling itself adds, as it does to a calibration error.

    Args:
        observed: the difference on all rows.
        resampled: the same on each resample; NaN where it could not be told.
        confidence: for example 0.95.
    """
    return observed - float(np.nanquantile(resampled - observed, confidence))
