"""The share of severe cases among the users of a window, with an interval whose unit is the accident."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from road_assets.core.drift_counts import Tally

_Z_95: Final = 1.959964
"""Quantile of the normal distribution: 95 % lie within."""


@dataclass(frozen=True, slots=True)
class SevereShare:
    """Share of severely hurt users in a window.

    Attributes:
        share: of all users.
        low: lower end of the 95 % interval.
        high: upper end.
        reference: the same share in the model's training window, where it is known.
    """

    share: float
    low: float
    high: float
    reference: float | None = None


def severe_share(labels: Tally, squares: npt.NDArray[np.int64], reference: float | None = None) -> SevereShare | None:
    """Compute the share and its interval, from the variance of a ratio estimate over accidents.

    Args:
        labels: counts of users not severely and severely hurt.
        squares: shape (3,), sums over accidents of severe², severe * users and users².
        reference: the share in the training window, if known.

    Returns:
        None if there is no user.
    """
    if not labels.rows:
        return None
    share = float(labels.counts[1] / labels.rows)
    severe_severe, severe_users, users_users = (float(value) for value in squares)
    scatter = severe_severe - 2 * share * severe_users + share**2 * users_users
    half = _Z_95 * float(np.sqrt(max(scatter, 0.0))) / labels.rows
    return SevereShare(share, max(share - half, 0.0), min(share + half, 1.0), reference)
