"""Around every request, unrouted ones too: its id, its line in the log, its place in the metrics, careful headers.

Logged are method, path and status. Headers, queries and bodies hold passwords, tokens and personal data, and are not.
"""

import re
import time
import uuid

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from road_api.metrics import Metrics
from road_api.safe_headers import with_safe_headers

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_ANSWER = 499
"""Shown in log and metrics where the caller went away before an answer began, as nginx does."""

logger = structlog.get_logger()


class Observer:
    """ASGI application around another one.

    Litestar runs its middleware only where a route was found, so this wraps the whole application instead.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Observe an application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == ScopeType.HTTP:
            await self._observe(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _observe(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        scope["state"]["request_id"] = request_id
        started, status = time.perf_counter(), _NO_ANSWER

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *with_safe_headers(message["headers"], scope["path"]),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - started
                self._metrics.count_request(scope["method"], scope.get("path_template"), status, seconds)
                logger.info(
                    "request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 2)
                )


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
