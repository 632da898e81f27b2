"""Paired bootstrap: two models are compared on the same resamples, to tell a real difference from chance.

Accidents are resampled, not users: users of one accident share road, light and collision, so resampling single rows
would make every interval too short.
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
"""Resamples whose weights are in memory together; for a year of rows they fit into the processor's caches."""


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
        """Draw, for each resample, as many accidents as there are.

        Args:
            accidents: shape (rows,), the number of each row's accident.
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
        """Number of accidents."""
        return int(self.counts.shape[1])

    def weights(self) -> Iterator[Weights]:
        """The weights of the rows, some resamples at a time."""
        for start in range(0, len(self.counts), _AT_ONCE):
            yield self.counts[start : start + _AT_ONCE, self.accident_of_row].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows sorted by a model's probabilities: the ROC-AUC of a weighting takes one pass over them.

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
        """ROC-AUC per resample, ties counting half; NaN where a class has no row."""
        ordered = weights[:, self.order]
        severe = np.add.reduceat(ordered * self.severe, self.starts, axis=1)
        mild = np.add.reduceat(ordered, self.starts, axis=1) - severe
        wins = (severe * (np.cumsum(mild, axis=1) - mild / 2)).sum(axis=1)
        pairs = severe.sum(axis=1) * mild.sum(axis=1)
        area: Figures = np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
        return area


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rows grouped by a model's probabilities, for weighting. The groups are those of all rows.

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
        """Expected calibration error per resample."""
        gaps = np.add.reduceat(weights[:, self.order] * self.excess, self.starts, axis=1)
        error: Figures = np.abs(gaps).sum(axis=1) / weights.sum(axis=1)
        return error


def lower_bound(observed: float, resampled: Figures, confidence: float) -> float:
    """One-sided lower bound of a difference, by the basic bootstrap.

    The distance of the resamples above the observed difference estimates the distance of the latter above the true one.
    Unlike a quantile of the resamples, this corrects the bias of resampling, which calibration errors have.

    Args:
        observed: the difference on all rows.
        resampled: shape (resamples,), the difference on each resample; NaN where it is undefined.
        confidence: for example 0.95.
    """
    return observed - float(np.nanquantile(resampled - observed, confidence))
