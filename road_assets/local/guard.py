"""A process that outlives a supervisor that is killed, and ends what it left running.

Linux can signal the direct children of a process that dies, but not their own children, and other systems cannot do
even that. The supervisor holds the writing end of a pipe to this process: however it ends, the pipe is closed.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

from road_assets.local.leftovers import stop_leftovers
from road_assets.local.state import load_state


def start_guard(home: Path) -> subprocess.Popen[bytes]:
    """Start the guard of a home. When its ``stdin`` is closed it looks for leftovers once, and ends."""
    return subprocess.Popen(  # noqa: S603 - this module itself
        [sys.executable, "-m", __name__, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    """Wait for the end of standard input, then stop what is left of the home named on the command line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of the supervisor ends the guard
    sys.stdin.read()
    home = Path(sys.argv[1])
    wait_for_supervisor(home)
    stop_leftovers(home)


def wait_for_supervisor(home: Path, seconds: float = 5.0) -> None:
    """Wait until the supervisor is gone: its pipe is closed a moment earlier."""
    deadline = time.monotonic() + seconds
    while (state := load_state(home)) is not None and time.monotonic() < deadline:
        if not state.services or not state.supervisor.alive():
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
