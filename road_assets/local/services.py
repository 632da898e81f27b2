"""The platform's services: command, environment and readiness probe of each. Nothing is started here."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import httpx

from road_assets.local.dagster_client import DagsterClient, DagsterError
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.secrets import secret
from road_assets.local.spawn import spawn
from road_assets.local.supervisor import Service
from road_assets.settings import PlatformSettings, PortSettings

PROJECT: Final = Path(__file__).parents[2]
"""Directory of ``workspace.yaml`` and ``dagster.yaml``; children work in it."""

LOCATION: Final = "road_assets"
CODE: Final = "code"
"""Name of the code server, whose children are the runs."""

DEFINITIONS: Final = "road_assets.definitions"
CODE_HOST: Final = "127.0.0.1"
SERVICE_PREFIX: Final = "ROAD_API_"
JWT_SECRET: Final = "api_jwt_secret"  # noqa: S105 - the name of the file, not the secret
ALERT_TOKEN: Final = "api_alert_token"  # noqa: S105 - the name of the file, which Alertmanager may be pointed at
PROBE_SECONDS: Final = 2.0
EVENT_BATCH_SIZE: Final = "500"
"""How many events Dagster writes to Postgres at once; for a year of partitions that takes half the time."""


@dataclass(frozen=True, slots=True)
class Site:
    """One platform on this machine: its home, its ports, its database server.

    Attributes:
        settings: its home and data.
        ports: its addresses.
        postgres: its database server.
        definitions: module of the code location.
        service: module of the service.
    """

    settings: PlatformSettings
    ports: PortSettings
    postgres: EmbeddedPostgres
    definitions: str = DEFINITIONS
    service: str = "road_api"

    @property
    def home(self) -> Path:
        """``ROAD_HOME``."""
        return self.settings.home

    @property
    def addresses(self) -> dict[str, str]:
        """What people open in a browser."""
        ports = self.ports
        return {
            "api": ports.address(ports.api_port),
            "dagster": ports.address(ports.dagster_port),
            "mlflow": ports.address(ports.mlflow_port),
        }

    def log(self, name: str) -> Path:
        """Log file of a service."""
        return self.home / "logs" / f"{name}.log"


def base_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment that every child gets.

    The user's ``PG*`` variables are left out, which would affect our connections, and so are the settings and secrets
    of the service, which are for the service alone. Connections to this machine must not go through a proxy.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(("PG", SERVICE_PREFIX)) and name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    no_proxy = ",".join(
        filter(None, [inherited.get("NO_PROXY") or inherited.get("no_proxy"), "127.0.0.1,localhost,::1"])
    )
    return {
        **kept,
        # The tools of this environment first: some services start others by name.
        "PATH": os.pathsep.join(filter(None, [str(Path(sys.executable).parent), inherited.get("PATH")])),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PYTHONUNBUFFERED": "1",
        "GIT_PYTHON_REFRESH": "quiet",  # MLflow warns at length where git is not installed
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "ORT_DISABLE_TELEMETRY": "1",  # else ONNX Runtime tells Microsoft of each session
        "DO_NOT_TRACK": "1",
    }


def platform_environment(site: Site) -> dict[str, str]:
    """Environment of the code location and of all that works with it."""
    settings = site.settings
    environment = {
        **base_environment(os.environ),
        "ROAD_HOME": str(site.home),
        "ROAD_DEMO": str(settings.demo).lower(),
        "ROAD_FIRST_DAY": settings.first_day.isoformat(),
        "ROAD_DATABASE_URL": site.postgres.url("road"),
        "MLFLOW_TRACKING_URI": site.addresses["mlflow"],
        "DAGSTER_HOME": str(site.home / "dagster"),
        "DAGSTER_POSTGRES_URL": site.postgres.url("dagster"),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "ROAD_DAGSTER_STORAGE": str(site.home / "storage"),
        "ROAD_CODE_HOST": CODE_HOST,
        "ROAD_CODE_PORT": str(site.ports.code_port),
    }
    if settings.storage_url is not None:
        environment["ROAD_STORAGE_URL"] = settings.storage_url
    if settings.releases_dir is not None:
        environment["ROAD_RELEASES_DIR"] = str(settings.releases_dir)
    return environment


def mlflow_environment(site: Site) -> dict[str, str]:
    """Environment of MLflow's server; the database's address is here because every user can read arguments."""
    return {
        **base_environment(os.environ),
        "MLFLOW_BACKEND_STORE_URI": site.postgres.url("mlflow").replace("postgresql://", "postgresql+psycopg2://", 1),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else seven more processes of 210 MB
    }


def postgres_service(site: Site) -> Service:
    """The database server: tables, Dagster's storage, MLflow's store."""
    server = site.postgres
    return Service("postgres", server.launch, server.is_ready, server.log, stop_signal=server.stop_signal)


def mlflow_service(site: Site) -> Service:
    """The model registry, which also keeps the artifacts."""
    port = str(site.ports.mlflow_port)
    host = site.ports.bind_host
    hosts = os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS") or f"127.0.0.1:{port},localhost:{port},{host}:{port}"
    command = ["mlflow", "server", "--host", host, "--port", port, "--workers", "1", "--allowed-hosts", hosts]
    command += ["--artifacts-destination", f"{site.settings.storage}/mlflow"]
    return _python_service(site, "mlflow", command, mlflow_environment(site), f"{site.addresses['mlflow']}/health")


def code_service(site: Site) -> Service:
    """The code server: loads the definitions once, for the web server and the daemon, and starts the runs."""
    command = ["road_assets.dagster_instance.code_server", "--host", CODE_HOST, "--port", str(site.ports.code_port)]
    command += ["--module-name", site.definitions, "--location-name", LOCATION]
    launch = partial(_spawn_python, site, CODE, command, platform_environment(site))
    return Service(CODE, launch, partial(_accepts, CODE_HOST, site.ports.code_port), site.log(CODE))


def dagster_service(site: Site) -> Service:
    """Dagster's web server."""
    ports = site.ports
    command = ["dagster_webserver", "--host", ports.bind_host, "--port", str(ports.dagster_port)]
    command += ["--workspace", str(PROJECT / "workspace.yaml")]
    probe = f"{site.addresses['dagster']}/server_info"
    return _python_service(site, "dagster", command, platform_environment(site), probe)


