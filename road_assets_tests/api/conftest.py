"""Real parts for the service's tests: a registry that speaks HTTP, and the service itself."""

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import psycopg
import pytest
import uvicorn
from pydantic import SecretStr

from road_api.app import create_app
from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_api.server import server_options
from road_api.settings import Settings
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate
from road_assets_tests.api.servers import as_uvicorn_sends, serve_dagster
from road_assets_tests.api.tiny_bundles import ask_tiny_graph, make_tiny_bundle
from road_assets_tests.conftest import serve_mlflow

StartService = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]

SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"

PATIENCE = 1_000_000
"""Log-ins that may fail where a module's tests share one service."""


class FakeRegistry:
    """An HTTP server that answers the two questions the service asks MLflow."""

    def __init__(self) -> None:
        self.bundles: dict[str, dict[str, bytes]] = {}
        self.cards: dict[str, dict[str, bytes]] = {}
        self.production: str | None = None
        self.broken = False
        self.downloads = 0
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                status, content = registry.answer(address.path, parse_qs(address.query))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Say nothing of a service that is stopped while it is being answered."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.uri = f"http://127.0.0.1:{self._server.server_port}"

    def publish(self, version: str, bundle: dict[str, bytes]) -> None:
        """Register a version and make it production."""
        self.bundles[version] = bundle
        self.production = version

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.broken:
            return 500, b"out of order"
        if path == "/api/2.0/mlflow/registered-models/alias":
            assert query == {"name": [MODEL_NAME], "alias": [PRODUCTION_ALIAS]}
            return _describe_version(self.production)
        if path == "/api/2.0/mlflow/model-versions/get":
            assert query["name"] == [MODEL_NAME]
            return _describe_version(query["version"][0] if query["version"][0] in self.bundles else None)
        if path == "/get-artifact":
            folder, _, name = query["path"][0].partition("/")
            version = query["run_uuid"][0].removeprefix("run-")
            self.downloads += folder == "bundle"
            files = self.bundles[version] if folder == "bundle" else self.cards.get(version, {})
            return (200, files[name]) if name in files else (404, b"no such artifact")
        return 404, b"no such path"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _describe_version(number: str | None) -> tuple[int, bytes]:
    if number is None:
        return 404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such version"}).encode()
    version = {"name": MODEL_NAME, "version": number, "run_id": f"run-{number}"}
    return 200, json.dumps({"model_version": version}).encode()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    server = FakeRegistry()
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path: Path, registry: FakeRegistry) -> Settings:
    return Settings(demo=True, mlflow_uri=registry.uri, state_dir=tmp_path / "api", poll_seconds=0.05)


@asynccontextmanager
async def _serve(settings: Settings, *, wait: bool) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(as_uvicorn_sends(app), raise_app_exceptions=False)
    # In the test's own event loop, so that requests really run beside each other and beside the poller.
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        if wait:
            await _until(client, lambda health: health.get("status") == "ready")
        yield client


@pytest.fixture
def start(settings: Settings) -> StartService:
    """Start the service, and wait for a model unless told not to; ``changes`` replaces settings."""

    def run(*, wait: bool = True, **changes: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return _serve(Settings(**{**settings.model_dump(), **changes}), wait=wait)

    return run


@contextmanager
def _run_server(settings: Settings) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(settings), **server_options(settings)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def start_server(settings: Settings) -> StartService:
    """Start the service behind uvicorn on a port of its own, where requests are truly beside each other."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        with _run_server(Settings(**{**settings.model_dump(), **changes})) as address:
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client:
                await _until(client, lambda health: health.get("status") == "ready")
                yield client

    return run


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of the service behind uvicorn with a model loaded, one for all tests of a module; ``BUNDLE`` names it."""
    registry = FakeRegistry()
    registry.publish("1", getattr(request.module, "BUNDLE", None) or make_tiny_bundle(-1.0))
    settings = Settings(
        demo=True,
        mlflow_uri=registry.uri,
        state_dir=tmp_path_factory.mktemp("api"),
        jwt_secret=SecretStr(SECRET),
        alert_token=SecretStr(SECRET),
        log_in_tries=PATIENCE,
        log_in_tries_per_address=PATIENCE,
    )
    with _run_server(settings) as address:
        while not httpx.get(f"{address}/health/ready", trust_env=False, timeout=20).is_success:
            time.sleep(0.05)
        yield address
    registry.close()


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """The service with model version 1 loaded and somebody logged in, one for all tests of a module."""
    server = FakeRegistry()
    server.publish("1", make_tiny_bundle(-1.0))
    settings = Settings(
        demo=True,
        mlflow_uri=server.uri,
        jwt_secret=SecretStr(SECRET),
        state_dir=tmp_path_factory.mktemp("api"),
        log_in_tries=PATIENCE,
        log_in_tries_per_address=PATIENCE,
    )
    async with _serve(settings, wait=True) as service:
        service.headers["Authorization"] = f"Bearer {await _log_in(service)}"
        yield service
    server.close()


async def _log_in(client: httpx.AsyncClient) -> str:
    answer = await client.post("/auth/token", data={"username": DEMO_USERNAME, "password": DEMO_PASSWORD})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _until(
    client: httpx.AsyncClient, holds: Callable[[dict[str, Any]], bool], seconds: float = 10
) -> dict[str, Any]:
    health: dict[str, Any] = {}
    with anyio.move_on_after(seconds):
        while True:
            health = (await client.get("/health/ready")).json()
            if holds(health):
                return health
            await anyio.sleep(0.02)
    raise AssertionError(f"still not so after {seconds} s: {health}")


async def _read_metric(client: httpx.AsyncClient, sample: str) -> float:
    text = (await client.get("/metrics")).text
    (value,) = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{sample} ")]
    return float(value)


# Functions reach the tests as fixtures, because test folders are no packages to import from.


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET


@pytest.fixture
def log_in() -> Callable[[httpx.AsyncClient], Awaitable[str]]:
    return _log_in


@pytest.fixture
def until() -> Callable[..., Awaitable[dict[str, Any]]]:
    """Ask for the service's health until something holds, and return it."""
    return _until


@pytest.fixture
def read_metric() -> Callable[[httpx.AsyncClient, str], Awaitable[float]]:
    return _read_metric


@pytest.fixture
def make_bundle() -> Callable[..., dict[str, bytes]]:
    return make_tiny_bundle


@pytest.fixture
def ask_graph() -> Callable[[bytes, FeatureMatrix], list[float]]:
    return ask_tiny_graph


@pytest.fixture
def own_mlflow(tmp_path: Path) -> Iterator[str]:
    """Address of a real MLflow server of the test's own, without any model."""
    (tmp_path / "mlflow").mkdir()
    with serve_mlflow(tmp_path / "mlflow") as uri:
        yield uri


@pytest.fixture(scope="session")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of a Dagster."""
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(scope="session")
def dagster_address(dagster_home: Path) -> Iterator[str]:
    """Address of a real Dagster web server over ``code_location``; it has no daemon, so its runs stay queued."""
    with serve_dagster(dagster_home) as address:
        yield address


@pytest.fixture(scope="module")
def tables_url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    """Address of a database of the module's own, its tables made and empty."""
    name = f"service_{request.module.__name__.rpartition('.')[2]}"
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    migrate(postgres.url(name))
    return postgres.url(name)
