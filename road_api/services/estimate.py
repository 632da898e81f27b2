"""From questions to answers: one question, or a file of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec
import numpy as np

from road_api.schemas import PredictedRow, Prediction, RefusedRow, RowError
from road_api.services.csv_rows import CsvRow, read_csv
from road_api.services.model_store import ServedModel
from road_api.services.prediction_rows import Note
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import OUTCOMES, Code

ROWS_PER_CALL: Final = 8192
"""Rows estimated together; bounds the memory of a large file beside its text and its answer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The model's answer for one row.

    Attributes:
        outcome: the class answered, with its labels.
        probability: of a severe injury.
        confidence: probability of the class answered.
    """

    outcome: Code
    probability: float
    confidence: float


def estimate(model: ServedModel, rows: FeatureMatrix) -> list[Estimate]:
    """Ask the model.

    Args:
        model: the one that answers.
        rows: shape (rows, 27), NaN where unknown.

    Returns:
        One estimate per row, in order.
    """
    threshold = model.bundle.manifest.threshold
    return [_decide(probability, threshold) for probability in model.bundle.predict(rows).tolist()]


def answer_question(model: ServedModel, user: str, row: FeatureMatrix) -> Prediction:
    """Answer one question.

    Args:
        model: the one that answers.
        user: who asks.
        row: shape (1, 27), NaN where unknown.
    """
    (answer,) = estimate(model, row)
    return Prediction(
        user=user,
        prediction=[answer.outcome.value],
        probability=answer.probability,
        confidence=answer.confidence,
        label=answer.outcome.en,
        label_fr=answer.outcome.fr,
        model_version=model.ref.version,
        data=model.bundle.manifest.data,
    )


def answer_csv(
    model: ServedModel,
    user: str,
    content: bytes,
    note: Note,
) -> bytes:
    """Answer a file, a row per row. Takes its time, so call it in a thread.

    Args:
        model: the one that answers.
        user: who asks.
        content: the file.
        note: told of every estimate, piece by piece: the questions, their probabilities and their lines.

    Returns:
        JSON as ``schemas.CsvPrediction`` describes it.

    Raises:
        CsvError: the file cannot be read as a whole.
    """
    # Encoded piece by piece: a million answers as objects would need ten times the memory of their JSON.
    head = {"user": user, "model_version": model.ref.version, "data": model.bundle.manifest.data}
    answer, count, rows = bytearray(msgspec.json.encode(head)[:-1] + b',"predictions":['), 0, read_csv(content)
    while batch := list(islice(rows, ROWS_PER_CALL)):
        answer += b"," if count else b""
        answer += msgspec.json.encode(list(_answer_rows(model, batch, note)))[1:-1]
        count += len(batch)
    answer += b'],"rows":%d}' % count
    return bytes(answer)


def _decide(probability: float, threshold: float) -> Estimate:
    severe = probability >= threshold
    return Estimate(OUTCOMES[int(severe)], probability, probability if severe else 1 - probability)


def _answer_rows(
    model: ServedModel,
    rows: list[CsvRow],
    note: Note,
) -> Iterator[PredictedRow | RefusedRow]:
    readable = [row for row in rows if not row.reason]
    matrix = np.array([row.codes for row in readable], dtype=np.float32).reshape(-1, len(MODEL_FIELDS))
    estimates = estimate(model, matrix) if readable else []
    if readable:
        note(matrix, [answer.probability for answer in estimates], [row.line for row in readable])
    answers = iter(estimates)
    for row in rows:
        if row.reason:
            yield RefusedRow(row.line, RowError(row.field, row.reason))
            continue
        answer = next(answers)
        yield PredictedRow(row.line, answer.outcome.value, answer.probability, answer.confidence, answer.outcome.en)
