"""Several workers of one service, as ``python -m road_api`` starts them."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from road_assets_tests.api.servers import free_port

REQUESTS = 200
CLIENT = httpx.Client(trust_env=False, timeout=20, headers={"Connection": "close"})


@pytest.fixture
def two_workers(registry: Any, make_bundle: Any, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and main process of a service with two workers, each with the model loaded."""
    registry.publish("7", make_bundle(0.0))
    port = free_port()
    environment = {
        **os.environ,
        "ROAD_DEMO": "true",
        "ROAD_API_WORKERS": "2",
        "ROAD_API_PORT": str(port),
        "ROAD_API_STATE_DIR": str(tmp_path / "state"),
        "MLFLOW_TRACKING_URI": registry.uri,
        "TMPDIR": str(tmp_path),
    }
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([sys.executable, "-m", "road_api"], env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: value(address, "ml_model_version") == 7, service, tmp_path / "log")
        yield address, service
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("road-api-metrics")] == []


def wait_until(holds: Any, service: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert service.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def get(address: str, path: str) -> httpx.Response:
    """Ask on a connection of its own, so that the kernel chooses a worker each time."""
    return CLIENT.get(f"{address}{path}")


def value(address: str, name: str, **labels: str) -> float | None:
    try:
        text = get(address, "/metrics").text
    except httpx.TransportError:
        return None
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def test_two_workers_count_and_sign_together_and_one_that_dies_is_replaced(
    two_workers: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    address, service = two_workers
    live = {"method": "GET", "path": "/health/live"}
    for _ in range(REQUESTS):
        assert get(address, "/health/live").status_code == 200

    workers = [child for child in psutil.Process(service.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    answered = Counter(
        file.stem.rpartition("_")[2] for file in tmp_path.glob("road-api-metrics-*/counter_*.db") if file.stat().st_size
    )
    assert len(workers) == len(answered) == 2
    totals = [value(address, "http_requests_total", status_code="200", **live) for _ in range(6)]
    assert totals == [REQUESTS] * 6, "whichever worker is asked"
    assert value(address, "http_request_duration_seconds_count", **live) == REQUESTS
    assert value(address, "road_model_registry_up") == 1

    form = {"username": "johndoe", "password": "johnsecret"}
    token = CLIENT.post(f"{address}/auth/token", data=form).json()["access_token"]
    signed = {"Authorization": f"Bearer {token}"}
    asked = [CLIENT.post(f"{address}/protected/predict", json={}, headers=signed).status_code for _ in range(16)]
    assert set(asked) == {422}, "all features are missing, and the token of one worker is good for the other"

    workers[0].kill()
    wait_until(
        lambda: len(psutil.Process(service.pid).children()) >= 2 and get_live(address), service, tmp_path / "log"
    )
    assert value(address, "http_requests_total", status_code="200", **live) >= REQUESTS, "what was counted stays"


def get_live(address: str) -> bool:
    try:
        return get(address, "/health/live").is_success
    except httpx.TransportError:
        return False
