"""The service against MLflow's own server: load a version, move the alias, see it swap."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS

pytestmark = pytest.mark.anyio

START_SECONDS = 90


@pytest.fixture
def mlflow_uri(tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    uri, log = f"http://127.0.0.1:{port}", tmp_path / "mlflow.log"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/mlflow.db",
        "--artifacts-destination",
        f"{tmp_path}/artifacts",
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603 (MLflow's own program)
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_healthy(uri):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield uri
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _is_healthy(uri: str) -> bool:
    try:
        return httpx.get(f"{uri}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def mlflow_client(mlflow_uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(mlflow_uri)


@pytest.fixture
def promote(mlflow_client: Any, tmp_path: Path) -> Callable[[dict[str, bytes]], str]:
    """Publish a bundle the way the platform does, and return its version."""

    def publish(bundle: dict[str, bytes]) -> str:
        run_id = mlflow_client.create_run("0").info.run_id
        for name, content in bundle.items():
            (tmp_path / name).write_bytes(content)
            mlflow_client.log_artifact(run_id, str(tmp_path / name), "bundle")
        version = mlflow_client.create_model_version(MODEL_NAME, f"runs:/{run_id}/bundle", run_id).version
        mlflow_client.set_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS, version)
        return str(version)

    return publish


async def test_the_service_follows_the_alias_of_a_real_registry(  # noqa: PLR0913 (fixtures)
    start: Any, *, mlflow_uri: str, mlflow_client: Any, promote: Any, make_bundle: Any, until: Any
) -> None:
    async with start(wait=False, mlflow_uri=mlflow_uri, poll_seconds=0.1) as service:
        for prepare in (lambda: None, lambda: mlflow_client.create_registered_model(MODEL_NAME)):
            prepare()
            await anyio.sleep(0.5)
            waiting = await until(service, lambda health: health.get("registry_reachable") is True)
            assert "nothing was promoted yet" in waiting["detail"]

        first = promote(make_bundle(0.0))
        await until(service, lambda health: health.get("model_version") == first)

        second = promote(make_bundle(1.0))
        health = await until(service, lambda health: health.get("model_version") == second)
        assert health["refused"] is None

        mlflow_client.set_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS, first)
        await until(service, lambda health: health.get("model_version") == first)

        mlflow_client.delete_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS)
        health = await until(service, lambda health: "nothing" in health["registry"]["detail"])
        assert health["model_version"] == first, "what answers stays until something better is promoted"
