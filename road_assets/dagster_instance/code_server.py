"""Dagster's code server, ``dagster api grpc``, with a watch on runs that outlives an absence of Postgres.

Run: ``python -m road_assets.dagster_instance.code_server --host 127.0.0.1 --port 4266 --module-name road_assets.definitions``.

Dagster's own watch is a thread that notes a run as failed whose process died. It asks Postgres about that run, and
where Postgres is away at that moment, the thread ends, and the run stays "started" for as long as the server lives.
"""

import logging
import sys
from typing import Final

from dagster._cli import cli
from dagster._grpc import server
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError

_AWAY: Final = (DBAPIError, DagsterPostgresException)
_logger = logging.getLogger("dagster.code_server")


class WatchfulApiServer(server.DagsterApiServer):
    """Looks again later where a look failed."""

    def _check_for_orphaned_runs(self) -> None:
        try:
            super()._check_for_orphaned_runs()
        except _AWAY as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            _logger.warning("Runs cannot be looked after now, trying again: %s", reason)


def main() -> None:
    """Serve as ``dagster api grpc`` does, with its arguments."""
    server.DagsterApiServer = WatchfulApiServer  # type: ignore[misc]  # Dagster takes no server of ours
    sys.argv[1:1] = ["api", "grpc"]
    cli()


if __name__ == "__main__":
    main()
