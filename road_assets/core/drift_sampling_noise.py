"""Sampling noise: the distance between a window and the reference that chance alone produces.

Without drift, the shares of a window are those of the reference plus nearly normal noise, whose covariance follows from
the contribution of one accident; rare codes, which a window holds a handful of times, add some skewness. Quantiles are
therefore simulated once per reference, and scaled to each window. The unit has to be the accident, since its users are
alike: in 2024 the variance of the shares of light or weather is 3.1 times that of independent users.

Sources: L. Kish, "Survey Sampling", 1965 (ratio estimate, design effect); P. Westfall, S. Young, "Resampling-Based
Multiple Testing", 1993 (the greatest of several standardized statistics, which keeps the joint error); E. Cornish,
R. Fisher, "Moments and Cumulants in the Specification of Distributions", 1938 (the first correction for skewness).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from road_assets.core.drift_counts import Positions

Floats = npt.NDArray[np.float64]

DRAWS: Final = 20_000
_SEED: Final = 42
_ALMOST_NOTHING: Final = 1e-12
_ACCIDENTS_AT_ONCE: Final = 50_000
"""Accidents processed at a time, which bounds the memory needed for a training window of many years."""


_SKEWED_ACCIDENTS: Final = 500
"""Number of accidents at which the skewness correction is measured; it shrinks with the square root of the number."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Moments of the counts of one accident, around the counts expected for its number of users.

    Attributes:
        covariance: shape (all values, all values); times m / N² it is the covariance of the shares of N users in m
            accidents.
        third: shape (all values,), third central moment of each value.
    """

    covariance: Floats
    third: Floats


@dataclass(frozen=True, slots=True)
class CriticalDistances:
    """Critical values of the distances at unit scale: chance exceeds them with the given probability only.

    Attributes:
        limit: shape (variables,), for windows of very many accidents.
        slope: shape (variables,), correction for fewer accidents, to be divided by the square root of their number.
    """

    limit: Floats
    slope: Floats

    def of_window(self, accidents: int) -> Floats:
        """Critical values of a window, shape (variables,); times the square root of the scale they are distances."""
        return np.asarray(self.limit + self.slope / np.sqrt(accidents), dtype=np.float64)


def accident_scatter(positions: Sequence[Positions], sizes: Sequence[int], accidents: Positions) -> Scatter:
    """Estimate the moments of the counts of one accident.

    Args:
        positions: per variable, the index of each row's value; below 0 where unknown.
        sizes: number of values of each variable.
        accidents: number of each row's accident, from 0 on.

    Returns:
        Moments of the residuals: means over accidents.
    """
    count = int(accidents.max(initial=-1)) + 1
    shares = [_shares(values, size) for values, size in zip(positions, sizes, strict=True)]
    total, third = np.zeros((sum(sizes), sum(sizes))), np.zeros(sum(sizes))
    order = np.argsort(accidents, kind="stable")
    limits = np.searchsorted(accidents[order], np.arange(0, count + _ACCIDENTS_AT_ONCE, _ACCIDENTS_AT_ONCE))
    for number, (start, end) in enumerate(pairwise(limits)):
        part = order[start:end]
        here = accidents[part] - number * _ACCIDENTS_AT_ONCE
        spread = [_residuals(values[part], here, share) for values, share in zip(positions, shares, strict=True)]
        residuals = np.concatenate(spread, axis=1)
        total += residuals.T @ residuals
        third += (residuals**3).sum(axis=0)
    return Scatter(total / max(count, 1), third / max(count, 1))


def _shares(values: Positions, size: int) -> Floats:
    counts = np.bincount(values[values >= 0], minlength=size)
    return counts / max(int(counts.sum()), 1)


def _residuals(values: Positions, accidents: Positions, shares: Floats) -> Floats:
    """Counts of each accident minus those expected for its number of users; shape (accidents, values)."""
    known, count = values >= 0, int(accidents.max(initial=-1)) + 1
    flat = np.bincount(accidents[known] * len(shares) + values[known], minlength=count * len(shares))
    counts = flat.reshape(count, len(shares))
    return np.asarray(counts - counts.sum(axis=1, keepdims=True) * shares, dtype=np.float64)


def independent_scatter(shares: Sequence[Floats]) -> Scatter:
    """Moments if every row is an accident of its own and the variables are independent."""
    total = np.zeros((sum(map(len, shares)),) * 2)
    start = 0
    for share in shares:
        end = start + len(share)
        total[start:end, start:end] = np.diag(share) - np.outer(share, share)
        start = end
    together = np.concatenate(shares)
    return Scatter(total, together * (1 - together) * (1 - 2 * together))


def critical_distances(scatter: Scatter, sizes: Sequence[int], false_alarm_share: float) -> CriticalDistances:
    """Total-variation distances that chance exceeds in any of the variables with the given probability only.

    Args:
        scatter: of one accident, of all variables together.
        sizes: number of values of each variable.
        false_alarm_share: probability that, without drift, at least one variable exceeds its critical value.

    Returns:
        Critical values at unit scale. The scale of a comparison is m / N² of the window plus m / N² of the reference.
    """
    draws = _draw(scatter.covariance)
    starts = np.cumsum([0, *sizes[:-1]])
    limit = _critical(draws, starts, false_alarm_share)
    deviation = np.sqrt(np.maximum(np.diag(scatter.covariance), _ALMOST_NOTHING))
    skewness = scatter.third / deviation**3 / np.sqrt(_SKEWED_ACCIDENTS)
    skewed = draws + skewness / 6 * (draws * draws / deviation - deviation)
    slope = (_critical(skewed, starts, false_alarm_share) - limit) * np.sqrt(_SKEWED_ACCIDENTS)
    return CriticalDistances(limit, slope)


def _critical(draws: Floats, starts: npt.NDArray[np.intp], false_alarm_share: float) -> Floats:
    distances = np.add.reduceat(np.abs(draws), starts, axis=1) / 2
    mean, deviation = distances.mean(axis=0), np.maximum(distances.std(axis=0), _ALMOST_NOTHING)
    greatest = ((distances - mean) / deviation).max(axis=1)
    return np.asarray(mean + np.quantile(greatest, 1 - false_alarm_share) * deviation, dtype=np.float64)


def critical_turn(covariance: Floats, shares: Floats, false_alarm_share: float) -> float:
    """Critical value for a histogram: tan² of the angle to the reference's histogram, at unit scale.

    The correlation of two histograms is the cosine of the angle between them after subtraction of their means. Noise
    turns a histogram by its component orthogonal to the other one.

    Args:
        covariance: of one accident, of the bins.
        shares: of the bins in the reference.
        false_alarm_share: probability that the angle is larger without drift.
    """
    direction = shares - shares.mean()
    length = float(direction @ direction)
    if length < _ALMOST_NOTHING:
        return 0.0
    draws = _draw(covariance)
    draws -= draws.mean(axis=1, keepdims=True)
    along = draws @ direction
    across = (draws * draws).sum(axis=1) - along * along / length
    return float(np.quantile(across / length, 1 - false_alarm_share))


def _draw(covariance: Floats) -> Floats:
    """Normal draws with a covariance that may be singular; shape (``DRAWS``, values). The same each time."""
    values, vectors = np.linalg.eigh(covariance)
    # The symmetric root changes little when the covariance does: a reference read from its file gives equal verdicts.
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(np.random.default_rng(_SEED).standard_normal((DRAWS, len(values))) @ root)
