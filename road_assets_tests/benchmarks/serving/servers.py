"""The servers that are compared: each runs in a process of its own, the service with a real Postgres."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx
import psutil
import psycopg
from argon2 import PasswordHasher
from prometheus_client.parser import text_string_to_metric_families

from road_api.settings import SECRET_VARIABLE
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database, migrate
from road_assets.resources.user_accounts import UserAccounts
from road_assets_tests.api.servers import free_port
from road_assets_tests.benchmarks.serving.inputs import Inputs

SECRET: Final = "a secret of the benchmark: 0123456789abcdefghijklmnopqrstuvwxyz"
USERNAME: Final = "benchmark"
DATABASE: Final = "road"
START_SECONDS: Final = 120.0
NO_REGISTRY: Final = "http://127.0.0.1:9"
"""Nothing listens there: the service has its bundle on disk."""
CLOCK_TICK_SECONDS: Final = 1 / os.sysconf("SC_CLK_TCK")
"""Resolution of CPU times: what takes less may be measured as 0."""

_PACKAGE: Final = "road_assets_tests.benchmarks.serving"


@dataclass
class Server:
    """A running server.

    Attributes:
        name: in the table.
        port: on loopback.
        process: its main process.
        ready_after: seconds from its start until it was ready.
    """

    name: str
    port: int
    process: psutil.Process
    ready_after: float = 0.0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def family(self) -> list[psutil.Process]:
        """It and its workers."""
        return [self.process, *self.process.children(recursive=True)]

    def processor_seconds(self) -> float:
        """CPU seconds of all its processes so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self.family())

    def processor_seconds_since(self, before: float) -> float:
        """CPU seconds since ``processor_seconds`` returned ``before``, at least one clock tick."""
        return max(self.processor_seconds() - before, CLOCK_TICK_SECONDS)

    def resident_bytes(self) -> int:
        """Memory of all of its processes."""
        return sum(one.memory_info().rss for one in self.family())

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples that have these labels."""
        text = httpx.get(f"{self.address}/metrics", trust_env=False, timeout=30).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@contextmanager
def postgres_with_user(folder: Path) -> Iterator[str]:
    """A real Postgres with the tables and a user; gives the address of the database."""
    with EmbeddedPostgres(folder, port=0) as server:
        url = server.url(DATABASE)
        migrate(url)
        UserAccounts(Database(url=url)).add(USERNAME, PasswordHasher().hash(SECRET), "user")
        yield url


def log_in(server: "Server") -> str:
    """A token of the service; all servers sign with the same secret."""
    form = {"username": USERNAME, "password": SECRET}
    answer = httpx.post(f"{server.address}/auth/token", data=form, trust_env=False, timeout=30)
    return str(answer.raise_for_status().json()["access_token"])


def count_logged(url: str) -> int:
    """Predictions in the table."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM predictions").fetchone()
    assert row is not None
    return int(row[0])


class Servers:
    """Starts servers, all of which end with it."""

    def __init__(self, folder: Path, inputs: Inputs, database_url: str) -> None:
        """Keep their state and their logs in a folder."""
        self._folder, self._inputs, self._url = folder, inputs, database_url
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Begin without any."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all."""
        self._stack.close()

    def service(self, name: str = "service", *, workers: int = 1, module: str = "road_api") -> Server:
        """Start the service as its supervisor does, or a module that runs it with a part replaced."""
        port = free_port()
        state = self._folder / name / "state"
        shutil.copytree(self._inputs.bundle_dir, state)
        environment = {
            SECRET_VARIABLE: SECRET,
            "ROAD_API_PORT": str(port),
            "ROAD_API_WORKERS": str(workers),
            "ROAD_API_STATE_DIR": str(state),
            "ROAD_DATABASE_URL": self._url,
            "MLFLOW_TRACKING_URI": NO_REGISTRY,
            "TMPDIR": str(self._folder / name),
        }
        return self._start(name, [module], port, environment, "/health/ready")

    def constant(self) -> Server:
        """Start the service with a constant in place of its model."""
        return self.service("constant", module=f"{_PACKAGE}.constant_app")

    def common(self) -> Server:
        """Start *common*."""
        port = free_port()
        arguments = [f"{_PACKAGE}.common_app", str(port), str(self._inputs.folder), USERNAME]
        return self._start("common", arguments, port, {SECRET_VARIABLE: SECRET}, "/docs")

    def bare(self) -> Server:
        """Start *bare*."""
        port = free_port()
        return self._start("bare", [f"{_PACKAGE}.bare_app", str(port)], port, {}, "/")

    def stop(self, server: Server) -> None:
        """End one before the others."""
        _stop(server.process)

    def _start(
        self, name: str, arguments: Sequence[str], port: int, environment: Mapping[str, str], ready: str
    ) -> Server:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        settled = {key: value for key, value in os.environ.items() if not key.startswith(("ROAD_", "MLFLOW_"))}
        started = time.monotonic()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", *arguments], env={**settled, **environment}, stdout=log, stderr=log
            )
        server = Server(name, port, psutil.Process(process.pid))
        self._stack.callback(_stop, server.process)
        while not _answers(f"{server.address}{ready}"):
            if process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"{name} does not start: {(folder / 'log').read_text()[-3000:]}")
            time.sleep(0.02)
        server.ready_after = time.monotonic() - started
        return server


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


def _stop(process: psutil.Process) -> None:
    if not process.is_running():
        return
    family = process.children(recursive=True)
    process.terminate()
    try:
        process.wait(15)
    except psutil.TimeoutExpired:
        process.kill()
    for child in family:
        if child.is_running():
            child.kill()
