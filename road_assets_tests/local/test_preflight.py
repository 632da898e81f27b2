import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from road_assets.local import preflight
from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets

NO_SECRETS = ServiceSecrets.model_construct(jwt_secret=None, jwt_keys=None, username=None, password_hash=None)


@pytest.fixture
def demo(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> PlatformSettings:
    del clean_environment
    return PlatformSettings(home=tmp_path / "home", demo=True)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_machine_with_everything_passes_and_nothing_is_written(demo: PlatformSettings, ports: PortSettings) -> None:
    preflight.check(demo, ports, NO_SECRETS)
    assert not demo.home.exists()


def test_a_busy_port_is_named_with_its_holder_and_its_variable(ports: PortSettings, busy_port: int) -> None:
    (problem,) = preflight.port_problems(ports.model_copy(update={"dagster_port": busy_port}))
    assert f"port {busy_port}, wanted by Dagster, is busy" in problem
    assert f"process {os.getpid()}" in problem
    assert "ROAD_DAGSTER_PORT" in problem


def test_one_port_for_two_services_is_named(ports: PortSettings) -> None:
    (problem,) = preflight.port_problems(ports.model_copy(update={"code_port": ports.api_port}))
    assert f"port {ports.api_port} is given to both the service and Dagster's code server" in problem
    assert "ROAD_CODE_PORT" in problem


def test_an_address_of_another_machine_is_named(ports: PortSettings) -> None:
    problems = preflight.port_problems(ports.model_copy(update={"bind_host": "192.0.2.1"}))
    assert len(problems) == 3
    assert all("cannot be listened on at 192.0.2.1" in problem for problem in problems)


def test_too_little_disk_is_named_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 10**18)
    (problem,) = preflight.disk_problems(tmp_path / "not" / "made" / "yet")
    assert "needed are 1000000000 GB" in problem
    assert f"GB are free below {tmp_path}" in problem


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_that_was_not_tried_is_refused(version: tuple[int, int]) -> None:
    (problem,) = preflight.python_problems(version)
    assert f"Python 3.{version[1]} runs this" in problem


def test_a_wrong_directory_of_releases_is_named(demo: PlatformSettings, tmp_path: Path) -> None:
    missing = demo.model_copy(update={"releases_dir": tmp_path / "nowhere"})
    assert "nowhere does not exist" in preflight.input_problems(missing)[0]
    file = tmp_path / "release.csv"
    file.touch()
    assert "is not a directory" in preflight.input_problems(demo.model_copy(update={"releases_dir": file}))[0]


def test_a_demonstration_does_not_leave_loopback(demo: PlatformSettings, ports: PortSettings) -> None:
    public = ports.model_copy(update={"bind_host": "0.0.0.0"})  # noqa: S104 - to be refused
    (problem,) = preflight.mode_problems(demo, public, NO_SECRETS)
    assert "ROAD_BIND_HOST=0.0.0.0" in problem


def test_all_problems_are_told_at_once(demo: PlatformSettings, ports: PortSettings, busy_port: int) -> None:
    serious = demo.model_copy(update={"demo": False})
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(serious, ports.model_copy(update={"api_port": busy_port}), NO_SECRETS)
    message = str(caught.value)
    for word in (str(busy_port), "ROAD_API_JWT_SECRET"):
        assert word in message
    assert not demo.home.exists()
