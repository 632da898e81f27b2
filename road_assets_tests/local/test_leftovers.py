import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from road_assets.local.guard import wait_for_supervisor
from road_assets.local.leftovers import session_members, stop_leftovers
from road_assets.local.state import (
    AlreadyRunningError,
    PlatformState,
    ProcessId,
    StateError,
    forget_state,
    load_state,
    locked,
)

GONE = ProcessId(pid=2**22 - 1, created=1.0)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], start_new_session=True)  # noqa: S607


def state(supervisor: ProcessId, **services: ProcessId) -> PlatformState:
    return PlatformState(supervisor=supervisor, services=services, postgres_port=1)


def test_what_a_killed_platform_left_running_is_stopped(tmp_path: Path) -> None:
    process = sleeper()
    state(GONE, api=ProcessId.of(process.pid)).save(tmp_path)
    assert stop_leftovers(tmp_path) == ["api"]
    assert process.wait(5) is not None
    assert stop_leftovers(tmp_path) == []


def test_services_of_a_living_platform_are_left_alone(tmp_path: Path) -> None:
    process = sleeper()
    try:
        state(ProcessId.of(os.getpid()), api=ProcessId.of(process.pid)).save(tmp_path)
        assert stop_leftovers(tmp_path) == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_stranger_who_got_the_number_of_an_ended_service_is_left_alone(tmp_path: Path) -> None:
    process = sleeper()
    try:
        old = ProcessId(pid=process.pid, created=psutil.Process(process.pid).create_time() - 3600)
        state(GONE, api=old).save(tmp_path)
        assert not old.alive()
        assert stop_leftovers(tmp_path) == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_grandchildren_are_found_after_their_parent_is_gone() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid, flush=True)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
    leader = ProcessId.of(parent.pid)
    output, _ = parent.communicate()
    (member,) = session_members(leader)
    assert member.pid == int(output)
    member.kill()


def test_two_platforms_do_not_share_a_home(tmp_path: Path) -> None:
    with locked(tmp_path):
        state(ProcessId.of(os.getpid())).save(tmp_path)
        with (
            pytest.raises(AlreadyRunningError, match=rf"{tmp_path} is already in use by process {os.getpid()}"),
            locked(tmp_path),
        ):
            pass
    with locked(tmp_path):
        pass


def test_a_state_that_is_removed_while_it_is_looked_for_is_none(tmp_path: Path) -> None:
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            state(GONE).save(tmp_path)
            forget_state(tmp_path)

    platform = threading.Thread(target=come_and_go)
    platform.start()
    deadline, found = time.monotonic() + 2, set()
    try:
        while time.monotonic() < deadline:
            found.add(load_state(tmp_path) is None)
    finally:
        ended.set()
        platform.join()
    assert found == {True, False}


def test_a_state_that_does_not_parse_is_named(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    (tmp_path / "platform.json").write_text("{")
    with pytest.raises(StateError, match=r"platform\.json does not parse"):
        load_state(tmp_path)


def test_the_guard_does_not_wait_for_a_supervisor_that_has_stopped_everything(tmp_path: Path) -> None:
    wait_for_supervisor(tmp_path, seconds=60)
    state(ProcessId.of(os.getpid())).save(tmp_path)
    wait_for_supervisor(tmp_path, seconds=60)


def test_the_guard_gives_a_dying_supervisor_a_moment(tmp_path: Path) -> None:
    process = sleeper()
    state(ProcessId.of(process.pid), api=GONE).save(tmp_path)
    process.kill()  # a zombie until somebody waits for it, and as good as gone
    wait_for_supervisor(tmp_path, seconds=60)
    process.wait()
