"""Logs: one JSON object per line on standard output, those of uvicorn included."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

logger = structlog.get_logger()

_LINES: structlog.BytesLogger | None = None
"""Where lines go, once that was said."""


def configure_logging() -> None:
    """Send every log of the process through structlog. Called once, by the program and not by the application."""
    global _LINES  # noqa: PLW0603 (as structlog's own configuration, it is the process's)
    lines = structlog.BytesLoggerFactory(sys.stdout.buffer)
    _LINES = lines()
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
    if _LINES is None:
        logger.info("request", **facts)
        return
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _LINES.msg(msgspec.json.encode({**facts, "event": "request", "level": "info", "timestamp": moment}))


def _encode(event: Any, default: Callable[[Any], Any]) -> bytes:
    """Python's own encoder takes ten times as long."""
    return msgspec.json.encode(event, enc_hook=default)
