"""Errors as people get them: RFC 9457 problem details with the request's id, and never a stack trace."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from road_api.schemas import Problem
from road_api.services.csv_text import CsvError, TooManyRowsError
from road_api.services.scene import NotJsonError, SceneError, TooManyUsersError
from road_api.services.tables import TablesError

MEDIA_TYPE: Final = "application/problem+json"

logger = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer what the framework or a handler raised."""
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected_error(request, error)
    response = _answer(request, error.status_code, error.detail, error.extra if isinstance(error.extra, dict) else {})
    response.headers.update(error.headers or {})
    return response


def on_large_body(request: AnyRequest, _: HTTPException) -> Response[bytes]:
    """Answer a body above the route's limit."""
    limit = request.route_handler.resolve_request_max_body_size()
    return _answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than the {limit} bytes taken here")


def on_scene_error(request: AnyRequest, error: SceneError) -> Response[bytes]:
    """Answer a question with wrong fields."""
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error), {"errors": error.errors})


def on_unreadable_body(request: AnyRequest, error: NotJsonError | CsvError) -> Response[bytes]:
    """Answer a body that cannot be read as a whole."""
    return _answer(request, HTTPStatus.BAD_REQUEST, str(error))


def on_too_much(request: AnyRequest, error: TooManyUsersError | TooManyRowsError) -> Response[bytes]:
    """Answer a body that holds more than is taken at once."""
    return _answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))


def on_tables_error(request: AnyRequest, error: TablesError) -> Response[bytes]:
    """Answer that the tables are away."""
    logger.warning("tables cannot be used", reason=str(error))
    response = _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    response.headers["Retry-After"] = "5"
    return response


def on_unexpected_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a mistake of ours: the log has the trace, the caller the id to find it by."""
    logger.error("unexpected error", exc_info=error)
    detail = "the service made a mistake; its log has the details under this request id"
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


HANDLERS: Final[dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: on_large_body,
    HTTPException: on_http_error,
    SceneError: on_scene_error,
    NotJsonError: on_unreadable_body,
    TooManyUsersError: on_too_much,
    TooManyRowsError: on_too_much,
    CsvError: on_unreadable_body,
    TablesError: on_tables_error,
    Exception: on_unexpected_error,
}


def _answer(request: AnyRequest, status: int, detail: str, extra: dict[str, Any] | None = None) -> Response[bytes]:
    problem = Problem(HTTPStatus(status).phrase, int(status), detail, request.scope["state"]["request_id"])
    content = {"type": problem.type, **msgspec.to_builtins(problem), **(extra or {})}
    return Response(msgspec.json.encode(content), status_code=int(status), media_type=MEDIA_TYPE)
