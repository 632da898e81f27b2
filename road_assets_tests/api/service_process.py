"""The service as people run it: a process of its own behind uvicorn, started, asked over HTTP, stopped by SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets_tests.api.servers import free_port

START_SECONDS: Final = 180
STOP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    Attributes:
        address: ``http://host:port``.
        process: its main process.
        log: what it wrote.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own."""
        return httpx.get(f"{self.address}{path}", trust_env=False, timeout=30)

    def health(self) -> dict[str, Any]:
        """What ``/health/ready`` says, ready or not; empty while nobody answers."""
        try:
            return dict(self.get("/health/ready").json())
        except httpx.TransportError:
            return {}

    def metric(self, sample: str) -> float:
        """A sample of ``/metrics``, named with its labels."""
        lines = self.get("/metrics").text.splitlines()
        (value,) = [line.rpartition(" ")[2] for line in lines if line.startswith(f"{sample} ")]
        return float(value)

    def log_in(self) -> str:
        """A token of the demonstration's user."""
        form = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}
        answer = httpx.post(f"{self.address}/auth/token", data=form, trust_env=False, timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def memory(self) -> int:
        """Bytes of main memory that it holds now, its workers included."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return int(sum(member.memory_info().rss for member in family))

    def wait_for(
        self, model_version: str | None = None, seconds: float = START_SECONDS, **parts: Any
    ) -> dict[str, Any]:
        """Wait until the service is ready, with a model, and with parts of its health as given.

        Args:
            model_version: that must answer; any, if left out.
            seconds: how long to wait.
            parts: name of a part of the health, as ``registry``, to its ``reachable``.
        """
        deadline = time.monotonic() + seconds
        while True:
            health = self.health()
            reached = all(health.get(name, {}).get("reachable") is wanted for name, wanted in parts.items())
            right = model_version is None or health.get("model_version") == model_version
            if health.get("status") == "ready" and right and reached:
                return health
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"still not so: {health}\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)


@contextmanager
def serve(folder: Path, mlflow_uri: str, **variables: str) -> Iterator[Service]:
    """Run the service in demonstration mode until the block ends; then stop it cleanly.

    Args:
        folder: for its state and its log.
        mlflow_uri: the registry that it follows.
        variables: of its environment.
    """
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROAD_")}
    environment |= {"ROAD_DEMO": "true", "ROAD_API_PORT": str(port), "ROAD_API_STATE_DIR": str(folder / "state")}
    environment |= {"MLFLOW_TRACKING_URI": mlflow_uri, "ROAD_API_LOG_IN_TRIES_PER_ADDRESS": "1000000"}
    environment |= {"ROAD_API_LOG_IN_TRIES": "1000000", **variables}
    log = folder / "service.log"
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "road_api"], env=environment, stdout=output, stderr=output)
    service = Service(f"http://127.0.0.1:{port}", process, log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not service.health():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the service does not answer: {log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
