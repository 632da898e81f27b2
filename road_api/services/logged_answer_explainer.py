"""Explaining an answer from the prediction log, by the very model version that gave it."""

from typing import Final

import anyio
from anyio import to_thread

from road_api.schemas.explanations import ExplainedAnswer, Explanation
from road_api.services.estimate import decide
from road_api.services.explanation import explain
from road_api.services.former_models import FormerModels
from road_api.services.logged_answers import LoggedAnswer, LoggedAnswers
from road_api.services.model_store import ServedModel
from road_assets.core.bundle import ANSWER_TOLERANCE, NotExplainedError

LOGGED_TOLERANCE: Final = 2 * ANSWER_TOLERANCE
"""The log stores probabilities in single precision, which rounds by up to 3e-8."""


class LoggedAnswerExplainer:
    """Finds an answer in the log, opens the model that gave it, and explains it."""

    def __init__(self, answers: LoggedAnswers, models: FormerModels, limiter: anyio.CapacityLimiter) -> None:
        """Prepare.

        Args:
            answers: the log of predictions.
            models: finds the models that gave them.
            limiter: of the explanations computed at once.
        """
        self._answers = answers
        self._models = models
        self._limiter = limiter

    async def explain(self, request_id: str, line: int | None, username: str | None) -> ExplainedAnswer:
        """Explain the answer that ``LoggedAnswers.find`` finds for the same arguments.

        Raises:
            NoSuchAnswerError: there is none.
            SeveralAnswersError: there are several, and no line was given.
            DatabaseError: Postgres is needed to find it, and away.
            NotExplainedError: the model that answered no longer exists, or its bundle cannot explain.
            RegistryError: the model may be in the registry, which does not answer.
        """
        answer = await self._answers.find(request_id, line, username)
        others = False
        async for model in self._models.find(answer.model_version):
            explanation = await to_thread.run_sync(_explain_same, model, answer, limiter=self._limiter)
            if explanation is not None:
                return _tell(answer, model, explanation)
            others = True
        version = f"version {answer.model_version}"
        if others:
            raise NotExplainedError(
                f"{version} that is there now answers otherwise than the one that was asked: the registry was made "
                "anew since, and the former model is gone"
            )
        raise NotExplainedError(f"{version} answered, and is neither kept here nor in the registry any more")


def _explain_same(model: ServedModel, answer: LoggedAnswer) -> Explanation | None:
    """Explain by a model if it gives the logged probability; if not, it is another model with the same version number.

    A registry that was made anew counts its versions from 1 again.
    """
    if abs(model.bundle.predict(answer.row).item() - answer.probability) > LOGGED_TOLERANCE:
        return None
    return explain(model, answer.row)


def _tell(answer: LoggedAnswer, model: ServedModel, explanation: Explanation) -> ExplainedAnswer:
    decision = decide(explanation.probability, model.bundle.manifest.threshold)
    return ExplainedAnswer(
        request_id=answer.request_id,
        line=answer.line,
        user=answer.username,
        answered_at=answer.answered_at.isoformat(),
        model_version=answer.model_version,
        data=model.bundle.manifest.data,
        prediction=decision.outcome.value,
        probability=explanation.probability,
        label=decision.outcome.en,
        label_fr=decision.outcome.fr,
        explanation=explanation,
    )
