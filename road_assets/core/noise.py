"""Noise put into the codes of rows on purpose, to rehearse drift and the platform's reaction to it.

A cell is replaced with probability ``noise`` by a code drawn uniformly from the codes of its feature. The random
numbers of a cell depend only on the seed, the day and the row's position in its day, not on the noise: more noise
replaces more cells, and replaces those of less noise by the same codes. So distorting twice equals distorting once with
the greater noise, whether the rows are distorted as a mix, as features, or for an evaluation.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.columns import DAY
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES

NOISE: Final = "noise"
"""Column with the noise of a row, 0 to 1; partitions older than the column have none."""

SEED: Final = 42
"""The same for mix, features and evaluations, or they would not distort alike."""

NO_NOISE: Final = "none"
_LISTED_DAYS: Final = 10

_SIZES: Final = np.array([len(feature.codes) for feature in FEATURES])
_CODES: Final = np.array(
    [
        [feature.codes[min(number, len(feature.codes) - 1)].value for number in range(_SIZES.max())]
        for feature in FEATURES
    ],
    dtype=np.int8,
)
"""Shape (13, most codes of a feature); the places past a feature's last code are never drawn."""


def distort(
    rows: pd.DataFrame, noise: Mapping[date, float], *, where: "pd.Series[bool] | None" = None, seed: int = SEED
) -> pd.DataFrame:
    """Replace codes at random, and record the noise in the rows.

    Args:
        rows: of any days: ``day``, the 13 features and, where rows were distorted before, ``noise``. The order of a
            day's rows matters: real ones first, as ``mix_days`` puts them; generated ones may be missing.
        noise: per day, 0 to 1; a day that is not named, or that carries more already, stays as it is.
        where: rows to distort, in the order of ``rows``; all by default.
        seed: with the day, decides every draw.

    Returns:
        A frame of its own with the column ``noise``; nothing but it and the features differs.

    Raises:
        ValueError: a noise outside of 0 to 1.
    """
    for day, value in noise.items():
        if not 0 <= value <= 1:
            raise ValueError(f"noise of {day} must be a number from 0 to 1, not {value}")
    noted = with_noise(rows)
    if not any(noise.values()):
        return noted
    codes = noted[list(FEATURE_NAMES)].to_numpy(dtype=np.int8, copy=True)
    carried = noted[NOISE].to_numpy(copy=True)
    chosen = np.ones(len(rows), dtype=bool) if where is None else where.to_numpy(dtype=bool)
    for moment, places in noted.groupby(DAY).indices.items():
        day = pd.Timestamp(str(moment)).date()
        chances, drawn = _draw(day, len(places), seed)
        less = chosen[places] & (carried[places] < noise.get(day, 0.0))
        replaced = less[:, None] & (chances < noise.get(day, 0.0))
        codes[places] = np.where(replaced, drawn, codes[places])
        carried[places[less]] = noise.get(day, 0.0)
    return noted.assign(**dict(zip(FEATURE_NAMES, codes.T, strict=True)), **{NOISE: carried})


def _draw(day: date, rows: int, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
    """For each cell of a day, the noise above which it is replaced, and its new code; shapes (rows, 13)."""
    digest = hashlib.sha256(f"noise:{seed}:{day.isoformat()}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
    # Row by row, so that the first rows of a day get the same numbers whether or not others follow.
    uniforms = rng.random((rows, 2, len(FEATURE_NAMES)))
    picked = (uniforms[:, 1] * _SIZES).astype(np.intp)
    return uniforms[:, 0], _CODES[np.arange(len(FEATURE_NAMES)), picked]


def with_noise(rows: pd.DataFrame) -> pd.DataFrame:
    """A copy with the column ``noise``: 0 for rows written before the column existed."""
    known: pd.Series[Any] = rows[NOISE] if NOISE in rows else pd.Series(0.0, index=rows.index)
    noted = rows.copy(deep=False)  # twenty years of rows need not be held twice for one more column
    noted[NOISE] = known.astype("float64").fillna(0.0)
    return noted


def noise_of_days(rows: pd.DataFrame) -> dict[date, float]:
    """The noise of each day's rows.

    Args:
        rows: of any days, with or without the column ``noise``.

    Returns:
        The highest noise of each day that carries any, in order of time.
    """
    if NOISE not in rows:
        return {}
    highest = rows[rows[NOISE] > 0].groupby(DAY)[NOISE].max()
    return {day: float(noise) for day, noise in zip(pd.DatetimeIndex(highest.index).date, highest, strict=True)}


def describe_noise(noise: Mapping[date, float]) -> str:
    """Say which days hold distorted data.

    Args:
        noise: per day, from ``noise_of_days``.

    Returns:
        As ``rehearsal: noise 0.8 on 2024-03-15``; ``none`` where no day carries noise.
    """
    levels = sorted({value for value in noise.values() if value})
    parts = [f"noise {level:g} on {_list([day for day in noise if noise[day] == level])}" for level in levels]
    return f"rehearsal: {'; '.join(parts)}" if parts else NO_NOISE


def _list(days: list[date]) -> str:
    if len(days) > _LISTED_DAYS:
        return f"{len(days)} days from {min(days)} to {max(days)}"
    return ", ".join(map(str, sorted(days)))
