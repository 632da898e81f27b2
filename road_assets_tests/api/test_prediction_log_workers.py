"""Two workers of one service and one log of predictions."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets_tests.api.logged_predictions import count_logged, wait_until


def test_two_workers_log_everything_and_count_together(
    tables_url: str, registry: Any, make_bundle: Callable[..., Any], tmp_path: Path
) -> None:
    registry.publish("1", make_bundle(0.0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "ROAD_DEMO": "true", "ROAD_API_PORT": str(port), "MLFLOW_TRACKING_URI": registry.uri}
    environment |= {"ROAD_API_WORKERS": "2", "ROAD_API_STATE_DIR": str(tmp_path), "ROAD_API_DATABASE_URL": tables_url}
    process = subprocess.Popen([sys.executable, "-m", "road_api"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address, each_anew = f"http://127.0.0.1:{port}", httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=address, trust_env=False, limits=each_anew, timeout=20) as client:
            wait_until(lambda: all(_is_ready(client) for _ in range(10)), seconds=60)  # either worker may answer
            user = {"username": "johndoe", "password": "johnsecret"}
            token = client.post("/auth/token", data=user).raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            for _ in range(60):
                client.post("/protected/predict", json=SCENE_EXAMPLE).raise_for_status()
            wait_until(lambda: "prediction_log_written_total 60.0" in client.get("/metrics").text)
            last = client.post("/protected/predict", json=SCENE_EXAMPLE)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)

    assert last.status_code == 200
    assert count_logged(tables_url) == 61, "the last one was written when the service stopped"
    assert tables_url not in output


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False
