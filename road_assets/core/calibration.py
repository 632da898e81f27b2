"""Calibration of probabilities by Platt scaling, on rows that the model has not been fitted to.

A logistic regression of the outcome on the model's log-odds gives two parameters, which become part of the ONNX graph.
The scaling is monotone, so it does not change the ranking.

Source: J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999.
"""

import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from road_assets.core.vocabulary import TARGET

ENOUGH_OF_EACH_CLASS: Final = 100
"""With fewer rows of a class the scaling would be fitted to noise; such a model is not calibrated."""

_BUCKETS: Final = 10_000

LogOdds = npt.NDArray[np.float64]
"""Shape (rows,)."""


@dataclass(frozen=True, slots=True)
class PlattScaling:
    """Log-odds are multiplied by ``slope``, then ``shift`` is added; 1 and 0 change nothing."""

    slope: float = 1.0
    shift: float = 0.0

    def probabilities(self, log_odds: LogOdds) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of a severe injury, shape (rows,)."""
        calibrated: npt.NDArray[np.float64] = 1 / (1 + np.exp(-(self.slope * log_odds + self.shift)))
        return calibrated


def fit_platt_scaling(log_odds: LogOdds, labels: npt.NDArray[Any]) -> PlattScaling:
    """Fit the scaling to rows that the model has not seen.

    Args:
        log_odds: shape (rows,), the model's.
        labels: shape (rows,), 1 for severe.

    Returns:
        The scaling. It changes nothing where a class has too few rows, or where the slope would be negative: a model
        that ranks the wrong way round must not be turned round by its calibration.
    """
    severe = int(np.sum(labels))
    if min(severe, len(labels) - severe) < ENOUGH_OF_EACH_CLASS:
        return PlattScaling()
    fitted = LogisticRegression(C=np.inf).fit(log_odds[:, None], labels)
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return PlattScaling(slope, shift) if slope > 0 else PlattScaling()


def choose_calibration_rows(rows: pd.DataFrame, share: float) -> npt.NDArray[np.bool_]:
    """Choose the rows to calibrate on: whole accidents, by a hash of their number, so that the choice is reproducible.

    Args:
        rows: feature rows.
        share: of the accidents to choose, 0 to 1.

    Returns:
        Shape (rows,), true for real rows of the accidents chosen; all false where they are too few to calibrate on.
    """
    number, names = pd.factorize(rows["num_acc"])
    buckets = np.array([zlib.crc32(str(name).encode()) % _BUCKETS for name in names])
    chosen = np.asarray((buckets < share * _BUCKETS)[number] & ~rows["synthetic"].to_numpy(dtype=bool), dtype=bool)
    severe = int(rows[TARGET].to_numpy()[chosen].sum())
    if min(severe, int(chosen.sum()) - severe) < ENOUGH_OF_EACH_CLASS:
        return np.zeros(len(rows), dtype=bool)
    return chosen
