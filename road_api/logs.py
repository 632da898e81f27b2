"""Logs: one JSON object per line on standard output, those of uvicorn included."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from litestar import Litestar

logger = structlog.get_logger()

FLUSH_SECONDS: Final = 0.1
"""Longest time that a request's line waits for others; a process that is killed takes those along that wait."""

LINES_BYTES: Final = 4096
"""A pipe takes so much in one piece, whoever else writes to it."""


class RequestLines:
    """Lines of answered requests, written some at a time: each write costs as much as the rest of the line."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Write with a function that ends what it is given with a line's end."""
        self._write = write
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, line: bytes) -> None:
        """Take a line; to be called in an event loop."""
        if self._bytes + len(line) >= LINES_BYTES:
            self.flush()
        self._waiting.append(line)
        self._bytes += len(line) + 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            lines, self._waiting, self._bytes = b"\n".join(self._waiting), [], 0
            self._write(lines)


_lines: RequestLines | None = None
"""Where lines of requests go, once that was said."""


def configure_logging() -> None:
    """Send every log of the process through structlog. Called once, by the program and not by the application."""
    global _lines  # noqa: PLW0603 (as structlog's own configuration, it is the process's)
    lines = structlog.BytesLoggerFactory(sys.stdout.buffer)
    _lines = RequestLines(lines().msg)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_encode)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each look at the registry otherwise


def log_request(**facts: Any) -> None:
    """Write the line of an answered request.

    There is one for each, so where ``configure_logging`` was called it goes straight to where its lines go, in the same
    form; elsewhere, as in tests, the way of all others.

    Args:
        facts: what to tell, the ``request_id`` among it.
    """
    if _lines is None:
        logger.info("request", **facts)
        return
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _lines.add(msgspec.json.encode({**facts, "event": "request", "level": "info", "timestamp": moment}))


@asynccontextmanager
async def all_lines_written(_: Litestar) -> AsyncIterator[None]:
    """Write the last requests' lines at shutdown; the process may end by a signal after it."""
    yield
    if _lines is not None:
        _lines.flush()


def _encode(event: Any, default: Callable[[Any], Any]) -> bytes:
    """Python's own encoder takes ten times as long."""
    return msgspec.json.encode(event, enc_hook=default)
