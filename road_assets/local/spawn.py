"""Starts a child process so that it can always be stopped. What is started, and when, is decided elsewhere."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h: the signal that the kernel sends to a child when its parent dies."""

RESET_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCHLD)
"""A background job of a shell script ignores some of these, and its children would inherit that."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user a child runs as, when it is not ours.

    Attributes:
        name: as in the user database, for messages.
        uid: of the user.
        gid: of the user's first group.
    """

    name: str
    uid: int
    gid: int


def spawn(  # noqa: PLR0913 - each is one property of the child
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    account: Account | None = None,
    orphan_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, with ordinary signals, its output appended to a log.

    A session of its own keeps the terminal's Ctrl-C away from it: it is the parent who stops its children, in order.
    On Linux the kernel sends ``orphan_signal`` when the *thread* that called this ends: call it from the main thread.

    Args:
        command: program and arguments.
        log: file that standard output and error are appended to.
        env: the whole environment.
        cwd: working directory; ours if not given.
        account: run as this user; only root can ask for it.
        orphan_signal: what the child gets when its parent is killed.

    Raises:
        OSError: the program does not start.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands are built by this package
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_child_setup(os.getpid(), orphan_signal),  # noqa: PLW1509 - calls the kernel only, after setuid
            **as_account(account),
        )


def as_account(account: Account | None) -> dict[str, Any]:
    """Arguments of ``subprocess`` that run a command as another user; empty for our own."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _child_setup(parent: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before the fork: no imports after it

    def setup() -> None:
        for number in RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal))
            if os.getppid() != parent:  # the parent died before the kernel was told
                os._exit(1)

    return setup


def tail(log: Path, lines: int = 60) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return f"({log} does not exist)"
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 200 * lines))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
