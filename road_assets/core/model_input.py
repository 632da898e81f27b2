"""The matrix that every model takes: 13 features and the optional scene fields, NaN where a value is unknown.

Here: how stored rows become that matrix, how values in it are masked, the known questions of a bundle, and what the
manifest says about the columns.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.bundle import FeatureMatrix
from road_assets.core.manifest import InputField
from road_assets.core.scene_fields import FILLED, MODEL_FIELDS, SCENE_FIELD_NAMES, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, FEATURES, UNKNOWN_CODE

CATEGORY_COLUMNS: Final[tuple[int, ...]] = tuple(
    MODEL_FIELDS.index(name)
    for name in (*FEATURE_NAMES, *(field.name for field in SCENE_FIELDS if field.kind == "code"))
)
"""Columns of codes, which have no order."""

_FEATURES: Final = len(FEATURE_NAMES)


def feature_matrix(codes: pd.DataFrame) -> FeatureMatrix:
    """Put the 13 features in the order of the model's input.

    Args:
        codes: rows with the 13 columns, ``UNKNOWN_CODE`` or null where unknown.

    Returns:
        Shape (rows, 13), NaN where unknown.
    """
    matrix = codes[list(FEATURE_NAMES)].to_numpy(dtype=np.float32, na_value=np.nan)
    return np.where(matrix == UNKNOWN_CODE, np.float32(np.nan), matrix)


def model_matrix(rows: pd.DataFrame) -> FeatureMatrix:
    """Make the matrix of stored feature rows; values that were imputed are unknown again, as a caller would ask.

    Args:
        rows: of ``features``; ``filled`` and the scene fields may be missing, as in rows written before they existed.

    Returns:
        Shape (rows, 27), columns ``MODEL_FIELDS``.
    """
    matrix = np.full((len(rows), len(MODEL_FIELDS)), np.nan, dtype=np.float32)
    matrix[:, :_FEATURES] = feature_matrix(rows)
    matrix[:, :_FEATURES][filled_in(rows)] = np.nan
    for position, name in enumerate(MODEL_FIELDS[_FEATURES:], start=_FEATURES):
        if name in rows:
            values = rows[name].to_numpy(dtype=np.float32, na_value=UNKNOWN_CODE)
            matrix[:, position] = np.where(values == UNKNOWN_CODE, np.float32(np.nan), values)
    return matrix


def filled_in(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which of the 13 features were unknown before imputation.

    Args:
        rows: of ``features``.

    Returns:
        Shape (rows, 13); all false where the rows do not tell.
    """
    if FILLED not in rows:
        return np.zeros((len(rows), _FEATURES), dtype=bool)
    bits = rows[FILLED].fillna(0).to_numpy(dtype=np.int64)
    return np.asarray((bits[:, None] >> np.arange(_FEATURES)) & 1, dtype=bool)


def knows_scene(matrix: FeatureMatrix) -> npt.NDArray[np.bool_]:
    """Which rows have at least one optional field; shape (rows,)."""
    return np.asarray(~np.isnan(matrix[:, _FEATURES:]).all(axis=1), dtype=bool)


def hide_scene(matrix: FeatureMatrix) -> FeatureMatrix:
    """Copy of the matrix with all optional fields unknown."""
    hidden = matrix.copy()
    hidden[:, _FEATURES:] = np.nan
    return hidden


def mask_scene(matrix: FeatureMatrix, rng: np.random.Generator) -> FeatureMatrix:
    """Hide a random part of the optional fields; the share hidden differs from row to row.

    Args:
        matrix: shape (rows, 27).
        rng: decides what is hidden.
    """
    masked, optional = matrix.copy(), len(SCENE_FIELD_NAMES)
    share = rng.random((len(matrix), 1))
    masked[:, _FEATURES:][rng.random((len(matrix), optional)) < share] = np.nan
    return masked


def mask_features(matrix: FeatureMatrix, rng: np.random.Generator, *, features: float, rows: float) -> FeatureMatrix:
    """Hide a random part of the 13 features.

    A field that the police left blank carries information: the sex is blank for drivers that fled, who were not hurt. A
    field that a caller does not know yet carries none, and both look alike.

    Args:
        matrix: shape (rows, 13) or (rows, 27).
        rng: decides what is hidden.
        features: share of the features to hide.
        rows: share of the rows of which a random share is hidden instead, from none to all.
    """
    known_little = rng.random((len(matrix), 1)) < rows
    shares = np.where(known_little, rng.random((len(matrix), 1)), features)
    masked = matrix.copy()
    masked[:, :_FEATURES][rng.random((len(matrix), _FEATURES)) < shares] = np.nan
    return masked


def known_questions(count: int, *, seed: int) -> FeatureMatrix:
    """Questions of the 13 features that a bundle must answer correctly before it may serve.

    Args:
        count: number of rows.
        seed: makes them the same each time.

    Returns:
        Shape (count, 13). Codes are drawn uniformly, so that rare ones occur too; about one in twenty is unknown.
    """
    rng = np.random.default_rng(seed)
    columns = [_draw_codes(rng, sorted(FEATURE_BY_NAME[name].values), count) for name in FEATURE_NAMES]
    matrix = np.column_stack(columns).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan  # noqa: PLR2004  # one in twenty, as in the docstring
    return matrix


def _draw_codes(
    rng: np.random.Generator, values: Sequence[int], count: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return rng.choice(np.asarray(values, dtype=np.int64), size=count)


def known_scenes(count: int, *, seed: int) -> FeatureMatrix:
    """Questions, some with optional fields, that a bundle must answer correctly before it may serve.

    Args:
        count: number of rows.
        seed: makes them the same each time.

    Returns:
        Shape (count, 27). A quarter of the rows has the 13 features alone, the others some of the optional fields.
    """
    rng = np.random.default_rng((seed, count))
    drawn = [rng.choice(np.array(sorted(field.values)), size=count) for field in SCENE_FIELDS]
    scene = np.column_stack(drawn).astype(np.float32)
    masked = mask_scene(np.column_stack([known_questions(count, seed=seed), scene]), rng)
    masked[::4, _FEATURES:] = np.nan
    return masked


def require_both_classes(labels: npt.NDArray[Any]) -> None:
    """Make sure that training rows hold both outcomes.

    Args:
        labels: of the training rows.

    Raises:
        ValueError: they hold only one class, or none.
    """
    classes = np.unique(labels).tolist()
    if classes != [0, 1]:
        raise ValueError(
            f"{len(labels)} training rows hold the classes {classes}, both 0 and 1 are needed; "
            "materialize more days of features"
        )


def input_fields(names: Sequence[str]) -> tuple[InputField, ...]:
    """Describe a model's columns for the manifest.

    Args:
        names: the model's inputs, in order.
    """
    known = {
        feature.name: InputField(
            name=feature.name, optional=False, codes={code.value: code.en for code in feature.codes}
        )
        for feature in FEATURES
    }
    for field in SCENE_FIELDS:
        if field.kind == "code":
            codes = {code.value: code.en for code in field.codes}
            known[field.name] = InputField(name=field.name, optional=True, codes=codes)
        else:
            unit = field.unit or "count"
            known[field.name] = InputField(name=field.name, optional=True, low=field.low, high=field.high, unit=unit)
    return tuple(known[name] for name in names)
