"""What can be killed, and how one sees that it is back."""

import random
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import psutil
import psycopg

from road_assets.local.leftovers import session_members
from road_assets.local.services import is_answering
from road_assets_tests.faults.platforms import ObservedPlatform

RUN: Final = "run worker"
BACKEND: Final = "Postgres backend"
SERVICE: Final = "service"
_BEGUN_BEFORE: Final = """
    SELECT count(*) FROM runs
    WHERE status IN ('STARTING', 'STARTED', 'CANCELING') AND extract(epoch FROM update_timestamp) < %s
"""
_WORKER_MARK: Final = "multiprocessing.spawn"


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of victim.

    Attributes:
        name: in the table.
        service: the platform's name of it.
        weight: how often it is chosen, relative to the others.
        victims: its processes that may be killed now.
        is_back: whether it works, if killed at that moment (seconds since the epoch).
    """

    name: str
    service: str
    weight: float
    victims: Callable[[], Sequence[psutil.Process]]
    is_back: Callable[[float], bool]

    def kill(self, rng: random.Random) -> psutil.Process | None:
        """Kill one of its processes with -9; nothing if there is none now."""
        found = list(self.victims())
        if not found:
            return None
        victim = rng.choice(found)
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGKILL)
            return victim
        return None


def parts_of(platform: ObservedPlatform) -> list[Part]:
    """All that is killed in a platform."""
    addresses, ports = platform.site.addresses, platform.site.ports
    leader = partial(_leader, platform)
    return [
        Part("Postgres", "postgres", 1.0, partial(leader, "postgres"), lambda _: _connects(platform)),
        Part(BACKEND, "postgres", 0.6, partial(_backends, platform), lambda _: _connects(platform)),
        Part("code location", "code", 1.0, partial(leader, "code"), lambda _: _accepts(ports.code_port)),
        Part(RUN, "code", 1.2, partial(_workers, platform), partial(_is_noted, platform)),
        Part("daemon", "daemon", 1.0, partial(leader, "daemon"), partial(_has_heartbeat, platform)),
        Part(
            "MLflow", "mlflow", 1.0, partial(leader, "mlflow"), lambda _: is_answering(f"{addresses['mlflow']}/health")
        ),
        Part(
            "Dagster pages",
            "dagster",
            0.4,
            partial(leader, "dagster"),
            lambda _: is_answering(f"{addresses['dagster']}/server_info"),
        ),
        Part(SERVICE, "api", 1.2, partial(leader, "api"), lambda _: is_answering(f"{addresses['api']}/health/ready")),
    ]


def _leader(platform: ObservedPlatform, service: str) -> list[psutil.Process]:
    process = platform.part(service)
    if process is None or not process.alive():
        return []
    with suppress(psutil.NoSuchProcess):
        return [psutil.Process(process.pid)]
    return []


def _backends(platform: ObservedPlatform) -> list[psutil.Process]:
    """Processes of the server that work for somebody: their end makes it throw out everybody and recover.

    Each leads a session of its own, so they are found as children.
    """
    postmaster = platform.part("postgres")
    if postmaster is None or not postmaster.alive():
        return []
    try:
        children = psutil.Process(postmaster.pid).children()
    except psutil.NoSuchProcess:
        return []
    return [process for process in children if "road" in _command(process)]


def _workers(platform: ObservedPlatform) -> list[psutil.Process]:
    """Processes of runs, which the code server has started."""
    return [process for process in _children(platform, "code") if _WORKER_MARK in _command(process)]


def _children(platform: ObservedPlatform, service: str) -> list[psutil.Process]:
    process = platform.part(service)
    if process is None or not process.alive():
        return []
    return [member for member in session_members(process) if member.pid != process.pid]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _connects(platform: ObservedPlatform) -> bool:
    try:
        psycopg.connect(platform.site.postgres.url("road"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _is_noted(platform: ObservedPlatform, after: float) -> bool:
    """Whether Dagster knows that a run which went on then has ended; it is repeated by another one."""
    try:
        ((going_on,),) = platform.query(_BEGUN_BEFORE, (after,), database="dagster")
    except psycopg.OperationalError:
        return False
    return not going_on


def _has_heartbeat(platform: ObservedPlatform, after: float) -> bool:
    process = platform.part("daemon")
    if process is None or not process.alive():
        return False
    try:
        ((last,),) = platform.query(
            "SELECT extract(epoch FROM min(timestamp)) FROM daemon_heartbeats", database="dagster"
        )
    except psycopg.OperationalError:
        return False
    return last is not None and float(last) > after
