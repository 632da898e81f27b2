"""Imputation of the 13 features by the modes of earlier days.

Standardisation is part of the model's own pipeline, so that training and service cannot differ in it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from road_assets.core.scene_fields import FILLED
from road_assets.core.vocabulary import FEATURE_NAMES, UNKNOWN_CODE


def modes_of(codes: pd.DataFrame) -> dict[str, int]:
    """Most frequent recorded code of each feature.

    Args:
        codes: at least the 13 feature columns, ``UNKNOWN_CODE`` where not recorded.

    Returns:
        Feature name to code; the smallest of equally frequent ones.

    Raises:
        ValueError: a feature has no recorded code at all.
    """
    modes: dict[str, int] = {}
    for name in FEATURE_NAMES:
        recorded = codes[name][codes[name] != UNKNOWN_CODE]
        if recorded.empty:
            raise ValueError(
                f"feature {name!r} is recorded in none of {len(codes)} rows, so there is no mode to impute; "
                "check the release, or widen the window"
            )
        modes[name] = int(recorded.mode().iloc[0])
    return modes


def impute(codes: pd.DataFrame, modes: Mapping[str, int]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Replace codes that were not recorded by the mode of their feature.

    Args:
        codes: mix rows.
        modes: code per feature, from ``modes_of`` on earlier days.

    Returns:
        A copy without ``UNKNOWN_CODE`` in the 13 features and with the column ``filled``, and the number of imputed
        values per feature. Unknown scene fields stay unknown.
    """
    unknown = codes[list(FEATURE_NAMES)] == UNKNOWN_CODE
    filled = codes.assign(**{name: codes[name].mask(unknown[name], modes[name]) for name in FEATURE_NAMES})
    filled[FILLED] = (unknown.to_numpy() @ (1 << np.arange(len(FEATURE_NAMES)))).astype(np.int16)
    return filled, {name: int(unknown[name].sum()) for name in FEATURE_NAMES}
