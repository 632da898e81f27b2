"""The whole stack, where there is an engine and somebody asks: ``ROAD_DOCKER_SMOKE=1 pytest road_assets_tests/docker``.

Builds the images that are missing (minutes at the first time), starts service, pipeline and monitoring beside whatever
else runs, on ports of its own, without bringing a release through, and takes all of it away again. Images that are
there are not built again: after a change, ``docker compose -f docker/compose.yaml --profile proxy build`` first.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess

import httpx
import pytest

from road_assets_tests.api.servers import free_port
from road_assets_tests.docker.parts import DOCKER, run

WANTED = "ROAD_DOCKER_SMOKE"
PROJECT_NAME = "road-smoke"
PARTS = ("api", "webserver", "daemon", "prometheus", "alertmanager", "node-exporter", "postgres-exporter", "proxy")
PORTS = (
    "ROAD_API_PORT",
    "ROAD_DAGSTER_PORT",
    "ROAD_MLFLOW_PORT",
    "ROAD_PROXY_PORT",
    "PROMETHEUS_PORT",
    "ALERTMANAGER_PORT",
)

Compose = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return {name: str(free_port()) for name in PORTS}


@pytest.fixture(scope="module")
def compose(ports: dict[str, str]) -> Iterator[Compose]:
    """The stack, healthy."""
    docker = shutil.which("docker")
    if not os.environ.get(WANTED):
        pytest.skip(f"starts the whole stack: set {WANTED}=1")
    if docker is None or run(docker, "info", check=False).returncode:
        pytest.skip("needs a Docker engine")
    profiles = {"COMPOSE_PROFILES": "api,pipeline,monitoring,proxy", "COMPOSE_PROJECT_NAME": PROJECT_NAME}
    environment = {**os.environ, **ports, **profiles}

    def ask(*arguments: str, check: bool = True, text: str | None = None) -> CompletedProcess[str]:
        command = (docker, "compose", "-f", DOCKER / "compose.yaml", "--env-file", os.devnull)
        return run(*command, *arguments, env=environment, check=check, input=text)

    try:
        started = ask("up", "-d", "--wait", "--pull", "never", *PARTS, check=False)
        assert started.returncode == 0, started.stderr[-3000:]
        yield ask
    finally:
        ask("--profile", "*", "down", "--volumes", "--timeout", "20", check=False)


def test_every_part_is_healthy(compose: Compose) -> None:
    lines = compose("ps", "--format", "json").stdout.splitlines()
    health = {part["Service"]: part["Health"] for part in map(json.loads, lines)}
    assert set(PARTS) <= set(health)
    assert set(health.values()) == {"healthy"}


def test_nothing_runs_as_root_or_can_write_its_image(compose: Compose) -> None:
    for part in ("api", "code", "postgres", "prometheus", "proxy"):
        assert compose("exec", "-T", part, "id", "-u").stdout.strip() != "0"
        refused = compose("exec", "-T", part, "sh", "-c", "echo x > /etc/road-was-here", check=False)
        assert refused.returncode != 0


def test_the_services_image_stays_small_and_holds_no_pipeline(compose: Compose) -> None:
    sizes = [
        int(run("docker", "image", "inspect", image, "--format", "{{.Size}}").stdout)
        for image in ("road-service:latest", "python:3.11-slim-bookworm")
    ]
    assert sizes[0] - sizes[1] <= 350_000_000
    for module in ("dagster", "mlflow", "sklearn", "road_assets.assets", "road_assets.resources"):
        assert compose("exec", "-T", "api", "python", "-c", f"import {module}", check=False).returncode != 0


def test_the_service_lets_in_whom_the_pipeline_added(compose: Compose, ports: dict[str, str]) -> None:
    compose("exec", "-T", "code", "road", "users", "add", "ann", text="correct horse battery\n")
    address = f"http://127.0.0.1:{ports['ROAD_API_PORT']}"
    assert httpx.get(f"{address}/health/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE  # nothing was trained
    assert httpx.post(f"{address}/protected/predict", json={}).status_code == httpx.codes.UNAUTHORIZED
    for username, password in (("johndoe", "johnsecret"), ("admin", "admin"), ("ann", "ann")):
        refused = httpx.post(f"{address}/auth/token", data={"username": username, "password": password})
        assert refused.status_code == httpx.codes.UNAUTHORIZED
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        given = client.post(f"{address}/auth/token", data={"username": "ann", "password": "correct horse battery"})
    assert given.is_success


def test_dagsters_pages_ask_for_a_password_behind_the_proxy(compose: Compose, ports: dict[str, str]) -> None:
    page = f"http://127.0.0.1:{ports['ROAD_PROXY_PORT']}/server_info"
    password = compose("exec", "-T", "proxy", "cat", "/run/secrets/password").stdout.strip()
    assert httpx.get(page).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(page, auth=("dispatch", "dispatch")).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(page, auth=("dispatch", password)).is_success


def test_prometheus_finds_every_part_that_was_started(compose: Compose, ports: dict[str, str]) -> None:  # noqa: ARG001
    answer = httpx.get(f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}/api/v1/targets", params={"state": "active"})
    jobs = {target["labels"]["job"] for target in answer.json()["data"]["activeTargets"]}
    assert jobs == {"road-api", "prometheus", "alertmanager", "node", "postgres"}


def test_what_is_backed_up_comes_back_into_an_empty_stack(compose: Compose, ports: dict[str, str]) -> None:
    """Last, since it throws the stack away."""
    address = f"http://127.0.0.1:{ports['ROAD_API_PORT']}"
    known = {"username": "ann", "password": "correct horse battery"}
    (file,) = re.findall(r"wrote (/backups/\S+\.tar)", compose("run", "--rm", "backup").stdout)
    refused = compose("run", "--rm", "restore", "--replace", file, check=False)
    assert "others are at work" in refused.stderr

    compose("down", "--timeout", "20")
    project = f"com.docker.compose.project={PROJECT_NAME}"
    volumes = run("docker", "volume", "ls", "--quiet", "--filter", f"label={project}").stdout.split()
    run("docker", "volume", "rm", *(name for name in volumes if name != f"{PROJECT_NAME}_backups"))
    restored = compose("run", "--rm", "restore", file).stdout
    assert restored.count("as many as were saved") == 3, "databases"

    compose("up", "-d", "--wait", "--pull", "never", *PARTS)
    assert httpx.post(f"{address}/auth/token", data=known).is_success
