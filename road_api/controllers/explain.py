"""The endpoint that explains logged answers."""

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import Parameter

from road_api.auth import User
from road_api.instrumentation import is_request_id
from road_api.openapi import TAG_ESTIMATES, describe_problem
from road_api.schemas.explanations import ExplainedAnswer
from road_api.services.logged_answer_explainer import LoggedAnswerExplainer
from road_api.services.logged_answers import NoSuchAnswerError
from road_api.tokens import Role

_LARGEST_LINE = 2**31 - 1

_RequestId = Annotated[str, Parameter(description="The header `X-Request-ID` of the answer to be explained.")]
_Line = Annotated[
    int | None,
    Parameter(
        query="line",
        ge=0,
        le=_LARGEST_LINE,
        description=(
            "Which of several answers: the line of a file as in its answer (2 is the first below the header), or the "
            "number of an accident's user, from 1."
        ),
    ),
]


class ExplainController(Controller):
    """Explains logged answers."""

    tags = (TAG_ESTIMATES,)

    @get(
        "/explain/{request_id:str}",
        operation_id="explain",
        summary="Explain a logged answer",
        description=(
            "Explains a logged answer by the model that gave it, even if another one answers now. Users may ask about "
            "their own answers, admins about all. To try it, send any question with a request id of your own, "
            "`X-Request-ID: my-question-1`, then `GET /protected/explain/my-question-1`; or take the id from the "
            "header of the answer. If an id was used twice, the newest answer is explained. "
            "`POST /protected/predict?explain=true` explains at once."
        ),
        responses={
            400: describe_problem("The line is no number, or several answers have this id and none was chosen"),
            401: describe_problem("No token, or not a valid one"),
            404: describe_problem("No such answer of this user in the log, which is kept for some days"),
            409: describe_problem("The model that answered no longer exists, or cannot explain"),
            503: describe_problem("Postgres or the registry is needed for it and does not answer"),
        },
    )
    async def explain(
        self,
        request: Request[User, dict[str, Any], Any],
        request_id: _RequestId,
        explainer: NamedDependency[LoggedAnswerExplainer],
        line: _Line = None,
    ) -> ExplainedAnswer:
        """Find the answer in the log and explain it."""
        if not is_request_id(request_id):
            raise NoSuchAnswerError("no answer has such a request id: it has 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'")
        username = None if request.user.role is Role.ADMIN else request.user.username
        return await explainer.explain(request_id, line, username)
