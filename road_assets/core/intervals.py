"""95 % confidence intervals of a model's figures, by bootstrap over accidents."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.bundle import Probabilities
from road_assets.core.manifest import Interval
from road_assets.core.paired_bootstrap import Calibration, Figures, Ranking, Resamples, Weights

RESAMPLES: Final = 500
_SEED: Final = 20_240_103
_ENDS: Final = (0.025, 0.975)


def figure_intervals(
    labels: npt.NDArray[Any], probabilities: Probabilities, accidents: npt.NDArray[Any], *, threshold: float
) -> dict[str, Interval]:
    """Compute bootstrap intervals: whole accidents are drawn with replacement.

    Args:
        labels: shape (rows,), 1 for severe.
        probabilities: shape (rows,).
        accidents: shape (rows,), the number of each row's accident.
        threshold: at or above it the answer is "severe".

    Returns:
        Lower and upper end per figure, under the names of ``metrics.evaluate``. For the calibration error it is the
        basic bootstrap's, which corrects the bias that resampling adds to an error that is never below 0.
    """
    labels = np.asarray(labels).astype(np.float64)
    right = ((probabilities >= threshold) == (labels == 1)).astype(np.float64)
    ranking, calibration = Ranking.of(labels, probabilities), Calibration.of(labels, probabilities)
    measures: dict[str, Callable[[Weights], Figures]] = {
        "roc_auc": ranking.roc_auc,
        "average_precision": lambda weights: average_precision(ranking, weights),
        "brier": lambda weights: _mean(weights, (probabilities - labels) ** 2),
        "calibration_error": calibration.error,
        "accuracy": lambda weights: _mean(weights, right),
        "balanced_accuracy": lambda weights: (
            (_mean(weights * labels, right) + _mean(weights * (1 - labels), right)) / 2
        ),
    }
    resamples = Resamples.draw(accidents, RESAMPLES, seed=_SEED)
    drawn: dict[str, list[Figures]] = {name: [] for name in measures}
    for weights in resamples.weights():
        for name, measure in measures.items():
            drawn[name].append(measure(weights))
    found = {name: _ends(np.concatenate(parts)) for name, parts in drawn.items()}
    observed = float(calibration.error(np.ones((1, len(labels))))[0])
    low, high = found["calibration_error"]
    found["calibration_error"] = (max(0.0, 2 * observed - high), max(0.0, 2 * observed - low))
    return found


def average_precision(ranking: Ranking, weights: Weights) -> Figures:
    """Mean precision over the severe rows, each threshold weighted by the recall it adds.

    Args:
        ranking: of the rows.
        weights: shape (resamples, rows).
    """
    ordered = weights[:, ranking.order]
    severe = np.add.reduceat(ordered * ranking.severe, ranking.starts, axis=1)[:, ::-1]
    everyone = np.add.reduceat(ordered, ranking.starts, axis=1)[:, ::-1]
    above = np.cumsum(everyone, axis=1)
    precision = np.divide(np.cumsum(severe, axis=1), above, out=np.zeros_like(above), where=above > 0)
    result: Figures = (severe * precision).sum(axis=1) / severe.sum(axis=1)
    return result


def _mean(weights: Weights, values: npt.NDArray[np.float64]) -> Figures:
    mean: Figures = weights @ values / weights.sum(axis=1)
    return mean


def _ends(figures: Figures) -> Interval:
    low, high = np.nanquantile(figures, _ENDS)
    return float(low), float(high)
