"""The supervisor: starts services, waits until they answer, restarts one that dies, and stops all in reverse order."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

from road_assets.local.errors import LocalError
from road_assets.local.leftovers import end, send, session_members
from road_assets.local.spawn import tail
from road_assets.local.state import ProcessId

FIRST_BACKOFF_SECONDS: Final = 1.0
LONGEST_BACKOFF_SECONDS: Final = 30.0
MAX_RESTARTS: Final = 5
RESTART_WINDOW_SECONDS: Final = 600.0
"""More than ``MAX_RESTARTS`` ends within this time are no accident."""

STOP_SECONDS: Final = 8.0
POLL_SECONDS: Final = 0.1


class StopRequested(Exception):  # noqa: N818 - a wish of the user, not an error
    """Ctrl-C, or a signal that asks the platform to end."""


class ServiceFailedError(LocalError):
    """A service did not come up, or died again and again; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """One long-running child.

    Attributes:
        name: for people and for the log's name.
        launch: starts the process; called from the main thread.
        is_ready: whether it answers; must return within a few seconds and not raise.
        log: file it writes to.
        stop_signal: what it takes as "end in good order".
        ready_seconds: patience on start.
    """

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    ready_seconds: float = 180.0


@dataclass(slots=True)
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    identity: ProcessId
    started: float
    was_ready: bool = False
    ends: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """Keeps services running until it is told to stop. All methods belong to the main thread."""

    def __init__(self, report: Callable[[str], None], on_change: Callable[[dict[str, ProcessId]], None]) -> None:
        """Make a supervisor without services.

        Args:
            report: prints a line for people.
            on_change: told the processes, in the order they were first started, whenever one is started.
        """
        self._report = report
        self._on_change = on_change
        self._running: dict[str, _Running] = {}
        self._stop_signals = 0

    def install_signal_handlers(self) -> None:
        """Let Ctrl-C, TERM and HUP stop the platform, also where a script has set Ctrl-C to be ignored.

        An ignored HUP stays ignored: that is what ``nohup`` is for.
        """
        signal.signal(signal.SIGINT, self._note_signal)
        signal.signal(signal.SIGTERM, self._note_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note_signal)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1

    def launch(self, *services: Service) -> None:
        """Start services without waiting for them."""
        for service in services:
            process = service.launch()
            self._running[service.name] = _Running(service, process, ProcessId.of(process.pid), time.monotonic())
            self._tell()

    def wait(self, *services: Service) -> None:
        """Wait until all answer, reporting each with the time it took.

        Raises:
            ServiceFailedError: one ended, or did not answer in time.
            StopRequested: the user wants to end.
        """
        waiting = [self._running[service.name] for service in services]
        while waiting:
            for running in list(waiting):
                elapsed = time.monotonic() - running.started
                if running.process.poll() is None and running.service.is_ready():
                    running.was_ready = True
                    waiting.remove(running)
                    self._report(f"  {running.service.name:<12} ready after {elapsed:5.1f} s")
                elif elapsed > running.service.ready_seconds:
                    raise ServiceFailedError(
                        f"{running.service.name} did not answer within {running.service.ready_seconds:.0f} s; "
                        f"{running.service.log}:\n{tail(running.service.log)}"
                    )
            if waiting:
                self.pause(POLL_SECONDS)

    def pause(self, seconds: float) -> None:
        """Sleep while watching the services.

        Raises:
            ServiceFailedError: a service is beyond restarting.
            StopRequested: the user wants to end.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self._stop_signals:
                raise StopRequested
            self._restart_dead()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(POLL_SECONDS, left))

    def stop(self) -> None:
        """Stop every service with all it started, the one that was started first last and alone."""
        newest_first = list(reversed(self._running.values()))
        for group in (newest_first[:-1], newest_first[-1:]):
            families = [(running.service.stop_signal, _family(running)) for running in group]
            for number, family in families:  # all at once, then one after the other, so that patience does not add up
                if family:
                    send(family[0], number)
            deadline = time.monotonic() + STOP_SECONDS
            for _, family in families:
                end(family, None, max(1.0, deadline - time.monotonic()))
        for running in newest_first:
            running.process.poll()
        self._running.clear()

    def _restart_dead(self) -> None:
        for running in self._running.values():
            if running.process.poll() is None:
                continue
            if running.restart_at is None:
                self._schedule_restart(running)
            elif time.monotonic() >= running.restart_at:
                end(session_members(running.identity), signal.SIGTERM, STOP_SECONDS)
                running.process = running.service.launch()
                running.identity = ProcessId.of(running.process.pid)
                running.restart_at = None
                self._tell()
                self._report(f"  {running.service.name} started again")

    def _schedule_restart(self, running: _Running) -> None:
        now = time.monotonic()
        running.ends = [moment for moment in running.ends if now - moment < RESTART_WINDOW_SECONDS] + [now]
        service, code = running.service, running.process.returncode
        if not running.was_ready or len(running.ends) > MAX_RESTARTS:
            when = "while starting" if not running.was_ready else f"{len(running.ends)} times, restarts do not help"
            raise ServiceFailedError(
                f"{service.name} ended ({_outcome(code)}) {when}; {service.log}:\n{tail(service.log)}"
            )
        backoff = min(FIRST_BACKOFF_SECONDS * 2 ** (len(running.ends) - 1), LONGEST_BACKOFF_SECONDS)
        running.restart_at = now + backoff
        self._report(
            f"  {service.name} ended ({_outcome(code)}), starting it again in {backoff:.0f} s; see {service.log}"
        )

    def _tell(self) -> None:
        self._on_change({name: running.identity for name, running in self._running.items()})


def _family(running: _Running) -> list[psutil.Process]:
    """The child, all of its session, and descendants that have left the session; the child first."""
    members = session_members(running.identity)
    if running.process.poll() is None:
        known = {process.pid for process in members}
        children = psutil.Process(running.process.pid).children(recursive=True)
        members += [child for child in children if child.pid not in known]
    return members


def _outcome(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
