"""Whether what runs in this container does its work: ``healthcheck.py WHAT``, exit code 0 for yes.

WHAT is an address (``http://...``, a GET must succeed), ``grpc://host:port`` (Dagster's code server must serve) or
``daemon`` (Dagster's daemon must have signed its heartbeat lately). Dagster's own commands for the last two take
seconds of processor time at each look, since they import all of Dagster.
"""

import os
import sys
import urllib.request
from typing import Final

TIMEOUT_SECONDS: Final = 4.0
HEARTBEAT_SECONDS: Final = 120.0
"""The daemon signs every 30 s."""

_AGE: Final = "SELECT extract(epoch FROM (now() AT TIME ZONE 'UTC') - max(timestamp)) FROM daemon_heartbeats"


def main(what: str) -> int:
    """Look once; the exit code."""
    if what == "daemon":
        return _daemon()
    if what.startswith("grpc://"):
        return _code_server(what.removeprefix("grpc://"))
    with urllib.request.urlopen(what, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the address stands in compose.yaml
        return int(answer.status != 200)  # noqa: PLR2004 - HTTP's word for good


def _code_server(address: str) -> int:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT_SECONDS)
        return int(answer.status != health_pb2.HealthCheckResponse.SERVING)


def _daemon() -> int:
    import psycopg

    with psycopg.connect(os.environ["DAGSTER_POSTGRES_URL"], connect_timeout=int(TIMEOUT_SECONDS)) as connection:
        row = connection.execute(_AGE).fetchone()
    return int(row is None or row[0] is None or row[0] > HEARTBEAT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
