"""Small real processes: started, killed, restarted and stopped; and supervisors that end in every way there is."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from road_assets.local import processes
from road_assets.local.processes import Service, ServiceFailedError, StopRequested, Supervisor
from road_assets.local.spawn import spawn
from road_assets.local.state import ProcessId, load_state
from road_assets_tests.local.conftest import FOLDER, eventually, processes_with


@pytest.fixture
def mark() -> Iterator[str]:
    """A word on the command lines of a test's processes; none of them outlives the test."""
    word = f"mark-{uuid.uuid4().hex}"
    yield word
    for process in processes_with(word):
        process.kill()


class Site:
    """A supervisor and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.children: dict[str, ProcessId] = {}
        self.supervisor = Supervisor(self.lines.append, self._note)

    def _note(self, children: dict[str, ProcessId]) -> None:
        self.children = children

    def service(self, name: str, code: str, *arguments: str, ready: Callable[[], bool] = lambda: True) -> Service:
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-c", code, *arguments]
        return Service(name, lambda: spawn(command, log=log, env=dict(os.environ)), ready, log)

    def up(self, *services: Service) -> None:
        self.supervisor.launch(*services)
        self.supervisor.wait(*services)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.supervisor.stop()


SLEEP = "import time; time.sleep(600)"


def test_a_service_that_answers_is_reported_with_its_time(site: Site) -> None:
    site.up(site.service("quiet", SLEEP))
    (line,) = site.lines
    assert line.split()[:3] == ["quiet", "ready", "after"]
    assert site.children["quiet"].alive()


def test_a_service_that_dies_is_started_again_and_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.05)
    site.up(site.service("quiet", SLEEP))
    first = site.children["quiet"]
    psutil.Process(first.pid).kill()
    site.supervisor.pause(1.0)
    assert "quiet ended (signal SIGKILL), starting it again" in site.lines[1]
    assert "quiet started again" in site.lines[2]
    assert site.children["quiet"] != first
    assert site.children["quiet"].alive()


def test_what_a_dead_service_left_running_is_ended_before_it_is_started_again(
    site: Site, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.05)
    parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); import time; time.sleep(600)"
    site.up(site.service("parent", parent, sys.executable, "-c", SLEEP, mark))
    assert eventually(lambda: len(processes_with(mark)) == 2)
    old = {process.pid for process in processes_with(mark)}
    psutil.Process(site.children["parent"].pid).kill()
    site.supervisor.pause(1.5)
    assert eventually(lambda: len(processes_with(mark)) == 2)
    assert old.isdisjoint(process.pid for process in processes_with(mark))


def test_a_service_that_ends_while_starting_fails_with_the_end_of_its_log(site: Site) -> None:
    broken = site.service("broken", "raise SystemExit('no such table: accidents')", ready=lambda: False)
    with pytest.raises(ServiceFailedError, match=r"(?s)broken ended \(exit code 1\) while starting.*no such table"):
        site.up(broken)


def test_a_service_that_keeps_dying_stops_the_platform(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(processes, "MAX_RESTARTS", 2)
    answers = iter([True])
    dying = site.service("dying", "import time; time.sleep(0.3); raise SystemExit(3)", ready=lambda: next(answers))
    site.up(dying)
    with pytest.raises(ServiceFailedError, match=r"dying ended \(exit code 3\) 3 times"):
        site.supervisor.pause(20)


def test_a_service_that_never_answers_is_given_up(site: Site, tmp_path: Path) -> None:
    mute = site.service("mute", SLEEP)
    impatient = Service("mute", mute.launch, lambda: False, tmp_path / "mute.log", ready_seconds=0.2)
    with pytest.raises(ServiceFailedError, match="mute did not answer within 0 s"):
        site.up(impatient)


def test_services_stop_in_good_order_and_the_first_started_is_the_last(site: Site, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); raise SystemExit\n"
        "signal.signal(signal.SIGTERM, stop); print('set', flush=True); time.sleep(600)"
    )
    names = ("database", "pages", "daemon")
    services = [site.service(name, code, str(order), name) for name in names]
    site.up(*services)
    assert eventually(lambda: all("set" in service.log.read_text() for service in services))
    site.supervisor.stop()
    told = order.read_text().split()
    assert sorted(told) == sorted(names)
    assert told[-1] == "database"


def test_a_stop_kills_what_ignores_it_with_all_its_children(
    site: Site, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 1.0)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    parent = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    site.up(site.service("parent", parent, sys.executable, "-c", deaf, mark), site.service("deaf", deaf, mark))
    assert eventually(lambda: len(processes_with(mark)) == 3)
    site.supervisor.stop()
    assert processes_with(mark) == []


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


def test_a_wish_to_stop_interrupts_a_wait(site: Site) -> None:
    site.supervisor._note_signal(signal.SIGTERM, None)  # noqa: SLF001 - without ending the tests
    with pytest.raises(StopRequested):
        site.supervisor.pause(60)
