"""What holds for every part of the stack, read from the Compose files themselves: what is added must hold it too."""

import os
import re
import shutil
from pathlib import Path

import pytest

from road_assets.server.make_secrets import make_secrets
from road_assets_tests.docker.parts import DOCKER, ONCE, PROJECT, SERVICES, TOOLS, compose, run

EVERY = pytest.mark.parametrize("name", sorted(SERVICES))
STAYING = pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE - TOOLS))

ASK_WHO_IS_THERE = {"api", "grafana", "proxy"}
ROOT = {"cadvisor", "alloy"}
"""They read what Docker keeps of other users' containers, which is root's; without any capability."""

SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)


@EVERY
def test_a_part_can_change_nothing_but_its_volumes(name: str) -> None:
    part = SERVICES[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert "cap_add" not in part
    assert "privileged" not in part
    assert part["security_opt"] == ["no-new-privileges:true"]


@EVERY
def test_a_part_has_limits(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}


@EVERY
def test_a_part_comes_back_after_a_crash(name: str) -> None:
    expected = "on-failure:5" if name in ONCE else "no" if name in TOOLS else "unless-stopped"
    assert SERVICES[name]["restart"] == expected


@EVERY
def test_a_part_keeps_its_log_bounded_and_named(name: str) -> None:
    options = SERVICES[name]["logging"]["options"]
    assert {"max-size", "max-file"} < set(options)
    assert options["labels"] == "com.docker.compose.service"


@EVERY
def test_a_part_belongs_to_a_profile(name: str) -> None:
    known = {"api", "pipeline", "monitoring", "dashboards", "proxy", "tools"}
    assert set(SERVICES[name]["profiles"]) <= known
    assert SERVICES[name]["profiles"]


@STAYING
def test_a_part_says_how_it_is(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} < set(check)


@EVERY
def test_nothing_runs_as_root_unless_it_must(name: str) -> None:
    user = SERVICES[name].get("user")
    if user is None:
        assert "build" in SERVICES[name], "a published image needs a user here; ours set it themselves"
    else:
        assert user.startswith("0") == (name in ROOT)


@pytest.mark.parametrize("file", [DOCKER / "Dockerfile", DOCKER / "proxy" / "Dockerfile"], ids=str)
def test_images_of_ours_end_as_a_user_without_rights(file: Path) -> None:
    text = file.read_text()
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not text.startswith("# syntax"), "not every builder may fetch a frontend"


@EVERY
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        return
    tag = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", image).rsplit(":", 1)[1]
    assert re.search(r"\d", tag), f"{image} moves"


@EVERY
def test_ports_open_on_loopback_unless_somebody_asks(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        host = port.rsplit(":${", 1)[0]
        assert host == ("${ROAD_BIND_HOST:-127.0.0.1}" if name in ASK_WHO_IS_THERE else "127.0.0.1"), port


def test_users_find_the_parts_where_they_know_them() -> None:
    ports = {name: str(part["ports"][0]) for name, part in SERVICES.items() if "ports" in part}
    known = {"api": 8000, "grafana": 3000, "prometheus": 9090, "webserver": 8080, "mlflow": 5000}
    assert {name: int(re.findall(r":-(\d+)\}", ports[name])[-1]) for name in known} == known


@EVERY
def test_dependencies_are_waited_for_and_start_in_each_profile(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_completed_successfully" if other in ONCE else "service_healthy")
        assert set(SERVICES[name]["profiles"]) <= set(SERVICES[other]["profiles"]), f"{other} stays out"


@EVERY
def test_no_secret_stands_in_the_files(name: str) -> None:
    for variable, value in (SERVICES[name].get("environment") or {}).items():
        if SECRET.search(variable) and not variable.endswith(("_FILE", "_DIR")):
            assert re.fullmatch(r"\$\{\w+:-\}|/run/secrets/\w+", str(value)), f"{variable}: a default"
        assert not re.search(r"://\w+:[^@/]+@", str(value)), f"{variable}: a password in an address"


def test_the_example_has_no_secret() -> None:
    lines = [line for line in (PROJECT / ".env.example").read_text().splitlines() if line and line[0] != "#"]
    values = dict(line.split("=", 1) for line in lines)
    assert all(not value for name, value in values.items() if SECRET.search(name))
    assert values["COMPOSE_PROFILES"] == "api,pipeline,monitoring,dashboards"


def test_every_part_is_given_secrets_that_are_made(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    volumes = {name.removeprefix("secrets-") for name in compose()["volumes"] if name.startswith("secrets-")}
    assert volumes == made
    for name, part in SERVICES.items():
        for volume in (str(entry) for entry in part.get("volumes", [])):
            if volume.startswith("secrets-") and name != "secrets":
                assert volume.endswith(":/run/secrets:ro")
    named = {path.name for path in tmp_path.rglob("*")}
    text = "".join(path.read_text() for path in (DOCKER / "compose.yaml", DOCKER / "compose.monitoring.yaml"))
    assert set(re.findall(r"/run/secrets/(\w+)", text)) <= named


def test_postgres_is_reached_by_those_who_need_it_only() -> None:
    assert compose()["networks"]["database"] == {"internal": True}
    inside = {name for name, part in SERVICES.items() if "database" in part.get("networks", [])}
    assert inside == {
        "postgres", "provision", "mlflow", "code", "webserver", "daemon", "load", "api", "postgres-exporter", "grafana",
        "backup", "restore",
    }  # fmt: skip


def test_what_is_mounted_from_the_project_is_there() -> None:
    for part in SERVICES.values():
        for volume in (str(entry) for entry in part.get("volumes", [])):
            if volume.startswith("./"):
                assert (DOCKER / volume.split(":")[0]).is_dir(), volume


def test_the_env_file_is_found_from_the_top_of_the_project() -> None:
    assert str((DOCKER / ".env").readlink()) == "../.env"


def test_docker_reads_the_files() -> None:
    docker = shutil.which("docker")
    if docker is None or run(docker, "compose", "version", check=False).returncode:
        pytest.skip("needs docker with compose (no engine)")
    command = (docker, "compose", "-f", DOCKER / "compose.yaml", "--env-file")
    run(*command, PROJECT / ".env.example", "config", "-q")
    listed = run(*command, PROJECT / ".env.example", "config", "--services").stdout
    assert set(listed.split()) == set(SERVICES) - {"proxy"} - TOOLS
    for profile in ("api", "pipeline", "monitoring", "dashboards", "proxy", "tools"):
        run(*command, os.devnull, "config", "-q", env={**os.environ, "COMPOSE_PROFILES": profile})
