"""Files that are replaced completely or not at all, in a local folder or in an object storage.

An object storage is named by an address, ``s3://bucket/folder`` or ``gs://bucket/folder``. Credentials come from the
environment as the providers' own tools read it (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS``, the role of a pod), never from the address.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeGuard

from upath import UPath

_DRAFT: Final = (".", ".tmp")
"""Prefix and suffix of the names of files that are being written."""

StoragePath = Path | UPath
"""A file or a folder: a local ``Path``, which is fastest, or a ``UPath`` in an object storage."""


def storage_path(address: str) -> StoragePath:
    """The path that an address names; the storage is not accessed yet.

    Args:
        address: a path, or ``s3://…`` or ``gs://…``.

    Raises:
        ImportError: the packages for that storage are not installed.
    """
    if "://" not in address:
        return Path(address)
    try:
        # Listings are not remembered: other processes write there too.
        path = UPath(address, use_listings_cache=False)
        path.fs  # noqa: B018 - makes the client, which is where a missing package shows
    except ImportError as error:
        raise ImportError(
            f"{address} needs a package ({error}); pip install 'road-assets[{address.partition(':')[0]}]'"
        ) from error
    return path


def require_bucket(address: str) -> None:
    """Look up the bucket of an object storage, to find out early whether it can be used.

    Raises:
        ImportError: the packages for that storage are not installed.
        FileNotFoundError: there is no such bucket.
        Exception: the storage cannot be reached, or denies access; each client raises errors of its own.
    """
    path = storage_path(address)
    if is_remote(path):
        path.fs.ls(path.drive)


def is_remote(path: StoragePath) -> TypeGuard[UPath]:
    """Whether a path is in an object storage."""
    return not isinstance(path, Path)


def names_in(folder: StoragePath, *, below: bool = False) -> list[str]:
    """Names of the files in a folder; a folder that does not exist has none.

    Args:
        folder: where to look.
        below: look in its direct subfolders instead.
    """
    if is_remote(folder):
        # Each page of the listing is one request, whatever the number of folders.
        found = folder.fs.find(folder.path) if below else folder.fs.find(folder.path, maxdepth=1)
        inside = [path.removeprefix(folder.path.rstrip("/") + "/").split("/") for path in found]
        return [parts[-1] for parts in inside if len(parts) == 1 + below]
    if below:
        return [path.name for path in folder.glob("*/*")]
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def folders_in(folder: StoragePath) -> list[str]:
    """Names of the folders in a folder, sorted; a folder that does not exist has none."""
    if is_remote(folder):
        found = folder.fs.ls(folder.path, detail=True) if folder.fs.exists(folder.path) else []
        return sorted(facts["name"].rstrip("/").rsplit("/", 1)[-1] for facts in found if facts["type"] == "directory")
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write to a temporary file, then rename it: a reader, also after a kill, sees the old file or the new one.

    Args:
        path: the target; its folder is created.

    Yields:
        The temporary file. It replaces the target if the block succeeds, and is removed if it does not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begin, end = _DRAFT
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{begin}{path.stem}-", suffix=end)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Let one process at a time into the block; the lock is released when the process ends, however it ends.

    Args:
        path: of the lock file; it and its folder are created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_draft(name: str) -> bool:
    """Whether a file name is that of a temporary file of ``replacing``, whose writer may have been killed."""
    begin, end = _DRAFT
    return name.startswith(begin) and name.endswith(end)


def drafts_below(folder: StoragePath) -> list[Path]:
    """Temporary files of ``replacing`` in a folder and all folders below it, sorted.

    An object storage has none: an object exists only when it is complete, and unfinished uploads are removed by the
    storage's own rules.
    """
    if is_remote(folder):
        return []
    return sorted(path for path in folder.rglob(f"*{_DRAFT[1]}") if is_draft(path.name) and path.is_file())


def replace_bytes(path: StoragePath, content: bytes) -> None:
    """Replace a file's content.

    An object storage replaces an object when all of it has arrived, in one request or at the end of many.
    """
    if is_remote(path):
        path.fs.pipe_file(path.path, content)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def replace_text(path: StoragePath, text: str) -> None:
    """Replace a file's text."""
    replace_bytes(path, text.encode())
