"""The serving bundle: what promotion publishes and the service loads. Bytes in, bytes out.

A bundle has four files: ``manifest.json`` (facts about the model, and the SHA-256 of the other files), ``model.onnx``
(the graph, imputation and scaling included), ``known_answers.json`` (questions with the probabilities that the trained
model gave when the bundle was made) and ``explanation.npz`` (the trees, for explanations; bundles of early versions
lack it and serve all the same). Nothing is unpickled. Opening a bundle checks all files before it answers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from pydantic import ValidationError

from road_assets.core.explanation import Explanation
from road_assets.core.explanation_file import StoredExplainer
from road_assets.core.input_columns import INPUTS, fit_columns, takes_fewer_fields
from road_assets.core.manifest import Facts, Manifest
from road_assets.core.quick_scorer import QuickScorer, values_of
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES

MANIFEST_FILE: Final = "manifest.json"
GRAPH_FILE: Final = "model.onnx"
ANSWERS_FILE: Final = "known_answers.json"
EXPLANATION_FILE: Final = "explanation.npz"
BUNDLE_FILES: Final = (MANIFEST_FILE, GRAPH_FILE, ANSWERS_FILE)
"""What every bundle has."""

GRAPH_INPUT: Final = "features"
GRAPH_OUTPUT: Final = "probability"

ANSWER_TOLERANCE: Final = 1e-6
"""Largest difference in probability between the graph and the pipeline that trained it."""

FeatureMatrix = npt.NDArray[np.float32]
"""Shape (rows, 27), columns ``MODEL_FIELDS``, or (rows, 13), its first ones alone, which are ``FEATURE_NAMES``;
official codes as they are, NaN where unknown."""

Probabilities = npt.NDArray[np.float64]
"""Shape (rows,), probability of a severe injury."""


class NotExplainedError(LookupError):
    """The bundle cannot explain this answer; the message says why."""


class BundleError(ValueError):
    """A bundle that must not serve: damaged, incomplete, for other features, or wrong on its known answers."""


def pack(
    graph: bytes,
    rows: FeatureMatrix,
    answers: Sequence[float] | Probabilities,
    facts: Facts,
    explanation: bytes | None = None,
) -> dict[str, bytes]:
    """Make the files of a bundle.

    Args:
        graph: serialized ONNX model, input ``features`` float32 with a column for each of the manifest's features,
            output ``probability`` (rows,).
        rows: known questions, with the same columns.
        answers: the training pipeline's probabilities for them.
        facts: for the manifest.
        explanation: file written by ``explanation_file``, for a model that can be explained.

    Returns:
        File name to content, ready to be stored together.
    """
    known = {
        "features": [[None if np.isnan(code) else int(code) for code in row] for row in rows],
        "probability": [float(answer) for answer in answers],
    }
    files = {GRAPH_FILE: graph, ANSWERS_FILE: json.dumps(known).encode()}
    if explanation is not None:
        files[EXPLANATION_FILE] = explanation
    manifest = Manifest(**facts.model_dump(), sha256={name: _sha256(content) for name, content in files.items()})
    return {MANIFEST_FILE: manifest.model_dump_json(indent=2).encode(), **files}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked model, ready to answer from several threads at once.

    Attributes:
        manifest: facts about the model.
        session: ONNX Runtime with the graph.
        explainer: explains answers; None for bundles of early versions.
        scorer: computes the graph's answers faster; None for graphs that it does not support.
    """

    manifest: Manifest
    session: ort.InferenceSession
    explainer: StoredExplainer | None = None
    scorer: QuickScorer | None = None

    @classmethod
    def open(cls, files: Mapping[str, bytes], *, threads: int = 1) -> Self:
        """Check a bundle and load its graph.

        Args:
            files: content by file name, as ``pack`` made them.
            threads: threads for one call; one is fastest for single rows.

        Returns:
            The bundle, which has answered every known question correctly.

        Raises:
            BundleError: a file is missing or altered, the manifest does not parse, the features are not ours, the graph
                does not load, or a known answer differs by more than ``ANSWER_TOLERANCE``.
        """
        manifest = read_manifest(files)
        _check_files(manifest, files)
        fewer = takes_fewer_fields(manifest.features)
        if not fewer and manifest.features not in INPUTS:
            raise BundleError(
                f"the bundle expects the features {list(manifest.features)}, this code gives {list(FEATURE_NAMES)}, or "
                f"{list(MODEL_FIELDS)}; promote a model trained by this version"
            )
        explanation = files[EXPLANATION_FILE] if EXPLANATION_FILE in manifest.sha256 else None
        bundle = cls(
            manifest,
            _start(files[GRAPH_FILE], threads),
            explainer=None if explanation is None or fewer else StoredExplainer(explanation),
            scorer=None if fewer else QuickScorer.read(files[GRAPH_FILE]),  # which reads today's columns only
        )
        bundle.check_known_answers(files[ANSWERS_FILE])
        return bundle

    def predict(self, rows: FeatureMatrix) -> Probabilities:
        """Estimate the probability of a severe injury.

        Args:
            rows: shape (rows, 27) or (rows, 13), NaN where unknown. A model with fewer columns ignores the others; a
                model with more treats the columns that are missing as unknown.

        Returns:
            Shape (rows,), in the order given.

        Raises:
            ValueError: the rows have another number of columns.
        """
        fitted = fit_columns(rows, self.manifest.features)
        scored = self.scorer.predict(fitted) if self.scorer else None
        if scored is not None:
            return scored
        (answers,) = self.session.run([GRAPH_OUTPUT], {GRAPH_INPUT: fitted})
        return np.asarray(answers, dtype=np.float64).reshape(-1)

    def explain(self, row: FeatureMatrix) -> Explanation:
        """Explain the answer to one question. Takes about 10 ms (boosting) to half a second (forest).

        Args:
            row: shape (1, 27) or (1, 13), NaN where unknown.

        Returns:
            Contributions that add up to the probability that ``predict`` gives; this is checked.

        Raises:
            NotExplainedError: the bundle has no explanation file, or the file belongs to another model.
        """
        if self.explainer is None:
            raise NotExplainedError(
                f"the bundle of this {self.manifest.family} holds no {EXPLANATION_FILE}: it was made before there were "
                "explanations, or all of today's fields; train again and promote"
            )
        try:
            explanation = self.explainer.get().explain(row[0])
        except ValueError as error:
            raise NotExplainedError(f"{EXPLANATION_FILE} cannot be used: {error}") from error
        answer = self.predict(row).item()
        if not abs(explanation.probability - answer) <= ANSWER_TOLERANCE:  # so that NaN is refused too
            raise NotExplainedError(
                f"{EXPLANATION_FILE} leads to {explanation.probability:.6f}, the graph answers {answer:.6f}: they are "
                "not of the same model"
            )
        return explanation

    def predict_one(self, cells: npt.NDArray[np.intp]) -> float:
        """Estimate the probability for one row whose values are cell numbers already, as ``predict`` does.

        Args:
            cells: shape (27,), the cell of each field's value, as ``quick_scorer.cell_of`` gives it.
        """
        if self.scorer is None:
            return float(self.predict(values_of(cells).reshape(1, -1))[0])
        return self.scorer.predict_one(cells[: len(self.manifest.features)])

    def check_known_answers(self, content: bytes) -> None:
        """Check that the bundle gives the known answers.

        Args:
            content: the bytes of ``known_answers.json``.

        Raises:
            BundleError: they do not parse, there is no question or not an answer to each, the graph does not take them,
                or an answer is off by more than ``ANSWER_TOLERANCE``.
        """
        width = len(self.manifest.features)
        rows, expected = _read_known(content, width)
        try:
            answers = self.predict(rows)
        except Exception as error:  # onnxruntime raises classes of its own, with no common base below Exception
            raise BundleError(f"{GRAPH_FILE} does not take the {width} features: {error}") from error
        if answers.shape != expected.shape:
            raise BundleError(f"{GRAPH_FILE} gives {len(answers)} answers to {len(rows)} questions")
        worst = float(np.max(np.abs(answers - expected)))
        if not worst <= ANSWER_TOLERANCE:
            raise BundleError(
                f"the graph's answers to {len(rows)} known questions are off by up to {worst:.3g}, "
                f"allowed is {ANSWER_TOLERANCE:g}; the model must not serve"
            )


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """Parse the manifest alone.

    Raises:
        BundleError: it is missing or does not parse.
    """
    if MANIFEST_FILE not in files:
        raise BundleError(f"the bundle has no {MANIFEST_FILE}; it holds {sorted(files)}")
    try:
        return Manifest.model_validate_json(files[MANIFEST_FILE])
    except ValidationError as error:
        raise BundleError(f"{MANIFEST_FILE} does not parse: {error}") from error


