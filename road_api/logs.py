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
"""Longest time that a request's line is buffered; lines in the buffer are lost if the process is killed."""

LINES_BYTES: Final = 4096
"""Writes up to this size are atomic on a pipe (PIPE_BUF on Linux), so that lines of several workers do not mix."""


class RequestLines:
    """Buffer for the log lines of requests: a write for each line would double what a line costs."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Buffer lines for a function that writes bytes and adds a line end."""
        self._write = write
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, line: bytes) -> None:
        """Buffer a line; call it in an event loop."""
        if self._bytes + len(line) >= LINES_BYTES:
            self.flush()
        self._waiting.append(line)
        self._bytes += len(line) + 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the buffer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            lines, self._waiting, self._bytes = b"\n".join(self._waiting), [], 0
            self._write(lines)


_lines: RequestLines | None = None
"""The buffer of this process; None until logging is configured."""


def configure_logging() -> None:
    """Send all logs of the process through structlog. The program calls it once; the application does not."""
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
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else it logs every poll of the registry


def log_request(**values: Any) -> None:
    """Log an answered request.

    Because there is one for every request, the line bypasses structlog's processors once ``configure_logging`` was
    called, and has the same format. Before, as in tests, it goes through structlog.

    Args:
        values: of the line, ``request_id`` among them.
    """
    if _lines is None:
        logger.info("request", **values)
        return
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _lines.add(msgspec.json.encode({**values, "event": "request", "level": "info", "timestamp": moment}))


@asynccontextmanager
async def flush_at_shutdown(_: Litestar) -> AsyncIterator[None]:
    """Flush the buffer at shutdown, after which a signal may end the process."""
    yield
    if _lines is not None:
        _lines.flush()


def _encode(event: Any, default: Callable[[Any], Any]) -> bytes:
    """Encode JSON with msgspec; ``json`` takes ten times as long."""
    return msgspec.json.encode(event, enc_hook=default)
