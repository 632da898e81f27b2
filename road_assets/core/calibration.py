"""Making probabilities mean what they say, on rows that the model has not been fitted to.

Platt's scaling: a logistic regression of the outcome on the model's log-odds, two parameters that go into the graph.
It is monotone, so the ranking stays as it is.

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
"""With fewer severe or fewer other rows the scaling would follow luck; such a model stays as it is."""

_BUCKETS: Final = 10_000

LogOdds = npt.NDArray[np.float64]
"""Shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What log-odds are multiplied by, and what is added then; 1 and 0 change nothing."""

    slope: float = 1.0
    shift: float = 0.0

    def probabilities(self, log_odds: LogOdds) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of a severe injury, shape (rows,)."""
        calibrated: npt.NDArray[np.float64] = 1 / (1 + np.exp(-(self.slope * log_odds + self.shift)))
        return calibrated


def fit_scaling(log_odds: LogOdds, labels: npt.NDArray[Any]) -> Scaling:
    """Learn the scaling from rows that the model does not know.

    Args:
        log_odds: shape (rows,), the model's.
        labels: shape (rows,), 1 for severe.

    Returns:
        The scaling; the one that changes nothing where a class has too few rows, or where the model ranks the rows
        the wrong way round, which no scaling may hide.
    """
    severe = int(np.sum(labels))
    if min(severe, len(labels) - severe) < ENOUGH_OF_EACH_CLASS:
        return Scaling()
    fitted = LogisticRegression(C=np.inf).fit(log_odds[:, None], labels)
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return Scaling(slope, shift) if slope > 0 else Scaling()


def set_aside(rows: pd.DataFrame, share: float) -> npt.NDArray[np.bool_]:
    """Choose the rows to calibrate on: whole accidents, by their number alone, so that it is the same each time.

    Args:
        rows: feature rows.
        share: of the accidents, 0 to 1.

    Returns:
        Shape (rows,), true for real rows of the accidents chosen; none at all where they are too few to calibrate on.
    """
    number, names = pd.factorize(rows["num_acc"])
    buckets = np.array([zlib.crc32(str(name).encode()) % _BUCKETS for name in names])
    chosen = np.asarray((buckets < share * _BUCKETS)[number] & ~rows["synthetic"].to_numpy(dtype=bool), dtype=bool)
    severe = int(rows[TARGET].to_numpy()[chosen].sum())
    if min(severe, int(chosen.sum()) - severe) < ENOUGH_OF_EACH_CLASS:
        return np.zeros(len(rows), dtype=bool)
    return chosen
