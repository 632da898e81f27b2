"""``python -m road_api``: read the settings, then serve until told to stop."""

import sys
from typing import Final

import uvicorn

from road_api.app import create_app
from road_api.logs import configure_logging
from road_api.settings import SettingsError, load_settings

EXIT_BAD_SETTINGS: Final = 2
SHUTDOWN_SECONDS: Final = 10
"""Time for requests under way to end after a stop was asked for."""


def main() -> int:
    """Serve.

    Returns:
        Exit code: 0 after a stop, 2 if the settings do not allow a start.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"The service does not start:\n{error}\n")
        return EXIT_BAD_SETTINGS
    configure_logging()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
