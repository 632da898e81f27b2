"""A candidate for production: trained on past days, evaluated on later real rows, and packed as a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.bundle import (
    ANSWER_TOLERANCE,
    Bundle,
    BundleError,
    FeatureMatrix,
    NotExplainedError,
    Probabilities,
    pack,
)
from road_assets.core.drift_reference import DriftReference, freeze_reference, sample_reference
from road_assets.core.families import FamilySettings, FittedModel, parameters_of
from road_assets.core.intervals import figure_intervals
from road_assets.core.manifest import Facts, Window
from road_assets.core.metrics import decision_threshold, evaluate
from road_assets.core.model_input import hide_scene, input_fields, known_scenes, model_matrix
from road_assets.core.slices import slice_figures
from road_assets.core.vocabulary import DATA_DEMONSTRATION, MODEL_NAME, TARGET
from road_assets.core.windows import Windows

MISSED_CASE_COST: Final = 1.0
"""Cost of a missed severe case in needless dispatches, unless a setting says otherwise."""

KNOWN_QUESTIONS: Final = 100
EXPLAINED_QUESTIONS: Final = 4
"""Known questions whose explanations are checked; one of them has only the 13 features."""

REFERENCE_SAMPLE_ROWS: Final = 20_000
"""Real training rows kept with the model for the drift report's plots; the score uses the counts of all rows."""

_LIBRARIES: Final = ("scikit-learn", "numpy", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model with its bundle, its figures and its drift reference.

    Attributes:
        model: the fitted model.
        files: the serving bundle.
        facts: contents of its manifest.
        training_rows: number of rows it was trained on, real and generated.
        labels: shape (evaluation rows,), 1 for severe.
        probabilities: shape (evaluation rows,), the model's estimates.
        reference: distributions of the real training rows, which drift is measured against.
        reference_sample: some of those rows: features, numeric scene fields and target.
    """

    model: FittedModel
    files: dict[str, bytes]
    facts: Facts
    training_rows: int
    labels: npt.NDArray[Any]
    probabilities: Probabilities
    reference: DriftReference
    reference_sample: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Split:
    """Feature rows to train on and to evaluate on; no accident is on both sides.

    Attributes:
        training: real and generated rows.
        evaluation: real rows only.
    """

    training: pd.DataFrame
    evaluation: pd.DataFrame


def split_rows(rows: pd.DataFrame, windows: Windows) -> Split:
    """Divide feature rows by the windows.

    A replayed day repeats accidents of an earlier day; accidents of the evaluation rows are left out of training.

    Args:
        rows: of both windows.
        windows: the days of each side.
    """
    days = rows["day"].dt.date
    evaluation = rows[days.isin(set(windows.evaluation)) & ~rows["synthetic"]]
    training = rows[days.isin(set(windows.training)) & ~rows["num_acc"].isin(evaluation["num_acc"])]
    return Split(training, evaluation)


def train_candidate(  # noqa: PLR0913 - all of them describe the training
    rows: pd.DataFrame,
    windows: Windows,
    settings: FamilySettings,
    *,
    created_at: datetime,
    threads: int | None = None,
    missed_case_cost: float = MISSED_CASE_COST,
    data_versions: Mapping[str, str] | None = None,
) -> Candidate:
    """Train a model, evaluate it, and pack its bundle.

    Args:
        rows: feature rows of both windows.
        windows: the days of each side.
        settings: of the family to fit.
        created_at: moment for the manifest.
        threads: for fitting; by default as many as suit the family.
        missed_case_cost: cost of a missed severe case in needless dispatches; it determines the threshold.
        data_versions: content hashes of the releases behind the rows, for the manifest.

    Returns:
        The candidate. Its bundle was opened and agrees with the model on every evaluation row, both with and without
        the optional fields.

    Raises:
        ValueError: a side holds only one class.
        BundleError: the graph or the explanations disagree with the model.
    """
    split = split_rows(rows, windows)
    if split.evaluation.empty:
        raise ValueError(f"no real user on {windows.evaluation[0]} to {windows.evaluation[-1]}, so nothing to judge on")
    model = settings.fit(split.training, threads=threads)
    matrix, labels = model_matrix(split.evaluation), split.evaluation[TARGET].to_numpy()
    hidden = hide_scene(matrix)
    probabilities, without_scene = model.predict(matrix), model.predict(hidden)
    threshold = decision_threshold(missed_case_cost)
    facts = Facts(
        model_name=MODEL_NAME,
        family=settings.family,
        parameters=parameters_of(settings),
        features=model.features,
        inputs=input_fields(model.features),
        threshold=threshold,
        data=data_source_of(pd.concat([split.training, split.evaluation])),
        data_versions=dict(data_versions or {}),
        training_window=window_of(windows.training),
        evaluation_window=window_of(windows.evaluation),
        metrics=evaluate(labels, probabilities, threshold=threshold),
        metrics_features_only=evaluate(labels, without_scene, threshold=threshold),
        intervals=figure_intervals(labels, probabilities, split.evaluation["num_acc"].to_numpy(), threshold=threshold),
        slices=slice_figures(split.evaluation, probabilities),
        code_version=version("road-assets"),
        libraries={name: version(name) for name in _LIBRARIES},
        created_at=created_at,
    )
    questions = known_scenes(KNOWN_QUESTIONS, seed=settings.random_state)[:, : len(model.features)]
    files = pack(model.to_graph(), questions, model.predict(questions), facts, model.to_explanation())
    bundle = Bundle.open(files)
    _check_explanations(bundle, questions[:EXPLAINED_QUESTIONS])
    _check_agreement(bundle, matrix, probabilities)
    _check_agreement(bundle, hidden, without_scene)
    real = split.training[~split.training["synthetic"]]
    return Candidate(
        model=model,
        files=files,
        facts=facts,
        training_rows=len(split.training),
        labels=labels,
        probabilities=probabilities,
        reference=freeze_reference(real, split.evaluation, probabilities),
        reference_sample=sample_reference(real, REFERENCE_SAMPLE_ROWS, seed=settings.random_state),
    )


def data_source_of(rows: pd.DataFrame) -> str:
    """Where rows come from; a single generated accident makes them demonstration data."""
    sources = sorted(rows["data_source"].unique())
    return DATA_DEMONSTRATION if DATA_DEMONSTRATION in sources else " and ".join(sources)


def window_of(days: Sequence[date]) -> Window:
    """First and last of some days."""
    return Window(first_day=min(days), last_day=max(days))


def _check_explanations(bundle: Bundle, questions: FeatureMatrix) -> None:
    try:
        for row in questions:
            bundle.explain(row[None, :])
    except NotExplainedError as error:
        raise BundleError(str(error)) from error


def _check_agreement(bundle: Bundle, matrix: FeatureMatrix, probabilities: Probabilities) -> None:
    worst = float(np.max(np.abs(bundle.predict(matrix) - probabilities)))
    if not worst <= ANSWER_TOLERANCE:  # so that NaN is refused too
        raise BundleError(
            f"graph and model differ by {worst:.3g} on {len(matrix)} rows, allowed is {ANSWER_TOLERANCE:g}"
        )
