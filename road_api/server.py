"""Options with which uvicorn runs the service, the same in the program and in tests that need a real server."""

from functools import partial
from typing import Any, Final

from road_api.http_protocol import BoundedProtocol, ConnectionLimits
from road_api.settings import Settings

SHUTDOWN_SECONDS: Final = 10
"""Time for running requests to end after a stop was requested."""


def server_options(settings: Settings) -> dict[str, Any]:
    """All options for uvicorn except host and port."""
    limits = ConnectionLimits(settings.head_seconds, settings.body_seconds, settings.max_connections)
    return {
        "http": partial(BoundedProtocol, limits),
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # uvicorn would trust any program on this machine; ``client_address`` reads them
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
    }
