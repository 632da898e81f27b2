"""Exception handlers: every error is answered as RFC 9457 problem details with the request id, never a stack trace."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from road_api.schemas.responses import Problem
from road_api.services.csv_text import CsvError, TooManyRowsError
from road_api.services.database import DatabaseError
from road_api.services.logged_answers import NoSuchAnswerError, SeveralAnswersError
from road_api.services.model_registry import RegistryError
from road_api.services.scene import NotJsonError, SceneError, TooManyUsersError
from road_assets.core.bundle import NotExplainedError

MEDIA_TYPE: Final = "application/problem+json"

FRAMEWORK_DETAILS: Final = {
    "Not Found": "there is nothing at this address; /docs shows what there is",
    "Method Not Allowed": "this address accepts other methods; /docs shows which",
}

logger = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer an HTTP exception of the framework or a handler."""
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected_error(request, error)
    detail = FRAMEWORK_DETAILS.get(error.detail, error.detail)  # the framework's own text if no route matches
    response = _answer(request, error.status_code, detail, error.extra if isinstance(error.extra, dict) else {})
    response.headers.update(error.headers or {})
    return response


def on_large_body(request: AnyRequest, _: HTTPException) -> Response[bytes]:
    """Answer a body that exceeds the route's limit."""
    limit = request.route_handler.resolve_request_max_body_size()
    return _answer(
        request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than the {limit} bytes accepted here"
    )


def on_scene_error(request: AnyRequest, error: SceneError) -> Response[bytes]:
    """Answer a question with wrong fields."""
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error), {"errors": error.errors})


def on_unreadable_body(request: AnyRequest, error: NotJsonError | CsvError) -> Response[bytes]:
    """Answer a body that cannot be read as a whole."""
    return _answer(request, HTTPStatus.BAD_REQUEST, str(error))


def on_too_much(request: AnyRequest, error: TooManyUsersError | TooManyRowsError) -> Response[bytes]:
    """Answer a body with more users or rows than are accepted."""
    return _answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))


def on_no_such_answer(request: AnyRequest, error: NoSuchAnswerError) -> Response[bytes]:
    """Answer that no such answer is in the log."""
    return _answer(request, HTTPStatus.NOT_FOUND, str(error))


def on_several_answers(request: AnyRequest, error: SeveralAnswersError) -> Response[bytes]:
    """Answer that the request asks for one of several answers without choosing it."""
    return _answer(request, HTTPStatus.BAD_REQUEST, str(error))


def on_not_explained(request: AnyRequest, error: NotExplainedError) -> Response[bytes]:
    """Answer that the model that gave an answer cannot explain it."""
    return _answer(request, HTTPStatus.CONFLICT, str(error))


def on_unavailable(request: AnyRequest, error: DatabaseError | RegistryError) -> Response[bytes]:
    """Answer that the database or the registry is unavailable."""
    logger.warning("database or registry unavailable", reason=str(error))
    response = _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    response.headers["Retry-After"] = "5"
    return response


def on_unexpected_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a fault of the service: the log has the stack trace, the caller the request id to find it by."""
    logger.error("unexpected error", exc_info=error)
    detail = "the service failed; its log has the details under this request id"
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


HANDLERS: Final[dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: on_large_body,
    HTTPException: on_http_error,
    SceneError: on_scene_error,
    NotJsonError: on_unreadable_body,
    TooManyUsersError: on_too_much,
    TooManyRowsError: on_too_much,
    CsvError: on_unreadable_body,
    DatabaseError: on_unavailable,
    RegistryError: on_unavailable,
    NoSuchAnswerError: on_no_such_answer,
    SeveralAnswersError: on_several_answers,
    NotExplainedError: on_not_explained,
    Exception: on_unexpected_error,
}


def write_problem(status: int, detail: str, request_id: str, extra: dict[str, Any] | None = None) -> bytes:
    """Write a problem as JSON.

    Args:
        status: HTTP status.
        detail: what happened and what to do.
        request_id: the same as in the log.
        extra: additional members.
    """
    problem = Problem(HTTPStatus(status).phrase, int(status), detail, request_id)
    return msgspec.json.encode({"type": problem.type, **msgspec.to_builtins(problem), **(extra or {})})


def _answer(request: AnyRequest, status: int, detail: str, extra: dict[str, Any] | None = None) -> Response[bytes]:
    content = write_problem(status, detail, request.scope["state"]["request_id"], extra)
    return Response(content, status_code=int(status), media_type=MEDIA_TYPE)
