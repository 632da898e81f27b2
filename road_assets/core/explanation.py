"""Explanations of answers: contributions of the features that add up to the answer.

They add up on the scale on which the model itself adds: for the boosting, calibrated log-odds; for the forest, the
share of its trees, which is its probability, or the probability before calibration if it is calibrated. Contributions
are computed in ``tree_shap``; the trees are stored by ``explanation_file``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from road_assets.core.tree_nodes import Nodes
from road_assets.core.tree_shap import ShapleyTrees
from road_assets.core.vocabulary import FEATURE_NAMES

Scale = Literal["log_odds", "probability", "probability_before_calibration"]
"""Unit of the contributions."""

_FLAT: Final = 1e-6
"""If the contributions add up to less, the derivative of the probability is used instead of its secant."""


class Ensemble(BaseModel):
    """Description of an ensemble of trees, without the trees.

    Attributes:
        name: of the ensemble.
        columns: number of the model's columns that it takes, from the first on.
        offset: added to the sum of its leaves.
        filled_with: imputed value for each column; None if the trees handle unknown values themselves.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    columns: int
    offset: float = 0.0
    filled_with: tuple[float, ...] | None = None


class Calibration(BaseModel):
    """Platt scaling of a share of trees: log-odds times ``slope`` plus ``shift``.

    Attributes:
        slope: above 0.
        shift: in log-odds.
        limit: the share is clipped to this distance from 0 and 1 before.
    """

    model_config = ConfigDict(frozen=True)

    slope: float
    shift: float
    limit: float


class Additive(BaseModel):
    """How a model computes a probability from the sums of its trees.

    Attributes:
        scale: unit of the sums.
        calibration: if the scale is ``probability_before_calibration``.
        ensembles: one for all questions, or one for questions with the 13 features alone and one for the others.
    """

    model_config = ConfigDict(frozen=True)

    scale: Scale
    calibration: Calibration | None = None
    ensembles: tuple[Ensemble, ...]

    def probability(self, value: float) -> float:
        """Probability for a sum on the scale."""
        if self.scale == "log_odds":
            return _sigmoid(value)
        if self.calibration is None:
            return value
        share = min(max(value, self.calibration.limit), 1 - self.calibration.limit)
        return _sigmoid(self.calibration.slope * float(np.log(share / (1 - share))) + self.calibration.shift)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of one probability.

    Attributes:
        ensemble: name of the trees that answered.
        scale: unit of base value and contributions.
        base_value: mean over the training rows, when no feature is known.
        contributions: shape (columns that the ensemble sees,); with ``base_value`` they add up to ``value``.
        value: the sum.
        base_probability: probability for ``base_value``.
        probability: probability for ``value``: the model's answer.
        probability_contributions: the contributions, multiplied by one positive factor so that with
            ``base_probability`` they add up to ``probability``. Their order and signs are kept.
    """

    ensemble: str
    scale: Scale
    base_value: float
    contributions: npt.NDArray[np.float64]
    value: float
    base_probability: float
    probability: float
    probability_contributions: npt.NDArray[np.float64]


class Explainer:
    """Explains the answers of one model, from several threads at once."""

    def __init__(self, additive: Additive, trees: Sequence[Nodes]) -> None:
        """Prepare the trees.

        Args:
            additive: how the model computes its probability.
            trees: of each ensemble.

        Raises:
            ValueError: they are no trees, or not one for each of one or two ensembles.
        """
        if len(trees) != len(additive.ensembles) or len(trees) not in {1, 2}:
            raise ValueError(f"{len(additive.ensembles)} ensembles are described, there are the trees of {len(trees)}")
        self._additive = additive
        self._trees = [
            ShapleyTrees(nodes, ensemble.columns) for ensemble, nodes in zip(additive.ensembles, trees, strict=True)
        ]

    def explain(self, row: npt.NDArray[np.float32]) -> Explanation:
        """Explain the answer to one question.

        Args:
            row: shape (27,) or (13,), NaN where unknown.
        """
        place = len(self._trees) - 1 if np.isfinite(row[len(FEATURE_NAMES) :]).any() else 0
        ensemble, trees = self._additive.ensembles[place], self._trees[place]
        seen = np.full(ensemble.columns, np.nan)
        seen[: len(row)] = row[: ensemble.columns]
        if ensemble.filled_with is not None:
            seen = np.where(np.isnan(seen), ensemble.filled_with, seen)
        base, contributions = ensemble.offset + trees.base, trees.contributions(seen)
        value = base + float(contributions.sum())
        base_probability, probability = self._additive.probability(base), self._additive.probability(value)
        return Explanation(
            ensemble=ensemble.name,
            scale=self._additive.scale,
            base_value=base,
            contributions=contributions,
            value=value,
            base_probability=base_probability,
            probability=probability,
            probability_contributions=contributions * self._slope(base, value),
        )

    def _slope(self, base: float, value: float) -> float:
        """Probability per unit of the scale between two sums; positive, since probabilities rise on every scale."""
        if abs(value - base) < _FLAT:
            base, value = base - _FLAT, base + _FLAT
        return (self._additive.probability(value) - self._additive.probability(base)) / (value - base)


def _sigmoid(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
