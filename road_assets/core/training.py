"""Fitting the severity model. What the figures mean is in ``metrics``, which days it sees in ``history``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, TARGET, UNKNOWN_CODE

IMPUTER, SCALER, FOREST = "imputer", "scaler", "forest"
"""Names of the pipeline's steps."""


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """Parameters of the random forest, under the names scikit-learn gives them."""

    n_estimators: int = 300
    max_depth: int = 15
    min_samples_split: int = 5
    min_samples_leaf: int = 2
    max_features: Literal["sqrt", "log2"] = "sqrt"
    random_state: int = 42


def feature_matrix(codes: pd.DataFrame) -> FeatureMatrix:
    """Put the 13 features in the order of the model's input.

    Args:
        codes: rows with the 13 columns, ``UNKNOWN_CODE`` or null where unknown.

    Returns:
        Shape (rows, 13), NaN where unknown.
    """
    matrix = codes[list(FEATURE_NAMES)].to_numpy(dtype=np.float32, na_value=np.nan)
    return np.where(matrix == UNKNOWN_CODE, np.float32(np.nan), matrix)


def fit_forest(rows: pd.DataFrame, settings: ForestSettings, *, threads: int | None = None) -> Pipeline:
    """Fit imputation, standardisation and forest on the mixed rows of the training window.

    Args:
        rows: feature rows with the target, real and generated.
        settings: of the forest.
        threads: for fitting; all cores by default.

    Returns:
        A pipeline from feature matrix to class probabilities.

    Raises:
        ValueError: the rows hold only one class, or none.
    """
    refuse_one_class(rows[TARGET].to_numpy())
    pipeline = Pipeline(
        [
            (IMPUTER, SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            (SCALER, StandardScaler()),
            (FOREST, RandomForestClassifier(**asdict(settings), n_jobs=threads or -1)),
        ]
    )
    return pipeline.fit(feature_matrix(rows), rows[TARGET].to_numpy())


def refuse_one_class(labels: npt.NDArray[Any]) -> None:
    """Say so where there is nothing to tell apart.

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


def known_questions(count: int, *, seed: int) -> FeatureMatrix:
    """Questions that a bundle must answer right before it may serve: every code of every feature, and unknowns.

    Args:
        count: number of rows.
        seed: makes them the same each time.

    Returns:
        Shape (count, 13). Codes are drawn alike, so that rare ones are asked too; about one in twenty is unknown.
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