def files_of(manifest: Manifest) -> tuple[str, ...]:
    """Names of all files of a bundle, the manifest first."""
    return (*BUNDLE_FILES, EXPLANATION_FILE) if EXPLANATION_FILE in manifest.sha256 else BUNDLE_FILES


def _check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    for name in files_of(manifest)[1:]:
        if name not in files or name not in manifest.sha256:
            raise BundleError(f"the bundle or its manifest lacks {name}; it holds {sorted(files)}")
        found = _sha256(files[name])
        if found != manifest.sha256[name]:
            raise BundleError(f"{name} is damaged: SHA-256 {found}, the manifest says {manifest.sha256[name]}")


def _read_known(content: bytes, width: int) -> tuple[FeatureMatrix, Probabilities]:
    try:
        known = json.loads(content)
        rows = np.array(known["features"], dtype=np.float32)
        expected = np.array(known["probability"], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{ANSWERS_FILE} does not parse: {error}") from error
    if not len(rows):
        raise BundleError(f"{ANSWERS_FILE} holds no question, so the model cannot be checked")
    if rows.shape != (len(expected), width):
        raise BundleError(f"{ANSWERS_FILE} holds questions of shape {rows.shape} and {len(expected)} answers")
    return rows, expected


def _start(graph: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, with no common base below Exception
        raise BundleError(f"{GRAPH_FILE} does not load: {error}") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
