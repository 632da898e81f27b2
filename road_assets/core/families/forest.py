"""The random forest: the 13 features, missing values imputed by the mode, standardised.

Its scikit-learn pipeline is in ``forest_pipeline``, its ONNX graph in ``onnx_forest``; here both are calibrated.
"""

from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import FeatureMatrix, Probabilities
from road_assets.core.calibration import LogOdds, PlattScaling, choose_calibration_rows, fit_platt_scaling
from road_assets.core.explanation import Additive, Calibration, Ensemble
from road_assets.core.explanation_file import write_explanation
from road_assets.core.forest_pipeline import FOREST, IMPUTER, ForestSettings, fit_forest
from road_assets.core.model_input import model_matrix
from road_assets.core.onnx_forest import SHARE_LIMIT, to_graph, to_nodes
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET


@dataclass(frozen=True, slots=True)
class CalibratedForestSettings(ForestSettings):
    """The forest's parameters, and the share of accidents it is calibrated on; by default it is not calibrated."""

    family: ClassVar[str] = "forest"

    calibration_share: float = 0.0

    def fit(self, rows: pd.DataFrame, *, threads: int | None = None) -> "Forest":
        """Fit to real and generated rows.

        Args:
            rows: feature rows with the target.
            threads: for fitting; all cores by default.

        Raises:
            ValueError: the rows hold only one class, or none.
        """
        kept = choose_calibration_rows(rows, self.calibration_share)
        plain = {field.name: asdict(self)[field.name] for field in fields(ForestSettings)}
        pipeline = fit_forest(rows[~kept], ForestSettings(**plain), threads=threads)
        if not kept.any():
            return Forest(pipeline)
        shares = _shares(pipeline, model_matrix(rows[kept]))
        return Forest(pipeline, fit_platt_scaling(_log_odds(shares), rows[TARGET].to_numpy()[kept]))


@dataclass(frozen=True, slots=True)
class Forest:
    """A fitted forest.

    Attributes:
        pipeline: imputation, standardisation and trees.
        scaling: of the log-odds; None for probabilities without calibration.
    """

    pipeline: Pipeline
    scaling: PlattScaling | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The 13 features; the forest does not use the optional fields."""
        return FEATURE_NAMES

    def predict(self, matrix: FeatureMatrix) -> Probabilities:
        """Probability of a severe injury for rows of shape (rows, 27) or (rows, 13)."""
        shares = _shares(self.pipeline, matrix)
        return shares if self.scaling is None else self.scaling.probabilities(_log_odds(shares))

    def to_graph(self) -> bytes:
        """The model as a serialized ONNX graph."""
        return to_graph(self.pipeline, self.scaling)

    def to_explanation(self) -> bytes:
        """The trees with the shares of their training rows."""
        modes = tuple(map(float, self.pipeline[IMPUTER].statistics_))
        ensembles = (Ensemble(name="forest", columns=len(FEATURE_NAMES), filled_with=modes),)
        trees = [to_nodes(self.pipeline)]
        if self.scaling is None:
            return write_explanation(Additive(scale="probability", ensembles=ensembles), trees)
        calibration = Calibration(slope=self.scaling.slope, shift=self.scaling.shift, limit=SHARE_LIMIT)
        additive = Additive(scale="probability_before_calibration", calibration=calibration, ensembles=ensembles)
        return write_explanation(additive, trees)

    def importances(self) -> dict[str, float]:
        """Mean decrease in impurity, as a share."""
        values = self.pipeline[FOREST].feature_importances_
        return dict(zip(FEATURE_NAMES, map(float, values), strict=True))


def _shares(pipeline: Pipeline, matrix: FeatureMatrix) -> Probabilities:
    return np.asarray(pipeline.predict_proba(matrix[:, : len(FEATURE_NAMES)])[:, 1], dtype=np.float64)


def _log_odds(shares: Probabilities) -> LogOdds:
    inside = np.clip(shares, SHARE_LIMIT, 1 - SHARE_LIMIT)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)
