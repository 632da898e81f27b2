"""ASGI middleware around every request, unrouted ones included: request id, log line, metrics, security headers.

Method, path and status are logged. Headers, query strings and bodies are not: they hold passwords, tokens and personal
data.
"""

import re
import time
from random import Random
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage, WebSocketReceiveMessage

from road_api.logs import log_request
from road_api.metrics import Metrics
from road_api.security_headers import with_security_headers

REQUEST_ID: Final = b"x-request-id"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_VERSION_BITS = 0x4000_8000_0000_0000_0000
_RANDOM_BITS = (1 << 128) - 1 ^ 0xF000_C000_0000_0000_0000
"""All bits of a UUID but those of version (4) and variant, which RFC 9562 fixes."""

_ids = Random()  # noqa: S311 - an id is no secret; the system's randomness is used once, for the seed
_NO_ANSWER = 499
"""Status in log and metrics if the caller disconnected before the answer began; nginx uses the same number."""


class Instrumentation:
    """ASGI middleware.

    Litestar runs its own middleware only if a route matches, so this wraps the whole application instead.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == ScopeType.HTTP:
            await self._instrument(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _instrument(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        request_id, _ = begin_request(scope)
        status, received, sent = _NO_ANSWER, 0, 0

        async def receive_counted() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            elif message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *with_security_headers(message["headers"], scope["path"]),
                    (REQUEST_ID, request_id.encode()),
                ]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive_counted, send_with_id)
        finally:
            self.record(scope, status, received, sent)
            structlog.contextvars.reset_contextvars(**bound)

    def record(self, scope: HTTPScope, status: int, received: int, sent: int) -> None:
        """Count and log an answered request.

        Args:
            scope: of the request.
            status: of the answer.
            received: bytes of the request's body.
            sent: bytes of the answer's body.
        """
        request_id, started = begin_request(scope)
        seconds = time.perf_counter() - started
        self._metrics.count_request(scope["method"], scope.get("path_template"), status, seconds, received, sent)
        log_request(
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 2),
            request_id=request_id,
        )


def begin_request(scope: HTTPScope) -> tuple[str, float]:
    """Give a request its id and its start time, unless it has them already.

    Returns:
        The id, also kept in the request's state as ``request_id``, and the start in seconds of ``time.perf_counter``.
    """
    state = scope["state"]
    if "started" not in state:
        state["request_id"], state["started"] = _request_id(scope), time.perf_counter()
    return state["request_id"], state["started"]


def is_request_id(text: str) -> bool:
    """Whether a text is accepted as the id of a request."""
    return _ACCEPTABLE_ID.fullmatch(text.encode()) is not None


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID:
            return value.decode() if _ACCEPTABLE_ID.fullmatch(value) else _new_id()
    return _new_id()


def _new_id() -> str:
    """A random UUID of version 4 in hexadecimal; ``uuid.uuid4`` takes several times as long."""
    return f"{_ids.getrandbits(128) & _RANDOM_BITS | _VERSION_BITS:032x}"
