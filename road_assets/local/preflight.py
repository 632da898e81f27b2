"""Checks before anything is started or written. All problems are reported at once, each with a remedy."""

import shutil
import socket
import sys
from pathlib import Path
from typing import Final

import psutil

from road_assets.errors import UserFacingError
from road_assets.local.state import UNFINISHED_FILE
from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets

MIN_FREE_BYTES: Final = 3 * 10**9
"""A year of accidents, the registry and Dagster's storage take under 1 GB; the rest is room for the days to come."""

MIN_PYTHON: Final = (3, 11)
FIRST_UNTRIED_PYTHON: Final = (3, 14)


class PreflightError(UserFacingError):
    """The platform cannot be started here; the message has one line for each reason."""


def check(settings: PlatformSettings, ports: PortSettings, secrets: ServiceSecrets) -> None:
    """Check everything that would make a start fail.

    Raises:
        PreflightError: with all the problems found.
    """
    problems = [
        *python_problems(sys.version_info[:2]),
        *port_problems(ports),
        *disk_problems(settings.home),
        *restore_problems(settings.home),
        *storage_problems(settings),
        *input_problems(settings),
        *mode_problems(settings, ports, secrets),
    ]
    if problems:
        raise PreflightError("\n".join(["nothing was started, because", *(f"- {problem}" for problem in problems)]))


def python_problems(version: tuple[int, ...]) -> list[str]:
    """Problems with the version of Python: the lock is tested on some only."""
    if MIN_PYTHON <= version < FIRST_UNTRIED_PYTHON:
        return []
    found = ".".join(str(part) for part in version)
    return [
        f"Python {found} runs this, needed is 3.11, 3.12 or 3.13; `make distclean`, then `make up PYTHON=python3.12`"
    ]


def port_problems(ports: PortSettings) -> list[str]:
    """Problems with ports: somebody else listens there, or two services are given the same."""
    wanted = {
        "ROAD_API_PORT": ("the service", ports.bind_host, ports.api_port),
        "ROAD_DAGSTER_PORT": ("Dagster", ports.bind_host, ports.dagster_port),
        "ROAD_MLFLOW_PORT": ("MLflow", ports.bind_host, ports.mlflow_port),
        "ROAD_POSTGRES_PORT": ("Postgres", "127.0.0.1", ports.postgres_port),
        "ROAD_CODE_PORT": ("Dagster's code server", "127.0.0.1", ports.code_port),
    }
    problems = []
    first_wish: dict[int, str] = {}
    for variable, (service, host, port) in wanted.items():
        if port in first_wish:
            problems.append(
                f"port {port} is given to both {first_wish[port]} and {service}; set {variable} to another one"
            )
            continue
        first_wish[port] = service
        reason = _refusal(host, port)
        if reason:
            problems.append(
                f"port {port}, wanted by {service}, {reason}; end that process or set {variable} to a free port"
            )
    return problems


def disk_problems(home: Path) -> list[str]:
    """Problems with the disk: too little room for the state."""
    place = next(parent for parent in (home, *home.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free >= MIN_FREE_BYTES:
        return []
    need = f"{MIN_FREE_BYTES / 1e9:.0f} GB"
    return [
        f"{free / 1e9:.1f} GB are free below {place}, needed are {need}; make room, or set ROAD_HOME to another disk"
    ]


def restore_problems(home: Path) -> list[str]:
    """Problems with the state: a restore was cut off, so that it is a mixture."""
    note = home / UNFINISHED_FILE
    if not note.exists():
        return []
    source = note.read_text().strip()
    return [f"a restore of {source} into {home} was cut off; `road restore --replace {source}` completes it"]


def storage_problems(settings: PlatformSettings) -> list[str]:
    """Problems with the object storage, where there is one: address, credentials, bucket."""
    from road_assets.resources.files import require_bucket

    try:
        require_bucket(settings.storage)
    except FileNotFoundError:
        reason = "there is no such bucket, or these keys may not see it"
    except Exception as error:  # noqa: BLE001 - each provider's client has errors of its own, which say what is wrong
        reason = str(error)
    else:
        return []
    return [f"ROAD_STORAGE_URL={settings.storage} cannot be used: {reason}"]


def input_problems(settings: PlatformSettings) -> list[str]:
    """Problems with the directory of releases. What is in it is checked when it is read."""
    directory = settings.releases_dir
    if directory is None or directory.is_dir():
        return []
    kind = "is not a directory" if directory.exists() else "does not exist"
    remedy = "name a directory with the four files of a year, or unset it to have the newest year downloaded"
    return [f"ROAD_RELEASES_DIR={directory} {kind}; {remedy}"]


def mode_problems(settings: PlatformSettings, ports: PortSettings, secrets: ServiceSecrets) -> list[str]:
    """Problems with the mode: a demonstration, whose password is known, stays on loopback; else secrets are needed."""
    if settings.demo and not ports.is_loopback:
        remedy = "unset it, or run `road up` without --demo and with secrets of your own"
        return [f"a demonstration listens on loopback only, not on ROAD_BIND_HOST={ports.bind_host}; {remedy}"]
    if settings.demo:
        return []
    return [
        f"{name} is not set; outside a demonstration (`road up --demo`) nothing starts with a default"
        for name in secrets.missing()
    ]


def _refusal(host: str, port: int) -> str | None:
    """Why a port cannot be listened on; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that is just closing is no obstacle
        try:
            probe.bind((host, port))
        except PermissionError:
            return "needs root to be listened on"
        except OSError as error:
            holder = _holder(port)
            return f"is busy ({holder})" if holder else f"cannot be listened on at {host} ({error.strerror})"
    return None


def _holder(port: int) -> str | None:
    """Which process listens on a port, as far as the system shows it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "the system does not tell by which process"  # macOS shows other processes to root only
    users = [connection for connection in connections if connection.laddr and connection.laddr.port == port]
    listeners = [connection for connection in users if connection.status == psutil.CONN_LISTEN]
    if listeners:
        return _describe(listeners[0].pid)
    return f"{_describe(users[0].pid)}, by a connection of its own, which will end" if users else None


def _describe(pid: int | None) -> str:
    if pid is None:
        return "held by a process of another user"
    try:
        process = psutil.Process(pid)
        return f"held by process {pid}, {' '.join(process.cmdline())[:80] or process.name()}"
    except psutil.Error:
        return f"held by process {pid}"
