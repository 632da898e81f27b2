"""Estimates: for one user of an accident, for all of its users, and for a file of users."""

from copy import copy
from functools import partial
from typing import Annotated, Any, Final

import anyio
from anyio import to_thread
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from litestar.openapi import ResponseSpec
from litestar.params import Parameter
from litestar.response import Stream

from road_api.auth import User
from road_api.openapi import (
    CSV_FIELD,
    TAG_ESTIMATES,
    AccidentOperation,
    CsvOperation,
    SceneOperation,
    describe_problem,
)
from road_api.request_bodies import read_body, read_file_field
from road_api.schemas.responses import AccidentPrediction, CsvPrediction, Prediction
from road_api.services.accident import answer_accident
from road_api.services.csv_answers import ANSWER_COLUMNS, AnswerFormat, answer_csv, read_pieces
from road_api.services.estimate import answer_question
from road_api.services.explanation import add_explanation
from road_api.services.model_store import ModelStore, ServedModel
from road_api.services.prediction_log import PredictionLog
from road_api.services.prediction_rows import ALONE, LogAnswers
from road_api.services.scene import read_accident, read_scene

UserRequest = Request[User, dict[str, Any], Any]

ERRORS = {
    400: describe_problem("The body cannot be read"),
    401: describe_problem("No token, or not a valid one"),
    413: describe_problem("The body is too large"),
    503: describe_problem("No model is loaded yet"),
}

Explain = Annotated[bool, Parameter(query="explain", description="Also say what each field adds to the answer.")]

ANSWER_FORMATS: Final[dict[str, AnswerFormat]] = {"application/json": "json", "text/csv": "csv"}
"""Formats of the answer to a file by media type; the first one if ``Accept`` names none of them."""

WRONG_FIELDS = {422: describe_problem("Fields are missing, unknown or not among the codes, or beyond the range")}


class PredictController(Controller):
    """Estimates for one user of an accident."""

    tags = (TAG_ESTIMATES,)

    @post(
        "/predict",
        status_code=200,
        operation_id="predict",
        operation_class=SceneOperation,
        summary="Estimate for one user of an accident",
        description=(
            "The 13 features are needed; null or -1 says that one is unknown. The optional fields may be left out; the "
            "more are known, the better the estimate. With `?explain=true` the answer says what each field adds to it; "
            "a model that cannot say so answers all the same, with `explanation_problem`."
        ),
        responses={**ERRORS, **WRONG_FIELDS},
    )
    async def predict(
        self,
        request: UserRequest,
        store: NamedDependency[ModelStore],
        prediction_log: NamedDependency[PredictionLog],
        explanation_limiter: NamedDependency[anyio.CapacityLimiter],
        *,
        explain: Explain = False,
    ) -> Prediction:
        """Estimate whether one user is severely hurt."""
        row = read_scene(await read_body(request))
        model = _current_model(store)
        # Not in a thread: one row takes 0.03 ms, less than the switch to a thread.
        answer = answer_question(model, request.user.username, row)
        _answer_logger(prediction_log, request, model)(row, (answer.probability,), (ALONE,))
        return await add_explanation(answer, model, row, explanation_limiter) if explain else answer


