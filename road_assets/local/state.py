"""The lock and the state file of a running platform, which ``status``, ``down`` and the next platform read."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from pydantic import BaseModel, ConfigDict

from road_assets.errors import UserFacingError

STATE_FILE: Final = "platform.json"
LOCK_FILE: Final = "lock"
UNFINISHED_FILE: Final = "restore.unfinished"
"""File that exists while a restore replaces the state, and after one that was killed; it holds the backup's path."""

SAME_START_SECONDS: Final = 0.5
"""Tolerance when start times of a process are compared: the clock may be adjusted in between."""


class AlreadyRunningError(UserFacingError):
    """Another platform holds this ``ROAD_HOME``."""


class StateError(UserFacingError):
    """The state file cannot be read."""


class ProcessId(BaseModel):
    """A process, distinguished from a later one with the same number.

    Attributes:
        pid: its number.
        created: when it started, seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Identify a living process.

        Raises:
            psutil.NoSuchProcess: there is none.
        """
        return cls(pid=pid, created=psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < SAME_START_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class PlatformState(BaseModel):
    """The platform of one home.

    Attributes:
        supervisor: the process of ``road up``.
        services: child processes by name, in the order they were started.
        addresses: where each can be reached.
        postgres_port: of the embedded database.
        demo: whether it is a demonstration.
        ready: whether the main job is done and the service answers.
    """

    supervisor: ProcessId
    services: dict[str, ProcessId] = {}
    addresses: dict[str, str] = {}
    postgres_port: int
    demo: bool = False
    ready: bool = False

    def save(self, home: Path) -> None:
        """Write the state; a reader sees the old or the new one, never half of it."""
        draft = home / f".{STATE_FILE}.{os.getpid()}"
        draft.write_text(self.model_dump_json(indent=2))
        draft.replace(home / STATE_FILE)


def forget_state(home: Path) -> None:
    """Remove the state file: the platform has stopped all its processes itself."""
    (home / STATE_FILE).unlink(missing_ok=True)


def load_state(home: Path) -> PlatformState | None:
    """Read the state of this home's platform, which may have been killed since; None if it was stopped cleanly.

    Raises:
        StateError: the file does not parse.
    """
    path = home / STATE_FILE
    try:
        return PlatformState.model_validate_json(path.read_text())
    except FileNotFoundError:  # it may also be removed at this moment, by a platform that stops
        return None
    except ValueError as error:
        raise StateError(
            f"{path} does not parse, so what runs is not known; delete it when nothing does. {error}"
        ) from error


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home for one platform. The kernel lets go when the process ends, however it ends.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            state = load_state(home)
            holder = f" by process {state.supervisor.pid}" if state is not None and state.supervisor.alive() else ""
            raise AlreadyRunningError(
                f"{home} is already in use{holder}; `make status` shows the platform, `make down` stops it. "
                "A second one needs another ROAD_HOME and other ports"
            ) from error
        yield
