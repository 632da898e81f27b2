"""Parameters of the models in Dagster's launchpad; they are documented with the families."""

from typing import Final

import dagster as dg
from pydantic import Field

from road_assets.core.families import FamilySettings
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings

_FOREST: Final = CalibratedForestSettings()
_BOOSTING: Final = BoostingSettings()


class BoostingConfig(dg.Config):
    """Parameters of the boosting; see ``BoostingSettings``."""

    max_iter: int = _BOOSTING.max_iter
    learning_rate: float = _BOOSTING.learning_rate
    alone_max_iter: int = _BOOSTING.alone_max_iter
    alone_learning_rate: float = _BOOSTING.alone_learning_rate
    max_leaf_nodes: int = _BOOSTING.max_leaf_nodes
    min_samples_leaf: int = _BOOSTING.min_samples_leaf
    l2_regularization: float = _BOOSTING.l2_regularization
    max_features: float = _BOOSTING.max_features
    calibration_share: float = _BOOSTING.calibration_share
    masked_copies: int = _BOOSTING.masked_copies
    hidden_features: float = _BOOSTING.hidden_features
    hidden_rows: float = _BOOSTING.hidden_rows
    generated_rows: bool = _BOOSTING.generated_rows
    random_state: int = _BOOSTING.random_state


class TrainingConfig(dg.Config):
    """Parameters of the forest, under scikit-learn's names, and of the other families.

    Attributes:
        calibration_share: share of the accidents that the forest is calibrated on; 0 for no calibration.
        boosting: parameters of the gradient boosting.
    """

    n_estimators: int = _FOREST.n_estimators
    max_depth: int = _FOREST.max_depth
    min_samples_split: int = _FOREST.min_samples_split
    min_samples_leaf: int = _FOREST.min_samples_leaf
    random_state: int = _FOREST.random_state
    calibration_share: float = _FOREST.calibration_share
    boosting: BoostingConfig = Field(default_factory=BoostingConfig)

    def settings_of(self, family: str) -> FamilySettings:
        """The settings of one family, by its name in ``core.families.FAMILIES``."""
        if family == BoostingSettings.family:
            return BoostingSettings(**self.boosting.model_dump())
        return CalibratedForestSettings(**self.model_dump(exclude={"boosting"}))
