"""``python -m road_api``: read the settings, then serve until told to stop."""

import os
import sys
import tempfile
from typing import Any, Final

import uvicorn

from road_api.app import create_app
from road_api.logs import configure_logging
from road_api.server import server_options
from road_api.settings import METRICS_DIR_VARIABLE, SECRET_VARIABLE, Settings, SettingsError, load_settings

EXIT_BAD_SETTINGS: Final = 2


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
    options = {"host": settings.host, "port": settings.port, **server_options(settings)}
    if settings.workers == 1:
        uvicorn.run(create_app(settings), **options)
    else:
        _serve_with_workers(settings, options)
    return 0


def _serve_with_workers(settings: Settings, options: dict[str, Any]) -> None:
    """Let uvicorn start workers, and replace those that die. Each worker reads the settings from the environment."""
    if settings.jwt_keys is None and settings.jwt_secret is None:
        os.environ[SECRET_VARIABLE] = settings.signing_key()  # made up for a demonstration, the same in all workers
    with tempfile.TemporaryDirectory(prefix="road-api-metrics-") as folder:
        os.environ[METRICS_DIR_VARIABLE] = folder
        uvicorn.run("road_api.app:create_worker", factory=True, workers=settings.workers, **options)


if __name__ == "__main__":
    sys.exit(main())
