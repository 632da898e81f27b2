"""What a newcomer meets first: the Makefile and the script that makes the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from road_assets.local.services import PROJECT

SCRIPT = PROJECT / "road_assets" / "local" / "install.sh"


def install(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "VENV": str(tmp_path / "venv"),
        "LOCK": "docker/requirements.lock",
        "UV_VERSION": "0",
        **variables,
    }
    return subprocess.run(  # noqa: S603 - a script of this project
        ["/bin/sh", str(SCRIPT)], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def program(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_help_lists_the_commands() -> None:
    shown = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    listed = [line.split()[1] for line in shown.splitlines() if line.startswith("  make ")]
    assert {"up", "down", "status", "clean", "distclean", "test", "install", "help"} <= set(listed)


@pytest.mark.parametrize("command", ["down", "status", "clean"])
def test_commands_that_only_look_install_nothing(command: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    answer = subprocess.run(  # noqa: S603
        ["make", command, f"VENV={venv}"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing is installed" in answer.stdout
    assert not venv.exists()


@pytest.mark.parametrize(("command", "advice"), [("backup", "TO=file-or-directory"), ("restore", "FROM=file")])
def test_backup_and_restore_ask_for_the_place(command: str, advice: str) -> None:
    answer = subprocess.run(["make", command], cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert answer.returncode != 0
    assert advice in answer.stderr


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    shim = program(tmp_path / "python3.12", "echo 'pyenv: version 3.12 is not installed' >&2; exit 127")
    result = install(tmp_path, PYTHON=str(shim))
    assert result.returncode == 1
    assert f"No Python 3.11, 3.12 or 3.13 runs here under the name {shim}" in result.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    body = f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac'
    half = program(tmp_path / "python3", body)
    result = install(tmp_path, PYTHON=str(half))
    assert result.returncode == 1
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in result.stderr


# An environment whose tools answer as a package index would, without one.
_TOOLS = """
case "$*" in
    *"-m uv pip sync"*--no-build*) echo '{uv}'; exit 1;;
    *"-m pip install"*--only-binary*) echo '{pip}'; exit 1;;
    *"config get"*) exit 1;;
    *) exit 0;;
esac"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    tools = tmp_path / "venv" / "bin"
    tools.mkdir(parents=True)
    for name in ("grep", "tail", "cut", "cc"):  # all of the machine that the script may use
        program(tmp_path / name, f'exec /usr/bin/{name} "$@"')
    return tools / "python"


def test_a_missing_compiler_is_named_before_anything_is_built(tmp_path: Path, environment: Path) -> None:
    program(environment, _TOOLS.format(uv="uvloop==0.22 has no usable wheels", pip=""))
    (tmp_path / "cc").unlink()
    result = install(tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert "uvloop==0.22 has no usable wheels" in result.stderr
    assert "there is no C compiler (cc)" in result.stderr


def test_a_package_without_a_wheel_is_built_where_there_is_a_compiler(tmp_path: Path, environment: Path) -> None:
    program(environment, _TOOLS.format(uv="uvloop==0.22 has no usable wheels", pip=""))
    result = install(tmp_path, PATH=str(tmp_path))
    assert result.returncode == 0
    assert "building it with" in result.stdout


def test_an_index_that_cannot_be_reached_is_told_after_pip_was_tried_too(tmp_path: Path, environment: Path) -> None:
    program(environment, _TOOLS.format(uv="error: Failed to fetch: connection refused", pip="NewConnectionError"))
    result = install(tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert "trying pip" in result.stdout
    assert "Is the package index reachable" in result.stderr
