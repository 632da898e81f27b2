"""Adds folders to a backup while other processes write to them.

Files are replaced by a rename, so each one that is read is complete.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from road_assets.backup.stores import REPLACED, STAGING, is_recreated
from road_assets.backup.tar_file import BackupWriter
from road_assets.resources.files import is_draft

_SQLITE_HEADER: Final = b"SQLite format 3\x00"
_SQLITE_SUFFIXES: Final = (".db", ".sqlite")
_SQLITE_BESIDE: Final = ("-wal", "-shm", "-journal")


def add_root(writer: BackupWriter, name: str, path: Path) -> None:
    """Add a folder with all that is in it, or a single file.

    Args:
        writer: of the backup.
        name: in the backup.
        path: on disk.
    """
    if not path.is_dir():
        _add_file(writer, name, path)
        return
    writer.add_directory(name, path.stat())
    for below in _walk(path):
        inside = below.relative_to(path)
        if is_recreated(inside.parts[0], below=path.name):
            continue
        if below.is_dir():
            writer.add_directory(f"{name}/{inside}", below.stat())
        else:
            _add_file(writer, f"{name}/{inside}", below)


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder in order; links to folders are not followed.

    SQLite databases come first: the files that they refer to are then read later, and are still there.
    """
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix not in _SQLITE_SUFFIXES, path.name)):
        if path.is_dir():
            if not path.is_symlink() and path.name not in (STAGING, REPLACED):
                yield path
                yield from _walk(path)
        elif path.is_file() and not _is_draft(path):
            yield path


def _is_draft(path: Path) -> bool:
    """Whether somebody is still writing it, or it belongs to an open SQLite database, which is saved by SQLite."""
    return is_draft(path.name) or path.name.endswith(_SQLITE_BESIDE)


def _add_file(writer: BackupWriter, name: str, path: Path) -> None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # removed meanwhile, so no database refers to it: such files are not removed during a backup
    with file:
        is_sqlite = file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
        file.seek(0)
        if not is_sqlite:
            writer.add_file(name, file)
            return
    with tempfile.NamedTemporaryFile() as copy:
        source = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as database, closing(sqlite3.connect(copy.name)) as target:
            database.backup(target)
        with Path(copy.name).open("rb") as content:
            writer.add_file(name, content)
