"""What the users' probabilities say about their accident.

The model knows users, one by one. Whether at least one of several is severely hurt also depends on how their injuries
go together, which it was not taught, so an accident is answered with two bounds instead of one figure that would claim
to know:

- lower: the highest of the probabilities. That at least one is hurt is never less likely than that one of them is.
- upper: 1 - Π(1 - p), right if injuries did not depend on each other given the features. Users of one accident share
  speed, road and impact, so their injuries tend to go together, and the truth lies below.
"""

from dataclasses import dataclass

import numpy as np

from road_api.schemas import AccidentPrediction, UserPrediction
from road_api.services.estimate import estimate
from road_api.services.model_store import ServedModel
from road_api.services.prediction_rows import LogAnswers
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import OUTCOMES


@dataclass(frozen=True, slots=True)
class Judgement:
    """An accident judged by the probabilities of its users.

    Attributes:
        lower: bound of the probability that at least one user is severely hurt.
        upper: the other bound.
        decider: index of the user with the highest probability, the first of equal ones.
        severe: whether that user's probability reaches the threshold, so that help goes out for the accident exactly
            if it would for one of its users.
        undecided: whether the upper bound alone reaches the threshold.
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
        threshold: probability from which on the answer is "severe".
    """
    lower = max(probabilities)
    # By rounding, the product of a single probability may come out a hair below it.
    upper = max(lower, 1 - float(np.prod(1 - np.asarray(probabilities))))
    severe = lower >= threshold
    return Judgement(lower, upper, probabilities.index(lower), severe, not severe and upper >= threshold)


def answer_accident(
    model: ServedModel, user: str, matrix: FeatureMatrix, log_answers: LogAnswers
) -> AccidentPrediction:
    """Answer a question about an accident. A hundred users take milliseconds, so call it in a thread.

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
