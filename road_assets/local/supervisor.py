"""The supervisor: starts services, waits until they answer, restarts one that dies, and stops all in reverse order.

A service that dies after it has answered for a while is started again at once, however often that happens. One that
dies early, again and again, has a reason that a restart does not cure: after growing pauses it is given up.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

from road_assets.errors import UserFacingError
from road_assets.local.leftovers import end, kill, send, session_members
from road_assets.local.spawn import tail
from road_assets.local.state import ProcessId

FIRST_BACKOFF_SECONDS: Final = 1.0
LONGEST_BACKOFF_SECONDS: Final = 30.0
EARLY_SECONDS: Final = 10.0
"""A service that dies before it has answered for so long dies early."""

MAX_EARLY_ENDS: Final = 6
"""So many early ends in a row are no accident; the pauses before the last five are 1, 2, 4, 8 and 16 s."""

FULL_BYTES: Final = 32 * 2**20
"""Free space below which no service can work. None is given up for that: somebody will make room."""

MOST_COUNTED_ON_A_FULL_DISK: Final = 4
STOP_SECONDS: Final = 8.0
POLL_SECONDS: Final = 0.1


class StopRequested(Exception):  # noqa: N818 - a request of the user, not an error
    """Ctrl-C, or a signal that asks the platform to end."""


class ServiceFailedError(UserFacingError):
    """A service did not come up, or died again and again; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """One long-running child.

    Attributes:
        name: for people and for the log's name.
        launch: starts the process; called from the main thread.
        is_ready: whether it answers; must return within a few seconds and not raise.
        log: file it writes to.
        stop_signal: the signal on which it shuts down cleanly.
        ready_seconds: how long it may take until it is ready.
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
    ready_since: float | None = None
    early_ends: int = 0
    restart_at: float | None = None
    restarted: bool = False

    def died_early(self, now: float) -> bool:
        return self.ready_since is None or now - self.ready_since < EARLY_SECONDS


class Supervisor:
    """Keeps services running until it is told to stop. All methods belong to the main thread."""

    def __init__(
        self,
        report: Callable[[str], None],
        on_change: Callable[[dict[str, ProcessId]], None],
        on_restart: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make a supervisor without services.

        Args:
            report: prints a line for people.
            on_change: called with all processes, in the order in which they were first started, when one is started.
                If it raises ``OSError``, as on a full disk, it is called again until it does not.
            on_restart: called with the name of a service that died, just before it is started again; none of its
                processes is left.
        """
        self._report = report
        self._on_change = on_change
        self._on_restart = on_restart
        self._running: dict[str, _Running] = {}
        self._stop_signals = 0
        self._untold = False

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
                    running.ready_since = time.monotonic()
                    waiting.remove(running)
                    self._report(f"  {running.service.name:<12} ready after {elapsed:5.1f} s")
                elif elapsed > running.service.ready_seconds:
                    raise ServiceFailedError(_mute(running.service))
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
        if self._untold:
            self._tell()
        for running in self._running.values():
            if running.process.poll() is None:
                if running.restarted and running.ready_since is None:
                    self._look_at(running)
            elif running.restart_at is None:
                self._schedule_restart(running)
            elif time.monotonic() >= running.restart_at:
                self._restart(running)

    def _look_at(self, running: _Running) -> None:
        """Whether a service that was started again answers by now; one that stays mute is killed, as if it had died."""
        elapsed = time.monotonic() - running.started
        if running.service.is_ready():
            running.ready_since = time.monotonic()
            self._report(f"  {running.service.name} answers again after {elapsed:.1f} s")
        elif elapsed > running.service.ready_seconds:
            self._report(f"  {_mute(running.service)}")
            running.process.kill()

    def _restart(self, running: _Running) -> None:
        kill(session_members(running.identity))
        try:
            self._on_restart(running.service.name)
            running.process = running.service.launch()
        except OSError as error:
            self._report(f"  {running.service.name} cannot be started: {error}")
            running.restart_at = None  # one more early end
            return
        running.identity = ProcessId.of(running.process.pid)
        running.started = time.monotonic()
        running.ready_since, running.restart_at, running.restarted = None, None, True
        self._tell()
        self._report(f"  {running.service.name} started again")

    def _schedule_restart(self, running: _Running) -> None:
        now = time.monotonic()
        running.early_ends = running.early_ends + 1 if running.died_early(now) else 0
        service, code = running.service, running.process.returncode
        starting = running.ready_since is None and not running.restarted
        full = not starting and _is_full(service.log.parent)
        if full:
            running.early_ends = min(running.early_ends, MOST_COUNTED_ON_A_FULL_DISK)
        if starting or running.early_ends >= MAX_EARLY_ENDS:
            when = "while starting" if starting else f"early {running.early_ends} times, restarts do not help"
            raise ServiceFailedError(
                f"{service.name} ended ({_outcome(code)}) {when}; {service.log}:\n{tail(service.log)}"
            )
        grown = FIRST_BACKOFF_SECONDS * 2 ** (running.early_ends - 1) if running.early_ends else 0.0
        backoff = min(grown, LONGEST_BACKOFF_SECONDS)
        running.restart_at = now + backoff
        when = (f"in {backoff:.0f} s" if backoff else "at once") + (", but THE DISK IS FULL, make room" if full else "")
        self._report(f"  {service.name} ended ({_outcome(code)}), starting it again {when}; see {service.log}")

    def _tell(self) -> None:
        try:
            self._on_change({name: running.identity for name, running in self._running.items()})
        except OSError as error:
            if not self._untold:
                self._report(f"  what runs cannot be written down ({error}); trying again until it can")
            self._untold = True
        else:
            self._untold = False


def _family(running: _Running) -> list[psutil.Process]:
    """The child, all of its session, and descendants that have left the session; the child first."""
    members = session_members(running.identity)
    if running.process.poll() is None:
        known = {process.pid for process in members}
        children = psutil.Process(running.process.pid).children(recursive=True)
        members += [child for child in children if child.pid not in known]
    return members


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < FULL_BYTES


def _mute(service: Service) -> str:
    return f"{service.name} did not answer within {service.ready_seconds:.0f} s; {service.log}:\n{tail(service.log)}"


def _outcome(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