def daemon_service(site: Site) -> Service:
    """Dagster's daemon: the queue of runs, schedules, sensors. It is ready after a heartbeat since its last launch."""
    launched = time.time()
    command = ["dagster._daemon", "run", "--workspace", str(PROJECT / "workspace.yaml")]

    def launch() -> subprocess.Popen[bytes]:
        nonlocal launched
        launched = time.time()
        return _spawn_python(site, "daemon", command, platform_environment(site))

    return Service("daemon", launch, lambda: _daemons_alive(site.addresses["dagster"], launched), site.log("daemon"))


def api_service(site: Site) -> Service:
    """The service that answers with estimates. In a demonstration its secrets are generated."""
    given = {name: value for name, value in os.environ.items() if name.startswith(SERVICE_PREFIX)}
    if site.settings.demo:
        given.setdefault("ROAD_API_JWT_SECRET", secret(site.home, JWT_SECRET))
        given.setdefault("ROAD_API_ALERT_TOKEN", secret(site.home, ALERT_TOKEN))
    given.setdefault("ROAD_API_DAGSTER_URL", site.addresses["dagster"])
    environment = {
        **platform_environment(site),
        **given,
        "ROAD_API_HOST": site.ports.bind_host,
        "ROAD_API_PORT": str(site.ports.api_port),
    }
    return _python_service(site, "api", [site.service], environment, f"{site.addresses['api']}/health/live")


def is_answering(url: str) -> bool:
    """Whether a GET is answered with a success."""
    try:
        return _prober().get(url).is_success
    except httpx.TransportError:
        return False


@cache
def _prober() -> httpx.Client:
    """One client for all probes: making one reads all certificates, which takes longer than a probe."""
    return httpx.Client(timeout=PROBE_SECONDS, trust_env=False)


def _python_service(site: Site, name: str, command: list[str], environment: dict[str, str], probe: str) -> Service:
    launch = partial(_spawn_python, site, name, command, environment)
    return Service(name, launch, partial(is_answering, probe), site.log(name))


def _spawn_python(site: Site, name: str, module: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return spawn([sys.executable, "-m", *module], log=site.log(name), env=environment, cwd=PROJECT)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _give_up(_: float) -> None:
    """Instead of a pause between retries: a probe must answer at once, and is repeated by the supervisor."""
    raise DagsterError("no answer at the first try")


def _daemons_alive(dagster: str, moment: float) -> bool:
    if not is_answering(f"{dagster}/server_info"):
        return False
    client = DagsterClient(dagster, LOCATION, _give_up, request_seconds=PROBE_SECONDS)
    try:
        return client.daemon_alive_since(moment)
    except DagsterError:
        return False  # the web server went away in between
    finally:
        client.close()
