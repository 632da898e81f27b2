"""The program as a supervisor starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from road_api import __main__ as program
from road_api.settings import METRICS_DIR_VARIABLE, SECRET_MIN_BYTES, SECRET_VARIABLE, Settings


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_live(address: str, process: subprocess.Popen[str], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{address}/health/live", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    process.kill()
    raise AssertionError(f"not live: {process.communicate()}")


def test_it_serves_the_promoted_model_logs_json_and_stops_when_told(
    registry: Any, make_bundle: Any, tmp_path: Path, port: int
) -> None:
    registry.publish("1", make_bundle(0.0))
    environment = {**os.environ, "ROAD_DEMO": "true", "ROAD_API_PORT": str(port), "MLFLOW_TRACKING_URI": registry.uri}
    environment |= {"ROAD_API_STATE_DIR": str(tmp_path), "ROAD_API_LOG_IN_TRIES_PER_ADDRESS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "road_api"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    address = f"http://127.0.0.1:{port}"
    wait_until_live(address, process)
    answer = httpx.post(
        f"{address}/auth/token", data={"username": "johndoe", "password": "johnsecret"}, trust_env=False
    )
    guesses = [
        httpx.post(
            f"{address}/auth/token",
            data={"username": f"user{number}", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
            trust_env=False,
        ).status_code
        for number in (1, 2)
    ]
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=20)

    assert answer.status_code == 200
    assert guesses == [401, 429], "an address that nobody vouches for is not believed, on loopback neither"
    assert errors == ""
    lines = [json.loads(line) for line in output.splitlines()]
    events = [line["event"] for line in lines]
    assert "model loaded" in events
    assert any("Uvicorn running on" in event for event in events)
    assert any(line.get("path") == "/auth/token" and line["status"] == 200 for line in lines)
    assert "johnsecret" not in output


def test_workers_share_a_made_up_secret_and_a_given_one_is_not_copied_into_the_environment(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    found = []
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: found.append(os.environ.get(SECRET_VARIABLE)))
    monkeypatch.setattr("road_api.__main__.configure_logging", lambda: None)
    monkeypatch.setenv(METRICS_DIR_VARIABLE, "")
    for given in (None, SecretStr(secret)):
        monkeypatch.setenv(SECRET_VARIABLE, "")
        monkeypatch.setattr(
            "road_api.__main__.load_settings", lambda given=given: Settings(demo=True, workers=2, jwt_secret=given)
        )
        assert program.main() == 0
    made_up, copied = found

    assert len(str(made_up)) >= SECRET_MIN_BYTES
    assert copied == ""


def test_the_service_holds_nothing_of_the_platform_but_its_core() -> None:
    heavy = ("dagster", "mlflow", "sklearn", "pandas", "flask", "evidently", "road_assets.assets")
    code = f"import sys, road_api.__main__; print([name for name in {heavy!r} if name in sys.modules])"

    found = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert found.stdout.strip() == "[]"
