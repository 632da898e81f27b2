"""From the model's probabilities to answers, with class, confidence and labels."""

from dataclasses import dataclass

from road_api.schemas.responses import Prediction
from road_api.services.model_store import ServedModel
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import OUTCOMES, Code


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate for one row.

    Attributes:
        outcome: the predicted class, with its labels.
        probability: of a severe injury.
        confidence: probability of the predicted class.
    """

    outcome: Code
    probability: float
    confidence: float


def estimate(model: ServedModel, rows: FeatureMatrix) -> list[Estimate]:
    """Estimate for rows.

    Args:
        model: the one that answers.
        rows: shape (rows, 27), NaN where unknown.

    Returns:
        One estimate per row, in order.
    """
    threshold = model.bundle.manifest.threshold
    return [decide(probability, threshold) for probability in model.bundle.predict(rows).tolist()]


def answer_question(model: ServedModel, user: str, row: FeatureMatrix) -> Prediction:
    """Answer one question.

    Args:
        model: the one that answers.
        user: who asks.
        row: shape (1, 27), NaN where unknown.
    """
    (probability,) = model.bundle.predict(row).tolist()
    return make_prediction(model, user, probability)


def make_prediction(model: ServedModel, user: str, probability: float) -> Prediction:
    """Make the answer to one question from a probability.

    Args:
        model: the one that answered.
        user: who asks.
        probability: of a severe injury.
    """
    answer = decide(probability, model.bundle.manifest.threshold)
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


def decide(probability: float, threshold: float) -> Estimate:
    """Classify a probability.

    Args:
        probability: of a severe injury.
        threshold: lowest probability that is answered "severe".
    """
    severe = probability >= threshold
    return Estimate(OUTCOMES[int(severe)], probability, probability if severe else 1 - probability)
