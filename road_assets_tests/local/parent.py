"""A service with a child process that ignores what ends the service: ``python parent.py MARK``."""

import signal
import subprocess
import sys
import time


def main() -> None:
    if "child" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        subprocess.Popen([sys.executable, "-IS", __file__, sys.argv[1], "child"])  # noqa: S603 - this file
    time.sleep(600)


if __name__ == "__main__":
    main()
