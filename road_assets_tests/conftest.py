"""Real parts shared by the tests: a Postgres, an MLflow server, and a platform whose whole graph has run on them."""

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import dagster as dg
import httpx
import psutil
import psycopg
import pytest

from road_assets import run_tags
from road_assets.core.demonstration import generate_release
from road_assets.definitions import build_definitions
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.archive.dvc import DVC_VERSION, find_dvc
from road_assets.resources.configuration import ModelPolicy
from road_assets.resources.database import migrate
from road_assets.resources.subprocesses import CommandError
from road_assets.settings import ArchiveSettings, PlatformSettings
from road_assets_tests.object_storage import BUCKET, serve_s3

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 3, 15)
SMALL_BOOSTING: Final = {"max_iter": 30, "alone_max_iter": 20, "learning_rate": 0.1}
SMALL_FOREST: Final = {
    "ops": {"severity_model": {"config": {"n_estimators": 20, "max_depth": 8, "boosting": SMALL_BOOSTING}}}
}
"""Small models of every family."""

INTEGRATION: Final = Path(__file__).with_name("integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: where several processes run the tests, one would be left alone with it."""
    items.sort(key=lambda item: INTEGRATION not in item.path.parents)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A real server, its tables migrated."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), port=0) as server:
        migrate(server.url("road"))
        yield server


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the real MLflow server keeps its state."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def mlflow_url(mlflow_folder: Path) -> Iterator[str]:
    """A real MLflow server."""
    with serve_mlflow(mlflow_folder) as url:
        yield url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a bucket on a real S3 server, for which the environment has keys."""
    with serve_s3(tmp_path_factory.mktemp("s3")):
        yield f"s3://{BUCKET}"


@contextmanager
def serve_mlflow(folder: Path, password: str | None = None, port: int | None = None) -> Iterator[str]:
    """Run a real MLflow server over SQLite, its artifacts proxied; its state is in ``folder``.

    Args:
        folder: empty one, or that of a server that was stopped, which then goes on.
        password: of the user ``admin``; without it everybody is let in.
        port: to listen on; a free one if left out.
    """
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    if password is not None:
        command += ["--app-name", "basic-auth"]
        config = folder / "auth.ini"
        config.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/auth.db\nadmin_username = admin\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            "auth_cache_ttl_seconds = 600\n"  # hashing the password anew for each request takes most of a second
        )
        quiet |= {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_AUTH_ADMIN_PASSWORD": password}
        quiet |= {"MLFLOW_FLASK_SERVER_SECRET_KEY": password}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, env={**os.environ, **quiet, "PATH": path}, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server)
        yield url
    finally:
        family = [*psutil.Process(server.pid).children(recursive=True), server]
        for process in family:
            process.kill()
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{url}/health", timeout=2).raise_for_status()
        except httpx.HTTPError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="session")
def dvc() -> str:
    """Path of a real DVC: the one named by ``ROAD_DVC``, else one installed once into the user's cache."""
    if given := os.environ.get("ROAD_DVC"):
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "road-assets-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            find_dvc(ArchiveSettings(), cache, print)
        except CommandError as error:
            pytest.skip(f"no DVC here, and none can be installed: {error}")
    return str(cache / f"dvc-{DVC_VERSION}" / "bin" / "dvc")


@dataclass(frozen=True)
class Platform:
    """The real code location on real stores.

    Attributes:
        home: directory of the state.
        releases: directory with the release's files.
        definitions: what Dagster loads.
        instance: Dagster's own storage.
        database_url: of the tables.
        mlflow_url: of the model registry.
    """

    home: Path
    releases: Path
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    database_url: str
    mlflow_url: str

    def run(  # noqa: PLR0913 - what a run may be told
        self,
        job: str,
        first: date | str,
        last: date | None = None,
        *,
        config: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
        only: Sequence[str] = (),
    ) -> dg.ExecuteInProcessResult:
        """Run a job, or some assets of it, for a partition or a range of days in one run; failures are in it."""
        definition = self.definitions.resolve_job_def(job)
        days = {run_tags.PARTITION: str(first)}
        if last is not None:
            days = {run_tags.RANGE_START: str(first), run_tags.RANGE_END: str(last)}
        with self._environment():
            return definition.execute_in_process(
                config,
                instance=self.instance,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(asset) for asset in only] or None,
                tags={**days, **(tags or {})},
            )

    def resource(self, name: str) -> Any:
        """A resource as the assets get it."""
        with self._environment():
            return self.definitions.resources[name].process_config_and_initialize()

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Several platforms live in one process; each reads its own secrets when it runs."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("ROAD_DATABASE_URL", self.database_url)
            environment.setenv("MLFLOW_TRACKING_URI", self.mlflow_url)
            yield

    def query(self, statement: Any) -> list[tuple[Any, ...]]:
        """Rows of the tables."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="session")
def make_platform(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[..., Platform]:
    """Makes a platform with empty tables of its own, on a generated release or on the one in a directory."""

    def make(  # noqa: PLR0913 - what a platform may differ in
        *,
        accidents: int = 3000,
        first: date = FIRST_DAY,
        last: date = LAST_DAY,
        releases: Path | None = None,
        mlflow: str | None = None,
        storage: str | None = None,
        candidates: Sequence[str] = ("forest",),
    ) -> Platform:
        home = tmp_path_factory.mktemp("platform")
        if releases is None:
            releases = home / "official"
            releases.mkdir()
            files = generate_release(first.year, accidents=accidents, seed=7, first_day=first, last_day=last)
            for name, content in files.items():
                (releases / name).write_bytes(content)
        settings = PlatformSettings(home=home, releases_dir=releases, storage_url=storage)
        return Platform(
            home,
            releases,
            build_definitions(settings, model_policy=ModelPolicy(candidates=list(candidates))),
            dg.DagsterInstance.ephemeral(),
            fresh_database(postgres, home.name),
            request.getfixturevalue("mlflow_url") if mlflow is None else mlflow,
        )

    return make


def fresh_database(postgres: EmbeddedPostgres, name: str) -> str:
    """Make a database with empty tables, and give its address."""
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    migrate(postgres.url(name))
    return postgres.url(name)


@pytest.fixture(scope="session")
def platform(make_platform: Callable[..., Platform]) -> Platform:
    """A platform whose whole graph was materialized once; tests that use it only look, or repeat."""
    ready = make_platform()
    runs = (
        ready.run("release_job", str(FIRST_DAY.year)),
        ready.run("ingest_job", FIRST_DAY, LAST_DAY),
        ready.run("training_job", LAST_DAY, config=SMALL_FOREST),
        ready.run("drift_job", FIRST_DAY, LAST_DAY),
    )
    assert [run.success for run in runs] == [True] * len(runs)
    return ready


def failure_of(run: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say."""
    return " ".join(str(event.event_specific_data.error) for event in run.all_events if event.is_step_failure)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A home that every user of the machine may enter, unlike pytest's own directories."""
    with tempfile.TemporaryDirectory(prefix="road-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No ROAD_* variable of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith("ROAD_") or name == "MLFLOW_TRACKING_URI":
            monkeypatch.delenv(name)
    return monkeypatch
