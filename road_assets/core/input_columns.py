"""The columns that a model takes, and the adaptation of rows to them.

A model of an earlier version may have fewer optional fields than this version. It continues to serve, and can be
compared with challengers, until one of them is better; fields that it does not have are removed from its input.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES

INPUTS: Final = (FEATURE_NAMES, MODEL_FIELDS)
"""Columns that a model of this version may take, and that rows may have."""


def takes_fewer_fields(features: tuple[str, ...]) -> bool:
    """Whether a model was trained before there were all of today's fields: on the 13 features and some others."""
    own = features[: len(FEATURE_NAMES)] == FEATURE_NAMES
    return own and features not in INPUTS and set(features) < set(MODEL_FIELDS)


def fit_columns(rows: npt.NDArray[np.float32], features: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """Adapt rows to the columns of a model.

    Args:
        rows: with the columns of one of ``INPUTS``, or those of the model itself.
        features: what the model takes, in order.

    Returns:
        Shape (rows, features); NaN where the rows do not have the column.

    Raises:
        ValueError: the rows have another number of columns.
    """
    given, width = rows.shape[1], len(features)
    if given == width:
        return rows
    if given not in {len(names) for names in INPUTS}:
        raise ValueError(
            f"the rows have {given} columns; they must have {len(FEATURE_NAMES)} (the features) or {len(MODEL_FIELDS)} "
            "(with the optional fields)"
        )
    if given > width:
        return np.ascontiguousarray(rows[:, [MODEL_FIELDS.index(name) for name in features]])
    padded = np.full((len(rows), width), np.nan, dtype=np.float32)
    padded[:, :given] = rows
    return padded
