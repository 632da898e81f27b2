"""A candidate for production: trained on the past, judged on later real rows, packed so that it can serve."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import ANSWER_TOLERANCE, Bundle, BundleError, Facts, Probabilities, Window, pack
from road_assets.core.drift import CodeCounts, count_codes
from road_assets.core.history import Windows
from road_assets.core.metrics import evaluate
from road_assets.core.onnx_graph import to_graph
from road_assets.core.training import ForestSettings, feature_matrix, fit_forest, known_questions
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, MODEL_NAME, TARGET

SEVERE_FROM: Final = 0.5
"""A probability at or above it is answered as severe."""

KNOWN_QUESTIONS: Final = 100
REFERENCE_SAMPLE_ROWS: Final = 20_000
"""Real training rows kept beside the model for the drift report's pictures; the score uses the counts of all."""

_LIBRARIES: Final = ("scikit-learn", "numpy", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model and everything that is known of it.

    Attributes:
        pipeline: as scikit-learn fitted it.
        files: the serving bundle.
        facts: what its manifest tells.
        training_rows: rows it learned from, real and generated.
        labels: of the rows it was judged on.
        probabilities: its answers for them.
        reference: codes of the real training rows, counted; frozen here, drift is measured against them.
        reference_sample: some of those rows, the 13 features and the target.
    """

    pipeline: Pipeline
    files: dict[str, bytes]
    facts: Facts
    training_rows: int
    labels: npt.NDArray[Any]
    probabilities: Probabilities
    reference: CodeCounts
    reference_sample: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Split:
    """Feature rows to learn from and to be judged on, with no accident on both sides.

    Attributes:
        training: real and generated rows.
        evaluation: real rows only.
    """

    training: pd.DataFrame
    evaluation: pd.DataFrame


def split_rows(rows: pd.DataFrame, windows: Windows) -> Split:
    """Divide feature rows by the windows.

    A day that is replayed repeats accidents of an earlier day; they are kept out of training when they are judged on.

    Args:
        rows: of both windows.
        windows: the days of each side.
    """
    days = rows["day"].dt.date
    evaluation = rows[days.isin(set(windows.evaluation)) & ~rows["synthetic"]]
    training = rows[days.isin(set(windows.training)) & ~rows["num_acc"].isin(evaluation["num_acc"])]
    return Split(training, evaluation)


def train_candidate(
    rows: pd.DataFrame, windows: Windows, settings: ForestSettings, *, created_at: datetime, threads: int | None = None
) -> Candidate:
    """Train, judge and pack.

    Args:
        rows: feature rows of both windows.
        windows: the days of each side.
        settings: of the forest.
        created_at: moment to note in the manifest.
        threads: for fitting; all cores by default.

    Returns:
        The candidate; its bundle was opened and agrees with the pipeline on every row it was judged on.

    Raises:
        ValueError: a side holds only one class.
        BundleError: graph and pipeline disagree.
    """
    split = split_rows(rows, windows)
    if split.evaluation.empty:
        raise ValueError(f"no real user on {windows.evaluation[0]} to {windows.evaluation[-1]}, so nothing to judge on")
    pipeline = fit_forest(split.training, settings, threads=threads)
    matrix, labels = feature_matrix(split.evaluation), split.evaluation[TARGET].to_numpy()
    probabilities = pipeline.predict_proba(matrix)[:, 1]
    facts = Facts(
        model_name=MODEL_NAME,
        features=FEATURE_NAMES,
        threshold=SEVERE_FROM,
        data=data_source_of(pd.concat([split.training, split.evaluation])),
        training_window=window_of(windows.training),
        evaluation_window=window_of(windows.evaluation),
        metrics=evaluate(labels, probabilities, threshold=SEVERE_FROM),
        code_version=version("road-assets"),
        libraries={name: version(name) for name in _LIBRARIES},
        created_at=created_at,
    )
    questions = known_questions(KNOWN_QUESTIONS, seed=settings.random_state)
    files = pack(to_graph(pipeline), questions, pipeline.predict_proba(questions)[:, 1], facts)
    _check_agreement(Bundle.open(files), matrix, probabilities)
    real = split.training.loc[~split.training["synthetic"], [*FEATURE_NAMES, TARGET]]
    return Candidate(
        pipeline=pipeline,
        files=files,
        facts=facts,
        training_rows=len(split.training),
        labels=labels,
        probabilities=probabilities,
        reference=count_codes(real),
        reference_sample=real.sample(min(len(real), REFERENCE_SAMPLE_ROWS), random_state=settings.random_state),
    )


def parameters_of(settings: ForestSettings) -> dict[str, int | str]:
    """The settings under the names scikit-learn gives them, for the experiment log."""
    return dict(asdict(settings))


def data_source_of(rows: pd.DataFrame) -> str:
    """Where rows come from; a single generated accident makes it demonstration data."""
    sources = sorted(rows["data_source"].unique())
    return DATA_DEMONSTRATION if DATA_DEMONSTRATION in sources else " and ".join(sources)


def window_of(days: Sequence[date]) -> Window:
    """First and last of some days."""
    return Window(first_day=min(days), last_day=max(days))


def _check_agreement(bundle: Bundle, matrix: npt.NDArray[np.float32], probabilities: Probabilities) -> None:
    worst = float(np.max(np.abs(bundle.predict(matrix) - probabilities)))
    if not worst <= ANSWER_TOLERANCE:  # so that NaN is refused too
        raise BundleError(
            f"graph and pipeline differ by {worst:.3g} on {len(matrix)} rows, allowed is {ANSWER_TOLERANCE:g}"
        )
