"""Supervisors that end in every way there is."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from road_assets.local.state import load_state
from road_assets_tests.local.conftest import FOLDER, eventually, processes_with


@pytest.fixture
def supervised(tmp_path: Path, mark: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a supervisor of two services with a child each; ``mark`` is on all four command lines."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(FOLDER / "supervised.py"), str(tmp_path), mark, *options]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(  # noqa: S603 - a file of these tests
            command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        started.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line == "up\n":
                break
        assert eventually(lambda: len(_services(process, mark)) == 4)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _services(supervisor: subprocess.Popen[str], mark: str) -> list[psutil.Process]:
    return [process for process in processes_with(mark) if process.pid != supervisor.pid]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_term_and_hup_leave_no_orphan(
    supervised: Callable[..., subprocess.Popen[str]], mark: str, number: signal.Signals, tmp_path: Path
) -> None:
    process = supervised()
    state = load_state(tmp_path)
    assert state is not None
    assert list(state.services) == ["first", "second"]
    os.killpg(process.pid, number)  # as a terminal does: to the group, not to one process
    assert process.wait(15) == 0
    assert _services(process, mark) == []
    assert load_state(tmp_path) is None


def test_ctrl_c_works_where_a_script_has_set_it_to_be_ignored(
    supervised: Callable[..., subprocess.Popen[str]], mark: str
) -> None:
    process = supervised("ignore-int")
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert _services(process, mark) == []


def test_a_supervisor_that_is_killed_leaves_no_orphan_for_long(
    supervised: Callable[..., subprocess.Popen[str]], mark: str
) -> None:
    process = supervised()
    process.kill()
    process.wait()
    assert eventually(lambda: _services(process, mark) == [], seconds=20)
