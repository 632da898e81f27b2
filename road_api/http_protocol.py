"""HTTP connections that cannot be held open for ever, nor fill the memory before the application sees a request.

uvicorn bounds neither the size of a request's head nor the time that head or body may take. Here: uvicorn's own
protocol with these bounds. Errors in the content of a request are the business of ``problems`` and ``request_bodies``.
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
"""Of request line and headers, for as long as they are incomplete; a browser with a token sends some 2,000."""

HEAD_FIELDS: Final = 100
BODY_BYTES_PER_SECOND: Final = 4096
"""A body that comes at least that fast may take longer than ``body_seconds``."""

LOOK_SECONDS: Final = 1.0

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one client may take.

    Attributes:
        head_seconds: for a request's head, from its first byte, or from the connection's start for the first one.
        body_seconds: for a body beyond the time at ``BODY_BYTES_PER_SECOND``; and for a client that reads nothing of
            an answer.
        connections: open at once, in each worker.
    """

    head_seconds: float
    body_seconds: float
    connections: int

    @property
    def look_seconds(self) -> float:
        """Pause between two looks at a connection."""
        return min(LOOK_SECONDS, self.head_seconds / 4, self.body_seconds / 4)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. It is looked at every second, which costs less than a timer for each request."""

    def __init__(self, limits: ConnectionLimits, *args: Any, **options: Any) -> None:
        """Bound a connection; the rest is uvicorn's."""
        super().__init__(*args, **options)
        self._limits = limits
        self._in_head = True
        self._since: float | None = None  # head or body is awaited; None while it need not come
        self._bytes = 0  # of that head or body
        self._unsent = 0
        self._unsent_since = 0.0
        self._refusal: tuple[HTTPStatus, str] | None = None
        self._look: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections are open; try again in a moment")
            return
        self._since = self.loop.time()
        self._look = self.loop.call_later(self._limits.look_seconds, self._look_at_time)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._look is not None:
            self._look.cancel()
        self._hang_up()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, as long as the head stays within its bounds."""
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
        """Hand the request to the application, and wait for its body."""
        if len(self.headers) > HEAD_FIELDS:
            self._refusal = (
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the request has {len(self.headers)} headers, more than the {HEAD_FIELDS} taken here",
            )
            raise ValueError("too many headers")  # ends in ``send_400_response``
        super().on_headers_complete()
        self._in_head, self._since, self._bytes = False, self.loop.time(), 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here; the next one need not come."""
        super().on_message_complete()
        self._in_head, self._since, self._bytes = True, None, 0

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and heads that were refused."""
        status, detail = self._refusal or (HTTPStatus.BAD_REQUEST, f"this is not HTTP as it should be: {msg}")
        self._refuse(status, detail)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _hang_up(self) -> None:
        """Tell the application that nobody listens. uvicorn tells the last request alone, which may wait in a queue."""
        self.pipeline.clear()
        for cycle in (self._answered, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _look_at_time(self) -> None:
        if self.transport.is_closing():
            return
        self._look = self.loop.call_later(self._limits.look_seconds, self._look_at_time)
        now = self.loop.time()
        if self.flow.write_paused and self._reads_nothing(now):
            logger.warning("client reads nothing", seconds=self._limits.body_seconds)
            self._hang_up()
            self.transport.abort()
        elif self._since is None:
            return
        elif self.flow.read_paused:  # it is we who do not read
            self._since += self._limits.look_seconds
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
        """Answer without the application, and close; what it may still say of this request goes nowhere."""
        request_id = uuid4().hex
        logger.warning("connection refused", status=int(status), reason=detail, request_id=request_id)
        begun = self._answered is not None and self._answered.response_started
        done = self._answered is None or self._answered.response_complete
        self._hang_up()
        if begun and not (done and self._in_head):
            self.transport.close() if done else self.transport.abort()  # the body's request was answered, or is now
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
