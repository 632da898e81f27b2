"""The kinds of model that can stand for promotion, by the name ``ROAD_CANDIDATES`` gives them.

A family is the class of its settings, with a ``fit``; what it fits answers questions and writes itself as a graph.
"""

from dataclasses import asdict
from typing import ClassVar, Final, Protocol

import pandas as pd

from road_assets.core.bundle import FeatureMatrix, Probabilities
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings

Parameters = dict[str, int | float | str]


class FittedModel(Protocol):
    """What has learned."""

    @property
    def features(self) -> tuple[str, ...]:
        """Input columns in order: the 13 features, or all of ``MODEL_FIELDS``."""

    def predict(self, matrix: FeatureMatrix) -> Probabilities:
        """Probability of a severe injury for rows of shape (rows, 27)."""

    def to_graph(self) -> bytes:
        """The same as a serialized ONNX model that takes ``features``."""

    def to_explanation(self) -> bytes:
        """What explains its answers, as ``explanation_file`` has it."""

    def importances(self) -> dict[str, float]:
        """How much the answers rest on each input; sums to 1."""


class FamilySettings(Protocol):
    """How a model of a family is fitted."""

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
