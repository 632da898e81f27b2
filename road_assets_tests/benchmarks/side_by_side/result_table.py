"""The table of results: each measurement beside its baseline, and the machine."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        what: what was measured.
        ours: the project's value, with its unit.
        baseline: name and value of the baseline; empty if there is none.
        ratio: how many times better than the baseline; None without one.
        memory: largest resident size of our process in bytes; None if it is of no interest.
    """

    what: str
    ours: str
    baseline: str = ""
    ratio: float | None = None
    memory: int | None = None


def as_markdown(rows: Iterable[Row]) -> str:
    """Format the rows as a Markdown table, as in the README."""
    lines = ["| what | here | baseline | here is | memory |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g} x"
        memory = "" if row.memory is None else f"{row.memory / 2**30:.2f} GiB"
        lines.append(f"| {row.what} | {row.ours} | {row.baseline} | {ratio} | {memory} |")
    return "\n".join(lines)


def machine() -> str:
    """Describe the machine, and the load on it before the benchmark."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}; "
        f"load before: {psutil.getloadavg()[0]:.1f}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
