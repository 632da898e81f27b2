"""The table: what was measured, beside what it is compared with."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        what: was measured.
        ours: the project's value, in words with its unit.
        baseline: what it is compared with, and its value; empty where there is nothing to compare with.
        ratio: how many times better ours is; None without a baseline.
        memory: largest resident size of our process in bytes, None where it says nothing.
    """

    what: str
    ours: str
    baseline: str = ""
    ratio: float | None = None
    memory: int | None = None


def as_markdown(rows: Iterable[Row]) -> str:
    """The rows as a table for people and for README."""
    lines = ["| what | here | baseline | here is | memory |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g} x"
        memory = "" if row.memory is None else f"{row.memory / 2**30:.2f} GiB"
        lines.append(f"| {row.what} | {row.ours} | {row.baseline} | {ratio} | {memory} |")
    return "\n".join(lines)


def machine() -> str:
    """What the figures belong to."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}; "
        f"load before: {psutil.getloadavg()[0]:.1f}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
