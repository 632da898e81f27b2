"""The scikit-learn pipeline of the forest: imputation, standardisation, trees. ``families.forest`` adds calibration."""

from dataclasses import asdict, dataclass
from typing import Literal

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from road_assets.core.model_input import feature_matrix, require_both_classes
from road_assets.core.vocabulary import TARGET

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
    require_both_classes(rows[TARGET].to_numpy())
    pipeline = Pipeline(
        [
            (IMPUTER, SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            (SCALER, StandardScaler()),
            (FOREST, RandomForestClassifier(**asdict(settings), n_jobs=threads or -1)),
        ]
    )
    return pipeline.fit(feature_matrix(rows), rows[TARGET].to_numpy())
