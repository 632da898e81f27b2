"""Figures of a model's quality, with those of a constant answer for comparison."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

DECIDING_METRIC: Final = "roc_auc"
"""The gate compares this figure: it does not depend on the threshold. Accuracy says little at 82 % not severe."""

CALIBRATION_BINS: Final = 10


def decision_threshold(missed_case_cost: float) -> float:
    """Probability from which on sending help costs less than not sending it.

    Args:
        missed_case_cost: what a missed severe case costs, in needless dispatches. Help is due where
            ``probability * cost >= (1 - probability) * 1``.

    Returns:
        0.5 for a cost of 1; lower the more a missed case costs.

    Raises:
        ValueError: the cost is not above 0.
    """
    if not missed_case_cost > 0:
        raise ValueError(f"the cost of a missed severe case must be above 0, not {missed_case_cost}")
    return 1 / (1 + missed_case_cost)


def evaluate(labels: npt.NDArray[Any], probabilities: npt.NDArray[np.float64], *, threshold: float) -> dict[str, float]:
    """Compare estimated probabilities of a severe injury with the outcomes.

    Args:
        labels: shape (rows,), 1 for severe.
        probabilities: shape (rows,).
        threshold: at or above it the answer is "severe".

    Returns:
        ``roc_auc``, ``average_precision``, ``brier``, ``calibration_error``, ``accuracy`` with ``constant_accuracy``
        beside it, ``balanced_accuracy``, macro precision, recall and F1, the four counts of the confusion matrix,
        ``rows`` and ``severe_share``.

    Raises:
        ValueError: the labels hold only one class, so that nothing can be ranked.
    """
    labels = np.asarray(labels).astype(int)
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError(
            f"{len(labels)} rows to judge on hold the classes {sorted(set(labels.tolist()))}; both 0 and 1 are needed"
        )
    answers = (probabilities >= threshold).astype(int)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, answers, average="macro", zero_division=0.0)
    (true_negative, false_positive), (false_negative, true_positive) = confusion_matrix(labels, answers, labels=[0, 1])
    severe_share = float(labels.mean())
    return {
        "roc_auc": float(roc_auc_score(labels, probabilities)),
        "average_precision": float(average_precision_score(labels, probabilities)),
        "brier": float(brier_score_loss(labels, probabilities)),
        "calibration_error": calibration_error(labels, probabilities),
        "accuracy": float((answers == labels).mean()),
        "constant_accuracy": max(severe_share, 1 - severe_share),
        "balanced_accuracy": float(balanced_accuracy_score(labels, answers)),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "f1_macro": float(f1),
        "true_negatives": float(true_negative),
        "false_positives": float(false_positive),
        "false_negatives": float(false_negative),
        "true_positives": float(true_positive),
        "rows": float(len(labels)),
        "severe_share": severe_share,
    }


def calibration_groups(
    probabilities: npt.NDArray[np.float64], *, bins: int = CALIBRATION_BINS
) -> list[npt.NDArray[np.intp]]:
    """Divide rows by their probability into groups of about the same number of rows.

    Args:
        probabilities: shape (rows,).
        bins: number of groups.

    Returns:
        Positions of each group's rows. Rows of equal probability are in the same group, so that the order of rows does
        not matter; because of ties there can be fewer groups than asked for.
    """
    order = np.argsort(probabilities, kind="stable")
    ranked = probabilities[order]
    even = np.arange(1, bins) * len(ranked) // bins
    cuts = np.searchsorted(ranked, ranked[even]) if len(ranked) else even
    return [group for group in np.split(order, cuts) if len(group)]


def calibration_bins(
    labels: npt.NDArray[Any], probabilities: npt.NDArray[np.float64], *, bins: int = CALIBRATION_BINS
) -> list[tuple[float, float, int]]:
    """Compare estimates with outcomes, per group of ``calibration_groups``.

    Args:
        labels: shape (rows,).
        probabilities: shape (rows,).
        bins: number of groups.

    Returns:
        Per group: mean probability, share of severe cases, rows.
    """
    return [
        (float(probabilities[group].mean()), float(np.asarray(labels)[group].mean()), len(group))
        for group in calibration_groups(probabilities, bins=bins)
    ]


def calibration_error(labels: npt.NDArray[Any], probabilities: npt.NDArray[np.float64]) -> float:
    """Expected calibration error over groups of about equal size: mean distance of estimated and observed share."""
    bins = calibration_bins(labels, probabilities)
    return float(sum(abs(estimated - observed) * rows for estimated, observed, rows in bins) / len(labels))
