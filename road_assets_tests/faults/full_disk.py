"""A disk for the state of a platform that can be filled and freed at will.

Root gets a file system of its own in a sparse file. For anybody else the largest size of a file that the platform's
processes may write is set to nearly nothing, which fails at the same places with another error.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

DISK_BYTES: Final = 5 * 2**30
"""More than ``road up`` asks for; the file is sparse and takes what is written."""

_FIRST_FILLER: Final = 2**28
_LAST_FILLER: Final = 2**10
_LARGEST_FILE: Final = 2**13
_FILLER: Final = "filler"


@dataclass(frozen=True, slots=True)
class StateDisk:
    """Where the state goes.

    Attributes:
        folder: outside of the disk, open to all.
        home: ``ROAD_HOME``, on it.
        description: which kind it is.
        fill: makes it full; takes the process of ``road up``.
        free: makes room again; takes the same.
    """

    folder: Path
    home: Path
    description: str
    fill: Callable[[int], None]
    free: Callable[[int], None]


@contextmanager
def state_disk() -> Iterator[StateDisk]:
    """Make a disk, and take it away."""
    with tempfile.TemporaryDirectory(prefix="road-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres may run as another account
        if os.geteuid() == 0 and shutil.which("mkfs.ext4") and shutil.which("mount"):
            with _mounted(folder) as place:
                yield StateDisk(
                    folder,
                    place / "home",
                    f"an ext4 of {DISK_BYTES / 2**30:.0f} GiB in a file",
                    lambda _: _fill(place),
                    lambda _: (place / _FILLER).unlink(),
                )
        else:
            yield StateDisk(
                folder,
                folder / "home",
                f"a directory; full means that no file may grow beyond {_LARGEST_FILE} bytes (RLIMIT_FSIZE)",
                lambda pid: _limit(pid, _LARGEST_FILE),
                lambda pid: _limit(pid, resource.RLIM_INFINITY),
            )


@contextmanager
def _mounted(folder: Path) -> Iterator[Path]:
    image, place = folder / "disk.img", folder / "disk"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)  # noqa: S603, S607
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)  # noqa: S603, S607
    try:
        yield place
    finally:
        # Lazily: a process that was just killed may hold a file for a moment yet.
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S603, S607


def _fill(place: Path) -> None:
    """Take all blocks that are free, in ever smaller pieces; nothing is written."""
    with (place / _FILLER).open("wb") as file:
        size, end = _FIRST_FILLER, 0
        while size >= _LAST_FILLER:
            try:
                os.posix_fallocate(file.fileno(), end, size)
                end += size
            except OSError:
                size //= 2


def _limit(supervisor: int, largest: int) -> None:
    family = [psutil.Process(supervisor)]
    family += family[0].children(recursive=True)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
            process.rlimit(psutil.RLIMIT_FSIZE, (hard if largest == resource.RLIM_INFINITY else largest, hard))