class PredictAccidentController(Controller):
    """Estimates for all users of an accident."""

    tags = (TAG_ESTIMATES,)

    @post(
        "/predict_accident",
        status_code=200,
        operation_id="predictAccident",
        operation_class=AccidentOperation,
        summary="Estimate for an accident, from all of its users",
        description=(
            "Each user is estimated as by `/protected/predict`. How likely at least one of them is severely hurt also "
            "depends on how their injuries go together, which the model does not know: it is at least "
            "`probability_lower`, the highest of theirs, and `probability_upper`, 1 - Π(1 - p), if injuries do not "
            "depend on each other; users of one accident share speed and impact, so it tends to lie between. The "
            "accident is severe if one of its users is; `deciding_user` is the one with the highest probability. "
            "`undecided` says that no user reaches the threshold, but the upper bound does. With "
            "`?explain=true` the deciding user's probability is explained; `/protected/explain/{request_id}?line=1` "
            "explains that of the first one."
        ),
        responses={**ERRORS, **WRONG_FIELDS},
    )
    async def predict_accident(  # noqa: PLR0913 - most are given by the application
        self,
        request: UserRequest,
        store: NamedDependency[ModelStore],
        accident_max_users: NamedDependency[int],
        prediction_log: NamedDependency[PredictionLog],
        explanation_limiter: NamedDependency[anyio.CapacityLimiter],
        *,
        explain: Explain = False,
    ) -> AccidentPrediction:
        """Estimate whether any user of an accident is severely hurt."""
        matrix = read_accident(await read_body(request), accident_max_users)
        model = _current_model(store)
        log_answers = _answer_logger(prediction_log, request, model)
        answer = await to_thread.run_sync(answer_accident, model, request.user.username, matrix, log_answers)
        if not explain:
            return answer
        decider = matrix[answer.deciding_user : answer.deciding_user + 1]
        return await add_explanation(answer, model, decider, explanation_limiter)


class PredictCsvController(Controller):
    """Estimates for a file of users."""

    tags = (TAG_ESTIMATES,)

    @post(
        "/predict_csv",
        status_code=200,
        operation_id="predictCsv",
        operation_class=CsvOperation,
        summary="Estimates for a file, a row per row",
        description=(
            "A line that is wrong is answered with its error, the others with their estimates. Answers JSON, or with "
            "`Accept: text/csv` the file sent, its separator and encoding kept, with the further columns "
            f"{', '.join(f'`{name}`' for name in ANSWER_COLUMNS)}; cells that a spreadsheet would take for a formula "
            "then begin with an apostrophe."
        ),
        responses={
            200: ResponseSpec(CsvPrediction, generate_examples=False, description="An answer for each line, in order"),
            **ERRORS,
        },
    )
    async def predict_csv(
        self,
        request: UserRequest,
        store: NamedDependency[ModelStore],
        csv_max_rows: NamedDependency[int],
        file_limiter: NamedDependency[anyio.CapacityLimiter],
        prediction_log: NamedDependency[PredictionLog],
    ) -> Stream:
        """Estimate for each line of a file."""
        answer_format = ANSWER_FORMATS[request.accept.best_match(list(ANSWER_FORMATS), "application/json")]
        file = await read_file_field(request, CSV_FIELD)
        try:
            model = _current_model(store)
            request_id = request.scope["state"]["request_id"]
            log_answers = prediction_log.for_file(request_id, request.user.username, model.ref.version)
            work = partial(
                answer_csv,
                model,
                request.user.username,
                file.file,
                log_answers,
                max_rows=csv_max_rows,
                answer_format=answer_format,
            )
            answer = await to_thread.run_sync(work, limiter=file_limiter)
        finally:
            await file.close()
        headers = {"Content-Length": str(answer.size), "Vary": "Accept"}
        return Stream(read_pieces(answer), media_type=answer.media_type, headers=headers)


def make_accident_controller(max_users: int) -> type[PredictAccidentController]:
    """Make the controller for accidents, whose OpenAPI operation names the largest number of users.

    Args:
        max_users: largest number of users of one accident.
    """
    handler = copy(PredictAccidentController.predict_accident)
    handler.operation_class = type(AccidentOperation.__name__, (AccidentOperation,), {"max_users": max_users})
    name, members = PredictAccidentController.__name__, {"predict_accident": handler}
    return type(name, (PredictAccidentController,), members)


def _answer_logger(log: PredictionLog, request: UserRequest, model: ServedModel) -> LogAnswers:
    return log.for_request(request.scope["state"]["request_id"], request.user.username, model.ref.version)


def _current_model(store: ModelStore) -> ServedModel:
    if store.current is None:
        raise ServiceUnavailableException(
            "no model is loaded yet; GET /health/ready says why", headers={"Retry-After": "5"}
        )
    return store.current
