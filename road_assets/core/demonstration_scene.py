"""Draws the optional scene fields of generated accidents, and their effect on the injury.

As in ``demonstration_draws``, shares are rounded from the official files, and effects are invented.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from road_assets.core.vocabulary import UNKNOWN_CODE

Codes = npt.NDArray[np.int64]

_AGE_SHAPE: Final = 4.2
_AGE_SCALE: Final = 9.5
_OLDEST: Final = 100

_NONE, _BELT, _HELMET, _NOT_KNOWN = 0, 1, 2, 8
_EQUIPMENT: Final = (
    ((_BELT, 0.86), (_NONE, 0.04), (_NOT_KNOWN, 0.1)),
    ((_HELMET, 0.8), (_NONE, 0.14), (_NOT_KNOWN, 0.06)),
    ((_NONE, 0.7), (_NOT_KNOWN, 0.3)),
)
"""Codes of ``secu1`` and their shares in a car, on two wheels, and on foot."""

_FRAIL_FROM: Final = 60
_PER_FRAIL_YEAR: Final = 0.05
_UNPROTECTED: Final = 1.7
_USUAL_LIMIT: Final = 50
_PER_KMH: Final = 0.02
"""Added log odds: for each year above, without belt or helmet, and for each km/h above."""


def draw_limits(rng: np.random.Generator, urban: npt.NDArray[np.bool_]) -> Codes:
    """Draw the speed limit at each place in km/h, shape (places,)."""
    limits = np.where(urban, rng.choice([30, 50, 70], size=len(urban)), rng.choice([80, 90, 110], size=len(urban)))
    return np.asarray(limits, dtype=np.int64)


def draw_ages(rng: np.random.Generator, count: int) -> Codes:
    """Draw the age of each user in years, shape (users,)."""
    return np.clip(rng.gamma(_AGE_SHAPE, _AGE_SCALE, count).astype(np.int64), 0, _OLDEST)


def draw_equipment(
    rng: np.random.Generator,
    two_wheeled: npt.NDArray[np.bool_],
    on_foot: npt.NDArray[np.bool_],
    fled: npt.NDArray[np.bool_],
) -> Codes:
    """Draw the safety equipment of each user.

    Args:
        rng: source of chance.
        two_wheeled: shape (users,), whether the user's vehicle, or the one that hit them, has two wheels.
        on_foot: shape (users,).
        fled: shape (users,); their equipment is not recorded.

    Returns:
        Codes of ``secu1``, shape (users,).
    """
    drawn = np.full(len(fled), UNKNOWN_CODE, dtype=np.int64)
    for chosen, shares in zip((~two_wheeled & ~on_foot, two_wheeled & ~on_foot, on_foot), _EQUIPMENT, strict=True):
        codes, weights = zip(*shares, strict=True)
        drawn[chosen] = rng.choice(codes, size=int(chosen.sum()), p=weights)
    drawn[fled] = UNKNOWN_CODE
    return drawn


def scene_log_odds(
    ages: Codes, equipment: Codes, limits: Codes, on_foot: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Effect of the optional fields on the log-odds of a severe injury; all shapes (users,), limits in km/h."""
    frail = _PER_FRAIL_YEAR * np.maximum(ages - _FRAIL_FROM, 0)
    unprotected = _UNPROTECTED * (np.isin(equipment, _NONE) & ~on_foot)
    return np.asarray(frail + unprotected + _PER_KMH * (limits - _USUAL_LIMIT), dtype=np.float64)
