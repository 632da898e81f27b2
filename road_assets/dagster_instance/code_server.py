"""Dagster's code server, ``dagster api grpc``, which keeps monitoring its runs after an outage of Postgres.

Run it with the arguments of ``dagster api grpc``::

    python -m road_assets.dagster_instance.code_server --port 4266 --module-name road_assets.definitions

Dagster's code server has a thread that marks a run as failed when the run's process has died. The thread queries
Postgres. In Dagster's own server the thread ends when that query fails, and a run whose process dies later stays
"started" as long as the server lives.
"""

import logging
import sys
from typing import Final

from dagster._cli import cli
from dagster._grpc import server
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError

_POSTGRES_ERRORS: Final = (DBAPIError, DagsterPostgresException)
_logger = logging.getLogger("dagster.code_server")


class WatchfulApiServer(server.DagsterApiServer):
    """Code server whose monitoring thread survives errors of Postgres: it tries again at its next interval."""

    def _check_for_orphaned_runs(self) -> None:
        try:
            super()._check_for_orphaned_runs()
        except _POSTGRES_ERRORS as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            _logger.warning("Postgres does not answer, so runs cannot be checked now; trying again: %s", reason)


def main() -> None:
    """Serve as ``dagster api grpc`` does, with its arguments."""
    server.DagsterApiServer = WatchfulApiServer  # type: ignore[misc]  # Dagster takes no server of ours
    sys.argv[1:1] = ["api", "grpc"]
    cli()


if __name__ == "__main__":
    main()
