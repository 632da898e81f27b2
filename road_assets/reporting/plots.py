"""Plots of models and of drift, for Dagster's metadata and for MLflow. Each function returns a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

from road_assets.core.bundle import Probabilities
from road_assets.core.drift import DriftScore
from road_assets.core.drift_counts import VARIABLE_BY_NAME
from road_assets.core.metrics import calibration_bins
from road_assets.core.scene_fields import SCENE_FIELDS
from road_assets.core.verdict import Comparison
from road_assets.core.vocabulary import FEATURES, OUTCOMES

_SIZE = (4.5, 3.6)


def roc_curve(labels: npt.NDArray[Any], probabilities: Probabilities) -> Figure:
    """True against false positive rate over all thresholds."""
    figure = Figure(figsize=_SIZE)
    RocCurveDisplay.from_predictions(labels, probabilities, ax=figure.subplots(), plot_chance_level=True)
    return figure


def precision_recall_curve(labels: npt.NDArray[Any], probabilities: Probabilities) -> Figure:
    """Precision against recall over all thresholds, with the share of severe cases for comparison."""
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


def importances(values: Mapping[str, float]) -> Figure:
    """Importance of each input of a model."""
    ranked = sorted(values, key=values.__getitem__)
    labels = {field.name: field.en for field in (*FEATURES, *SCENE_FIELDS)}
    figure = Figure(figsize=(_SIZE[0], 1 + 0.2 * len(ranked)))
    axes = figure.subplots()
    axes.barh([labels[name] for name in ranked], [values[name] for name in ranked])
    axes.set_xlabel("share of what all splits gained")
    return figure


def drift_per_feature(score: DriftScore) -> Figure:
    """Distance of each variable with its threshold and its sampling noise; drifted ones in red.

    The 13 features, which make the score, come first; the variables watched beside them are paler.
    """
    variables = (*score.features, *score.beside)
    figure = Figure(figsize=(7, 0.9 + 0.22 * len(variables)))
    axes = figure.subplots()
    names = [VARIABLE_BY_NAME[variable.feature].en for variable in variables]
    colours = ["tab:red" if variable.drifted else "tab:blue" for variable in variables]
    bars = axes.barh(names, [variable.distance for variable in variables], color=colours)
    for bar in bars[len(score.features) :]:
        bar.set_alpha(0.5)
    noise, thresholds = ([getattr(one, name) for one in variables] for name in ("noise", "threshold"))
    axes.scatter(noise, names, marker="|", color="black", label="chance alone stays below")
    axes.scatter(thresholds, names, marker="|", color="tab:orange", label="threshold")
    axes.set_xlabel("distance to the model's training window (total variation; numeric fields: 1 - correlation)")
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    return figure


def scores_over_time(days: Sequence[Any], scores: Sequence[float], limit: float) -> Figure:
    """Drift score per day, with the limit above which the model is retrained."""
    figure = Figure(figsize=(8, 2.2))
    axes = figure.subplots()
    axes.plot(days, scores, marker="." if len(days) < 60 else None)  # noqa: PLR2004 - dots until they would overlap
    axes.axhline(limit, linestyle="--", color="tab:red", label="retrain above")
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("drift score")
    axes.legend()
    figure.autofmt_xdate()
    return figure


def losses(comparisons: Sequence[Comparison]) -> Figure:
    """Lower bound of the challenger's loss against the champion, per group of users; red where it is too large."""
    figure = Figure(figsize=(7, 0.6 + 0.24 * len(comparisons)))
    axes = figure.subplots()
    names = [
        f"{comparison.field} = {comparison.group}" if comparison.field else comparison.metric
        for comparison in comparisons
    ]
    colours = ["tab:red" if comparison.worse else "tab:blue" for comparison in comparisons]
    axes.barh(names, [comparison.loss_at_least for comparison in comparisons], color=colours)
    axes.scatter([comparison.margin for comparison in comparisons], names, marker="|", color="black", label="allowed")
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("worse than the champion by at least (one-sided 95 %); below 0: not worse")
    axes.invert_yaxis()
    axes.legend(loc="lower left")
    return figure
