"""Small real processes: started, killed, restarted and stopped."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from road_assets.local import supervisor
from road_assets.local.spawn import spawn
from road_assets.local.state import ProcessId
from road_assets.local.supervisor import Service, ServiceFailedError, StopRequested, Supervisor
from road_assets_tests.local.conftest import eventually, processes_with


class Site:
    """A supervisor and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.children: dict[str, ProcessId] = {}
        self.disk_is_full = False
        self.supervisor = Supervisor(self.lines.append, self._note)

    def _note(self, children: dict[str, ProcessId]) -> None:
        if self.disk_is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
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
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.05)
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
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.05)
    parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); import time; time.sleep(600)"
    site.up(site.service("parent", parent, sys.executable, "-c", SLEEP, mark))
    assert eventually(lambda: len(processes_with(mark)) == 2)
    old = {process.pid for process in processes_with(mark)}
    psutil.Process(site.children["parent"].pid).kill()
    site.supervisor.pause(1.5)
    assert eventually(lambda: len(processes_with(mark)) == 2)
    assert old.isdisjoint(process.pid for process in processes_with(mark))


def test_what_a_killed_service_left_running_is_killed_without_being_asked(site: Site, mark: str) -> None:
    asked = site.folder / "asked"
    note = f"import pathlib, signal; signal.signal(15, lambda *_: pathlib.Path({str(asked)!r}).touch())"
    child = f"{note}; import time; open({str(site.folder / 'listening')!r}, 'w').close(); time.sleep(600)"
    parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); import time; time.sleep(600)"
    site.up(site.service("parent", parent, sys.executable, "-c", child, mark))
    assert eventually((site.folder / "listening").exists)
    old = {process.pid for process in processes_with(mark)}
    (site.folder / "listening").unlink()
    psutil.Process(site.children["parent"].pid).kill()
    site.supervisor.pause(2.5)
    assert eventually((site.folder / "listening").exists)
    assert old.isdisjoint(process.pid for process in processes_with(mark))
    assert not asked.exists()


def test_a_service_that_ends_while_starting_fails_with_the_end_of_its_log(site: Site) -> None:
    broken = site.service("broken", "raise SystemExit('no such table: accidents')", ready=lambda: False)
    with pytest.raises(ServiceFailedError, match=r"(?s)broken ended \(exit code 1\) while starting.*no such table"):
        site.up(broken)


def test_a_service_that_dies_early_again_and_again_stops_the_platform(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "MAX_EARLY_ENDS", 3)
    site.up(site.service("dying", "import time; time.sleep(0.3); raise SystemExit(3)"))
    with pytest.raises(ServiceFailedError, match=r"dying ended \(exit code 3\) early 3 times"):
        site.supervisor.pause(20)


def test_nothing_is_given_up_while_the_disk_is_full(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "MAX_EARLY_ENDS", 3)
    monkeypatch.setattr(supervisor, "MOST_COUNTED_ON_A_FULL_DISK", 2)
    monkeypatch.setattr(supervisor, "FULL_BYTES", 2**62)
    site.up(site.service("dying", "import time; time.sleep(0.2); raise SystemExit(3)"))
    deadline, ends = time.monotonic() + 60, []
    while len(ends) <= 3 and time.monotonic() < deadline:
        site.supervisor.pause(0.2)
        ends = [line for line in site.lines if "dying ended (exit code 3)" in line]
    assert len(ends) > 3
    assert all("THE DISK IS FULL, make room" in line for line in ends)


def test_a_service_that_cannot_be_launched_for_a_moment_is_launched_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.05)
    whole = site.service("quiet", SLEEP)
    problems = iter([None, OSError(errno.ENOSPC, "No space left on device"), None])

    def launch() -> subprocess.Popen[bytes]:
        if (problem := next(problems)) is not None:
            raise problem
        return whole.launch()

    site.up(Service("quiet", launch, whole.is_ready, whole.log))
    psutil.Process(site.children["quiet"].pid).kill()
    site.supervisor.pause(1.5)
    assert any("quiet cannot be started: [Errno 28]" in line for line in site.lines)
    assert site.children["quiet"].alive()


def test_a_service_that_is_killed_after_it_has_answered_for_a_while_is_started_again_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "EARLY_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "MAX_EARLY_ENDS", 2)
    site.up(site.service("quiet", SLEEP))
    for kills in range(1, 5):
        site.supervisor.pause(0.6)
        psutil.Process(site.children["quiet"].pid).kill()
        site.supervisor.pause(0.6)
        assert len([line for line in site.lines if "starting it again at once" in line]) == kills
        assert len([line for line in site.lines if "quiet answers again after" in line]) == kills
    assert site.children["quiet"].alive()


def test_a_service_that_stays_mute_after_a_restart_is_killed_and_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.0)
    answers = iter([True])
    service = site.service("mute", SLEEP, ready=lambda: next(answers, False))
    site.up(Service("mute", service.launch, service.is_ready, service.log, ready_seconds=0.5))
    first = site.children["mute"]
    psutil.Process(first.pid).kill()
    site.supervisor.pause(1.5)
    text = "\n".join(site.lines)
    assert "mute did not answer within" in text
    assert text.count("mute ended (signal SIGKILL)") >= 2


def test_what_runs_is_written_down_as_soon_as_the_disk_has_room_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.0)
    site.up(site.service("quiet", SLEEP))
    first = site.children["quiet"]
    site.disk_is_full = True
    psutil.Process(first.pid).kill()
    site.supervisor.pause(0.5)
    assert site.children["quiet"] == first
    assert sum("cannot be written down" in line for line in site.lines) == 1
    site.disk_is_full = False
    site.supervisor.pause(0.3)
    assert site.children["quiet"] != first
    assert site.children["quiet"].alive()


def test_who_asks_is_told_of_a_restart_when_nothing_of_the_service_runs_any_more(tmp_path: Path) -> None:
    site = Site(tmp_path)
    alive: dict[str, bool] = {}
    site.supervisor = Supervisor(
        site.lines.append,
        site._note,  # noqa: SLF001
        lambda name: alive.update({name: site.children[name].alive()}),
    )
    try:
        site.up(site.service("quiet", SLEEP))
        assert alive == {}
        psutil.Process(site.children["quiet"].pid).kill()
        site.supervisor.pause(1.5)
        assert alive == {"quiet": False}
    finally:
        site.supervisor.stop()


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
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    parent = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    site.up(site.service("parent", parent, sys.executable, "-c", deaf, mark), site.service("deaf", deaf, mark))
    assert eventually(lambda: len(processes_with(mark)) == 3)
    site.supervisor.stop()
    assert processes_with(mark) == []


def test_a_wish_to_stop_interrupts_a_wait(site: Site) -> None:
    site.supervisor._note_signal(signal.SIGTERM, None)  # noqa: SLF001 - without ending the tests
    with pytest.raises(StopRequested):
        site.supervisor.pause(60)
