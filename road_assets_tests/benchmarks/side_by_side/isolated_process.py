"""Measures a function in a separate process, so that its memory can be told from that of other functions.

The child is ``python -m …isolated_process MODULE FUNCTION RESULT_FILE ARGUMENTS``. The function returns a mapping that
can be written as JSON.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True, slots=True)
class IsolatedResult:
    """Result of a function that ran in a separate process.

    Attributes:
        result: what the function returned, with ``seconds`` if it used ``timed``.
        memory: largest resident size of the process, in bytes.
    """

    result: Mapping[str, Any]
    memory: int

    @property
    def seconds(self) -> float:
        """Seconds of the block that the function timed."""
        return float(self.result["seconds"])


def run_isolated(function: Callable[..., Mapping[str, Any]], *arguments: str) -> IsolatedResult:
    """Call a function of a module in a separate process.

    Raises:
        RuntimeError: it failed; its traceback is on standard error.
    """
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [
            sys.executable,
            "-m",
            "road_assets_tests.benchmarks.side_by_side.isolated_process",
            function.__module__,
            function.__name__,
            str(result),
            *arguments,
        ]
        process = subprocess.Popen(command)  # noqa: S603 - our own command
        if process.wait():
            raise RuntimeError(f"{function.__name__} ended with exit code {process.returncode}")
        return IsolatedResult(**json.loads(result.read_text()))


@contextmanager
def timed(result: dict[str, Any]) -> Iterator[None]:
    """Store the seconds that a block takes as ``seconds``."""
    started = time.perf_counter()
    yield
    result["seconds"] = time.perf_counter() - started


def main() -> int:
    """Run the function in the child process."""
    module, name, result, *arguments = sys.argv[1:]
    answer = getattr(importlib.import_module(module), name)(*arguments)
    Path(result).write_text(json.dumps({"result": answer, "memory": _peak_memory()}))
    return 0


def _peak_memory() -> int:
    """Peak resident size of this program in bytes; ``getrusage`` would include the process that started it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    sys.exit(main())
