"""From the probabilities of an accident's users to an answer about the accident.

The model estimates single users. Whether at least one of several is severely hurt also depends on how their injuries
are correlated, which the model has not learned. So the answer has two bounds instead of one precise-looking figure:

- lower: the highest of the probabilities. "At least one is hurt" is never less likely than "this one is hurt".
- upper: 1 - Π(1 - p), exact if the injuries are independent given the features. Users of one accident share speed,
  road and impact, so their injuries tend to be positively correlated, and the truth lies below.
"""

from dataclasses import dataclass

import numpy as np

from road_api.schemas.responses import AccidentPrediction, UserPrediction
from road_api.services.estimate import estimate
from road_api.services.model_store import ServedModel
from road_api.services.prediction_rows import LogAnswers
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import OUTCOMES


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer about an accident.

    Attributes:
        lower: lower bound of the probability that at least one user is severely hurt.
        upper: its upper bound.
        decider: index of the user with the highest probability, the first of equal ones.
        severe: whether the lower bound reaches the threshold: the accident is severe exactly if one of its users is.
        undecided: whether only the upper bound reaches the threshold.
    """

    lower: float
    upper: float
    decider: int
    severe: bool
    undecided: bool


def judge(probabilities: list[float], threshold: float) -> Judgement:
    """Judge an accident.

    Args:
        probabilities: of a severe injury, one for each user, at least one.
        threshold: lowest probability that is answered "severe".
    """
    lower = max(probabilities)
    # Rounding may take the upper bound of a single user slightly below the lower one.
    upper = max(lower, 1 - float(np.prod(1 - np.asarray(probabilities))))
    severe = lower >= threshold
    return Judgement(lower, upper, probabilities.index(lower), severe, not severe and upper >= threshold)


def answer_accident(
    model: ServedModel, user: str, matrix: FeatureMatrix, log_answers: LogAnswers
) -> AccidentPrediction:
    """Answer a question about an accident. It takes milliseconds for 100 users, so call it in a thread.

    Args:
        model: the one that answers.
        user: who asks.
        matrix: shape (users of the accident, 27), NaN where unknown.
        log_answers: called with the estimates; the line of a user is its index + 1.
    """
    estimates = estimate(model, matrix)
    probabilities = [answer.probability for answer in estimates]
    log_answers(matrix, probabilities, range(1, len(probabilities) + 1))
    manifest = model.bundle.manifest
    judgement = judge(probabilities, manifest.threshold)
    outcome = OUTCOMES[int(judgement.severe)]
    return AccidentPrediction(
        user=user,
        prediction=outcome.value,
        label=outcome.en,
        label_fr=outcome.fr,
        probability_lower=judgement.lower,
        probability_upper=judgement.upper,
        undecided=judgement.undecided,
        deciding_user=judgement.decider,
        users=[
            UserPrediction(one.outcome.value, one.probability, one.confidence, one.outcome.en, one.outcome.fr)
            for one in estimates
        ],
        model_version=model.ref.version,
        data=manifest.data,
    )
