"""The families of models that can be candidates, by their name in ``ROAD_CANDIDATES``.

A family is a class of settings with a method ``fit``. The fitted model predicts, and exports itself as an ONNX graph.
"""

from dataclasses import asdict
from typing import ClassVar, Final, Protocol

import pandas as pd

from road_assets.core.bundle import FeatureMatrix, Probabilities
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings

Parameters = dict[str, int | float | str]


class FittedModel(Protocol):
    """A fitted model of any family."""

    @property
    def features(self) -> tuple[str, ...]:
        """Input columns in order: the 13 features, or all of ``MODEL_FIELDS``."""

    def predict(self, matrix: FeatureMatrix) -> Probabilities:
        """Probability of a severe injury for rows of shape (rows, 27)."""

    def to_graph(self) -> bytes:
        """The model as a serialized ONNX graph that takes ``features``."""

    def to_explanation(self) -> bytes:
        """The content of the bundle's explanation file, from ``explanation_file``."""

    def importances(self) -> dict[str, float]:
        """Importance of each input; they sum to 1."""


class FamilySettings(Protocol):
    """Settings of a family's fit."""

    family: ClassVar[str]

    @property
    def random_state(self) -> int:
        """The seed."""

    def fit(self, rows: pd.DataFrame, *, threads: int | None = None) -> FittedModel:
        """Fit a model to the real and generated feature rows of the training window."""


FAMILIES: Final[dict[str, type[FamilySettings]]] = {
    CalibratedForestSettings.family: CalibratedForestSettings,
    BoostingSettings.family: BoostingSettings,
}


def parameters_of(settings: FamilySettings) -> Parameters:
    """The settings under the names scikit-learn gives them, for manifest and experiment log."""
    return dict(asdict(settings))  # type: ignore[call-overload]  # every family's settings are a dataclass
