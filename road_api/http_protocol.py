"""uvicorn's HTTP protocol with limits against slow and oversized requests.

uvicorn limits neither the size of a request's head (request line and headers), nor the time in which head and body must
arrive, nor the time in which an answer must be read. Errors in the content of a request are the business of
``problems`` and ``request_bodies``.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from road_api.problems import MEDIA_TYPE, write_problem
from road_api.security_headers import SECURITY_HEADERS

HEAD_BYTES: Final = 64 * 1024
"""Largest head of a request that is still incomplete; a browser with a token sends about 2,000 bytes."""

MAX_HEADERS: Final = 100
BODY_BYTES_PER_SECOND: Final = 4096
"""A body that arrives at least at this rate may take longer than ``body_seconds``."""

CHECK_SECONDS: Final = 1.0

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one connection, and their number.

    Attributes:
        head_seconds: time for a request's head, from its first byte; for the first request from the connection's start.
        body_seconds: time for a body, in addition to its size / ``BODY_BYTES_PER_SECOND``; and longest time in which a
            client may read nothing of an answer.
        connections: most connections open at once, in each worker.
    """

    head_seconds: float
    body_seconds: float
    connections: int

    @property
    def check_seconds(self) -> float:
        """Seconds between two checks of a connection."""
        return min(CHECK_SECONDS, self.head_seconds / 4, self.body_seconds / 4)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its limits are checked once a second, which costs less than a timer for each request."""

    def __init__(self, limits: ConnectionLimits, *args: Any, **options: Any) -> None:
        """Set the limits; the other arguments are uvicorn's."""
        super().__init__(*args, **options)
        self._limits = limits
        self._in_head = True
        self._since: float | None = None  # when waiting for head or body began; None while none is due
        self._bytes = 0  # of that head or body
        self._unsent = 0
        self._unsent_since = 0.0
        self._refusal: tuple[HTTPStatus, str] | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Accept the connection, unless too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections are open; try again in a moment")
            return
        self._since = self.loop.time()
        self._check_timer = self.loop.call_later(self._limits.check_seconds, self._check_deadlines)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop checking, and tell the application."""
        if self._check_timer is not None:
            self._check_timer.cancel()
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, as long as the head is within its limits."""
        if self._in_head:
            if self._since is None:
                self._since = self.loop.time()
            self._bytes += len(data)
        super().data_received(data)
        if self._in_head and self._bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request's head has more than {HEAD_BYTES} bytes"
            )

    def on_headers_complete(self) -> None:
        """Hand the request to the application, and begin to wait for its body."""
        if len(self.headers) > MAX_HEADERS:
            self._refusal = (
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the request has {len(self.headers)} headers, more than the {MAX_HEADERS} accepted here",
            )
            raise ValueError("too many headers")  # ends in ``send_400_response``
        super().on_headers_complete()
        self._in_head, self._since, self._bytes = False, self.loop.time(), 0

    def on_body(self, body: bytes) -> None:
        """Receive a part of the body."""
        self._bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; nothing is due until the next one begins."""
        super().on_message_complete()
        self._in_head, self._since, self._bytes = True, None, 0

    def send_400_response(self, msg: str) -> None:
        """Answer data that is not HTTP, and heads that were refused."""
        status, detail = self._refusal or (HTTPStatus.BAD_REQUEST, f"this is not valid HTTP: {msg}")
        self._refuse(status, detail)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _disconnect(self) -> None:
        """Tell the application that the client is gone; uvicorn tells only the last request, which may be queued."""
        self.pipeline.clear()
        for cycle in (self._answered, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _check_deadlines(self) -> None:
        if self.transport.is_closing():
            return
        self._check_timer = self.loop.call_later(self._limits.check_seconds, self._check_deadlines)
        now = self.loop.time()
        if self.flow.write_paused and self._reads_nothing(now):
            logger.warning("client reads nothing", seconds=self._limits.body_seconds)
            self._disconnect()
            self.transport.abort()
        elif self._since is None:
            return
        elif self.flow.read_paused:  # the server itself has stopped reading
            self._since += self._limits.check_seconds
        elif now - self._since > self._allowed_seconds():
            part = "head" if self._in_head else "body"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request's {part} took too long")

    def _allowed_seconds(self) -> float:
        if self._in_head:
            return self._limits.head_seconds
        return self._limits.body_seconds + self._bytes / BODY_BYTES_PER_SECOND

    def _reads_nothing(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        return now - self._unsent_since > self._limits.body_seconds

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without the application, and close; what it still sends for this request is dropped."""
        request_id = uuid4().hex
        logger.warning("connection refused", status=int(status), reason=detail, request_id=request_id)
        begun = self._answered is not None and self._answered.response_started
        done = self._answered is None or self._answered.response_complete
        self._disconnect()
        if begun and not (done and self._in_head):
            # The request was answered already, or its answer has begun: there is no place for another one.
            self.transport.close() if done else self.transport.abort()
            return
        body = write_problem(status, detail, request_id)
        headers = (
            *SECURITY_HEADERS,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        )
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, status.phrase.encode(), head, body))
        self.transport.close()
