"""Pictures of a model and of drift, for Dagster's metadata and for MLflow. Each function returns a figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

from road_assets.core.bundle import Probabilities
from road_assets.core.drift import DISTANCE_THRESHOLD, DriftScore
from road_assets.core.metrics import calibration_bins
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, OUTCOMES

_SIZE = (4.5, 3.6)


def roc_curve(labels: npt.NDArray[Any], probabilities: Probabilities) -> Figure:
    """True against false positive rate over all thresholds."""
    figure = Figure(figsize=_SIZE)
    RocCurveDisplay.from_predictions(labels, probabilities, ax=figure.subplots(), plot_chance_level=True)
    return figure


def precision_recall_curve(labels: npt.NDArray[Any], probabilities: Probabilities) -> Figure:
    """Precision against recall over all thresholds, beside the share of severe cases."""
    figure = Figure(figsize=_SIZE)
    PrecisionRecallDisplay.from_predictions(labels, probabilities, ax=figure.subplots(), plot_chance_level=True)
    return figure


def calibration_curve(labels: npt.NDArray[Any], probabilities: Probabilities) -> Figure:
    """Estimated against observed share of severe cases."""
    estimated, observed, _ = zip(*calibration_bins(labels, probabilities), strict=True)
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    axes.plot([0, max(estimated)], [0, max(estimated)], linestyle="--", color="grey", label="perfect")
    axes.plot(estimated, observed, marker="o", label="model")
    axes.set_xlabel("estimated share of severe cases")
    axes.set_ylabel("observed share")
    axes.legend()
    return figure


def confusion(labels: npt.NDArray[Any], probabilities: Probabilities, threshold: float) -> Figure:
    """Counts of right and wrong answers at the threshold."""
    figure = Figure(figsize=_SIZE)
    names = [OUTCOMES[outcome].en for outcome in sorted(OUTCOMES)]
    answers = (probabilities >= threshold).astype(int)
    ConfusionMatrixDisplay.from_predictions(labels, answers, display_labels=names, ax=figure.subplots(), colorbar=False)
    return figure


def importances(values: npt.NDArray[np.float64]) -> Figure:
    """How much each feature reduced impurity in the forest."""
    order = np.argsort(values)
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    axes.barh([FEATURE_BY_NAME[FEATURE_NAMES[index]].en for index in order], values[order])
    axes.set_xlabel("importance (mean decrease in impurity)")
    return figure


def drift_per_feature(score: DriftScore) -> Figure:
    """Each feature's distance beside the threshold and its sampling noise; drifted ones in red."""
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    names = [FEATURE_BY_NAME[feature.feature].en for feature in score.features]
    colours = ["tab:red" if feature.drifted else "tab:blue" for feature in score.features]
    axes.barh(names, [feature.distance for feature in score.features], color=colours)
    axes.scatter(
        [feature.noise for feature in score.features],
        names,
        marker="|",
        color="black",
        label="chance alone stays below",
    )
    axes.axvline(DISTANCE_THRESHOLD, linestyle="--", color="grey", label=f"threshold {DISTANCE_THRESHOLD}")
    axes.set_xlabel("total-variation distance to the model's training window")
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    return figure


def scores_over_time(days: Sequence[Any], scores: Sequence[float], limit: float) -> Figure:
    """Drift score per day beside the limit above which the model is retrained."""
    figure = Figure(figsize=(8, 2.2))
    axes = figure.subplots()
    axes.plot(days, scores, marker="." if len(days) < 60 else None)  # noqa: PLR2004 - dots until they would overlap
    axes.axhline(limit, linestyle="--", color="tab:red", label="retrain above")
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("drift score")
    axes.legend()
    figure.autofmt_xdate()
    return figure
