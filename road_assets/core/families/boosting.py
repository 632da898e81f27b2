"""Gradient boosting on categories: codes have no order, and an unknown value is a category of its own.

A model has two ensembles. ``alone`` answers questions with the 13 features only, and is trained on these features only;
``scene`` answers questions with at least one optional field. So an answer from the 13 features alone is never worse
than that of a model trained on them alone: it is that model's answer. ``scene`` is trained on each row as recorded and
on two copies with a random part of the optional fields hidden, so that it can answer with any subset of them missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from road_assets.core.bundle import FeatureMatrix, Probabilities
from road_assets.core.calibration import LogOdds, PlattScaling, choose_calibration_rows, fit_platt_scaling
from road_assets.core.explanation import Additive, Ensemble
from road_assets.core.explanation_file import write_explanation
from road_assets.core.model_input import (
    CATEGORY_COLUMNS,
    hide_scene,
    knows_scene,
    mask_features,
    mask_scene,
    model_matrix,
    require_both_classes,
)
from road_assets.core.onnx_boosting import base_of, gains_of, to_graph, to_nodes
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.tree_nodes import Nodes
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET

Labels = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class BoostingSettings:
    """Parameters of the boosting, under the names scikit-learn gives them where it has one.

    Attributes:
        max_iter: trees of ``scene``.
        learning_rate: of ``scene``.
        alone_max_iter: trees of ``alone``, which has fewer columns.
        alone_learning_rate: of ``alone``.
        max_leaf_nodes: of each tree.
        min_samples_leaf: rows in each leaf.
        l2_regularization: penalty on the leaves.
        max_features: share of the columns that a split may choose from.
        calibration_share: share of the accidents that only the calibration is fitted to.
        masked_copies: number of copies of each row with a part of the optional fields hidden.
        hidden_features: share of the 13 features that is hidden, too, in these copies, and in one copy for ``alone``:
            a feature that a caller does not know yet must not be treated as one that the police left blank.
        hidden_rows: share of the rows in these copies of which instead a random share is hidden, from none to all: with
            almost nothing known, the answer must be close to the average, not "nobody is hurt".
        generated_rows: whether ``alone`` is also trained on the generated half of the mix.
        random_state: seed of the columns chosen and the fields hidden.
    """

    family: ClassVar[str] = "boosting"

    max_iter: int = 700
    learning_rate: float = 0.03
    alone_max_iter: int = 300
    alone_learning_rate: float = 0.03
    max_leaf_nodes: int = 31
    min_samples_leaf: int = 40
    l2_regularization: float = 5.0
    max_features: float = 0.3
    calibration_share: float = 0.1
    masked_copies: int = 2
    hidden_features: float = 0.05
    hidden_rows: float = 0.2
    generated_rows: bool = False
    random_state: int = 42

    def fit(self, rows: pd.DataFrame, *, threads: int | None = None) -> "Boosting":
        """Fit to the real rows, and to generated ones if so set.

        Args:
            rows: feature rows with the target, real and generated.
            threads: for fitting; one by default, which is faster on a busy machine than several that wait for each
                other at every split.

        Raises:
            ValueError: the rows hold only one class, or none.
        """
        with threadpool_limits(threads or 1):
            return _fit(rows, self)


@dataclass(frozen=True, slots=True)
class Part:
    """One ensemble.

    Attributes:
        trees: scikit-learn's model.
        scaling: calibration of its log-odds.
        columns: number of ``MODEL_FIELDS`` that it takes, from the first on.
    """

    trees: HistGradientBoostingClassifier
    scaling: PlattScaling
    columns: int

    def log_odds(self, matrix: FeatureMatrix) -> LogOdds:
        """Calibrated log-odds, shape (rows,)."""
        raw = np.asarray(self.trees.decision_function(matrix[:, : self.columns]), dtype=np.float64)
        return self.scaling.slope * raw + self.scaling.shift

    def explained(self, name: str) -> tuple[Ensemble, Nodes]:
        """The ensemble for explanations; with the calibration in its leaves, these add up to calibrated log-odds."""
        nodes = to_nodes(self.trees)
        offset = self.scaling.slope * base_of(self.trees) + self.scaling.shift
        return (
            Ensemble(name=name, columns=self.columns, offset=offset),
            replace(nodes, leaf_weight=self.scaling.slope * nodes.leaf_weight),
        )


@dataclass(frozen=True, slots=True)
class Boosting:
    """A fitted model.

    Attributes:
        alone: for questions of the 13 features.
        scene: for questions with any optional field; None where no training row had one.
    """

    alone: Part
    scene: Part | None

    @property
    def features(self) -> tuple[str, ...]:
        """All fields, or the 13 features if no training row had an optional field."""
        return FEATURE_NAMES if self.scene is None else MODEL_FIELDS

    def predict(self, matrix: FeatureMatrix) -> Probabilities:
        """Probability of a severe injury for rows of shape (rows, 27)."""
        log_odds = self.alone.log_odds(matrix)
        if self.scene is not None and (with_scene := knows_scene(matrix)).any():
            log_odds[with_scene] = self.scene.log_odds(matrix[with_scene])
        return PlattScaling().probabilities(log_odds)

    def to_graph(self) -> bytes:
        """The model as a serialized ONNX graph."""
        scene = self.scene
        return to_graph((self.alone.trees, self.alone.scaling), None if scene is None else (scene.trees, scene.scaling))

    def to_explanation(self) -> bytes:
        """The trees with the shares of their training rows."""
        parts = [self.alone.explained("alone")]
        if self.scene is not None:
            parts.append(self.scene.explained("scene"))
        ensembles, trees = zip(*parts, strict=True)
        return write_explanation(Additive(scale="log_odds", ensembles=ensembles), trees)

    def importances(self) -> dict[str, float]:
        """Gain of the splits on each field, as a share: of ``scene``, or of ``alone`` where there is no other."""
        part = self.scene or self.alone
        gains = gains_of(part.trees)
        return dict(zip(MODEL_FIELDS, map(float, gains / max(gains.sum(), np.finfo(float).tiny)), strict=False))


def _fit(rows: pd.DataFrame, settings: BoostingSettings) -> Boosting:
    kept = choose_calibration_rows(rows, settings.calibration_share)
    generated = rows["synthetic"].to_numpy(dtype=bool)
    matrix, labels = model_matrix(rows), rows[TARGET].to_numpy(dtype=np.int8)
    real = ~generated & ~kept
    require_both_classes(labels[real])
    rng = np.random.default_rng(settings.random_state)
    width = len(FEATURE_NAMES)

    learned = ~kept if settings.generated_rows else real
    known, answers = matrix[learned][:, :width], labels[learned]
    hidden = {"features": settings.hidden_features, "rows": settings.hidden_rows}
    if any(hidden.values()):
        known = np.concatenate([known, mask_features(known, rng, **hidden)])
        answers = np.tile(answers, 2)
    trees = _grow(known, answers, settings, alone=True)
    alone = _calibrate(trees, hide_scene(matrix[kept]), labels[kept], width)
    with_scene = real & knows_scene(matrix)
    if len(np.unique(labels[with_scene])) != len(np.unique(labels)):
        return Boosting(alone, None)
    partly = (mask_scene(matrix[with_scene], rng) for _ in range(settings.masked_copies))
    copies = [matrix[with_scene], *(mask_features(copy, rng, **hidden) for copy in partly)]
    trees = _grow(np.concatenate(copies), np.tile(labels[with_scene], len(copies)), settings, alone=False)
    asked = matrix[kept & knows_scene(matrix)]
    asked_labels = labels[kept & knows_scene(matrix)]
    scene = _calibrate(
        trees, np.concatenate([asked, mask_scene(asked, rng)]), np.tile(asked_labels, 2), len(MODEL_FIELDS)
    )
    return Boosting(alone, scene)


def _grow(
    matrix: FeatureMatrix, labels: Labels, settings: BoostingSettings, *, alone: bool
) -> HistGradientBoostingClassifier:
    trees = HistGradientBoostingClassifier(
        max_iter=settings.alone_max_iter if alone else settings.max_iter,
        learning_rate=settings.alone_learning_rate if alone else settings.learning_rate,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        max_features=settings.max_features,
        l2_regularization=settings.l2_regularization,
        categorical_features=_categories(matrix),
        early_stopping=False,
        random_state=settings.random_state,
    )
    return trees.fit(matrix, labels)


def _categories(matrix: FeatureMatrix) -> Sequence[int]:
    """Columns of codes, and those never recorded: scikit-learn refuses a numeric column without any number."""
    return [
        column for column in range(matrix.shape[1]) if column in CATEGORY_COLUMNS or np.isnan(matrix[:, column]).all()
    ]


def _calibrate(trees: HistGradientBoostingClassifier, matrix: FeatureMatrix, labels: Labels, columns: int) -> Part:
    if not len(matrix):
        return Part(trees, PlattScaling(), columns)
    return Part(trees, fit_platt_scaling(trees.decision_function(matrix[:, :columns]), labels), columns)
