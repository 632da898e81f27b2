"""Measures a function in a process of its own, so that its memory is its own.

The child is ``python -m …apart MODULE FUNCTION ARGUMENTS``; the function returns what can be written as JSON.
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
class Apart:
    """What came of it.

    Attributes:
        result: what the function returned; ``seconds`` among it, if it timed what counts.
        memory: largest resident size of the process, in bytes.
    """

    result: Mapping[str, Any]
    memory: int

    @property
    def seconds(self) -> float:
        """Of what counts."""
        return float(self.result["seconds"])


def run_apart(function: Callable[..., Mapping[str, Any]], *arguments: str) -> Apart:
    """Call a function of a module in a process of its own.

    Raises:
        RuntimeError: it failed; its words are on the screen.
    """
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [
            sys.executable,
            "-m",
            "road_assets_tests.benchmarks.side_by_side.apart",
            function.__module__,
            function.__name__,
            str(result),
            *arguments,
        ]
        process = subprocess.Popen(command)  # noqa: S603 - our own command
        if process.wait():
            raise RuntimeError(f"{function.__name__} ended with exit code {process.returncode}")
        return Apart(**json.loads(result.read_text()))


@contextmanager
def timed(result: dict[str, Any]) -> Iterator[None]:
    """Note the seconds that a block takes."""
    started = time.perf_counter()
    yield
    result["seconds"] = time.perf_counter() - started


def main() -> int:
    """Be the child."""
    module, name, result, *arguments = sys.argv[1:]
    answer = getattr(importlib.import_module(module), name)(*arguments)
    Path(result).write_text(json.dumps({"result": answer, "memory": _most_memory()}))
    return 0


def _most_memory() -> int:
    """Of this program, in bytes; ``getrusage`` would count the process that started it, too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    sys.exit(main())
