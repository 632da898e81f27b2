"""A supervisor over two small services, each with a child of its own, to be ended in every way by the tests.

python supervised.py HOME MARK [ignore-int]
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from road_assets.local import supervisor as supervisor_module
from road_assets.local.guard import start_guard
from road_assets.local.spawn import spawn
from road_assets.local.state import PlatformState, ProcessId, forget_state
from road_assets.local.supervisor import Service, StopRequested, Supervisor


def main() -> None:
    home, mark = Path(sys.argv[1]), sys.argv[2]
    if "ignore-int" in sys.argv:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor_module.STOP_SECONDS = 2.0
    state = PlatformState(supervisor=ProcessId.of(os.getpid()), postgres_port=1)

    def note(children: dict[str, ProcessId]) -> None:
        state.services = children
        state.save(home)

    command = [sys.executable, "-IS", str(Path(__file__).with_name("parent.py")), mark]
    services = [
        Service(
            name,
            partial(spawn, command, log=home / f"{name}.log", env=dict(os.environ)),
            lambda: time.monotonic() > 0,
            home / f"{name}.log",
        )
        for name in ("first", "second")
    ]
    supervisor = Supervisor(sys.stderr.write, note)
    supervisor.install_signal_handlers()
    state.save(home)
    guard = start_guard(home)
    try:
        supervisor.launch(*services)
        supervisor.wait(*services)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        while True:
            supervisor.pause(0.2)
    except StopRequested:
        supervisor.stop()
        forget_state(home)
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


if __name__ == "__main__":
    main()
