"""The file of a backup: a tar archive, which ``tar`` alone can read; its last member is the manifest.

It is not compressed, because dumps and Parquet files already are.
"""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from road_assets.backup.errors import BackupError
from road_assets.backup.manifest import MANIFEST_FILE, FileEntry, Manifest

_CHUNK: Final = 1 << 20


class BackupWriter:
    """Adds files and notes their checksums.

    Attributes:
        entries: what was added.
    """

    def __init__(self, tar: tarfile.TarFile) -> None:
        """Write into a tar that is open."""
        self._tar = tar
        self.entries: dict[str, FileEntry] = {}

    def add_file(self, name: str, file: IO[bytes]) -> None:
        """Add an open file as it is now; what is appended to it meanwhile stays out.

        Raises:
            BackupError: it got shorter while it was read.
        """
        facts = os.fstat(file.fileno())
        source = _Hashing(file, facts.st_size)
        try:
            self._tar.addfile(_member(name, facts), source)
        except OSError as error:
            if source.left and not error.errno:
                raise BackupError(f"{file.name} was cut while it was read; make the backup again") from error
            raise
        self.entries[name] = FileEntry(size=facts.st_size, sha256=source.digest.hexdigest())

    def add_directory(self, name: str, facts: os.stat_result) -> None:
        """Add a directory, which may be empty."""
        member = _member(name, facts)
        member.type, member.size = tarfile.DIRTYPE, 0
        self._tar.addfile(member)

    def add_manifest(self, manifest: Manifest) -> None:
        """Add what the backup says about itself, as its last file."""
        content = manifest.model_dump_json(indent=1).encode()
        member = tarfile.TarInfo(MANIFEST_FILE)
        member.size, member.mode, member.mtime = len(content), 0o600, int(manifest.made_at.timestamp())
        self._tar.addfile(member, io.BytesIO(content))


class _Hashing:
    """Reads so many bytes of a file and no more, and hashes them."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.left = size
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, self.left))
        self.left -= len(content)
        self.digest.update(content)
        return content


@contextmanager
def writing(target: Path) -> Iterator[BackupWriter]:
    """Write a backup to a temporary file, and rename it when it is complete. Only its owner may read it.

    Args:
        target: where it is to be; nothing may be there.

    Raises:
        BackupError: something is there, or the directory cannot be written.
    """
    if target.exists():
        raise BackupError(f"{target} is there already and is not overwritten; choose another name")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-", suffix=".tmp")
    except OSError as error:
        raise BackupError(
            f"{target.parent} cannot be written to by user {os.getuid()}, who makes the backup: {error.strerror}"
        ) from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield BackupWriter(tar)
            file.flush()
            os.fsync(file.fileno())
        _place(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def read_manifest(source: Path) -> Manifest:
    """What a backup says about itself.

    Raises:
        BackupError: it is no backup, or not a whole one.
    """
    try:
        with tarfile.open(source, mode="r:") as tar, tar.extractfile(MANIFEST_FILE) or io.BytesIO() as content:
            return Manifest.model_validate_json(content.read())
    except OSError as error:
        raise BackupError(f"{source} cannot be read: {error.strerror or error}") from error
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise BackupError(
            f"{source} is no whole backup: its last file, {MANIFEST_FILE}, is missing or damaged. Was it cut off when "
            "it was copied?"
        ) from error


def members(source: Path, manifest: Manifest) -> Iterator[tuple[str, tarfile.TarInfo, IO[bytes] | None]]:
    """Go through a backup: name, facts, and content of a file; directories have none.

    A content must be read to its end, which is where it is compared with its checksum.

    Raises:
        BackupError: a file is damaged, missing, there twice or unknown to the manifest.
    """
    waiting = dict(manifest.files)
    try:
        with tarfile.open(source, mode="r:") as tar:
            for member in tar:
                name = member.name
                if name == MANIFEST_FILE:
                    continue
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise BackupError(
                        f"{source} holds a file with the name {name!r}, which leads outside; it is not ours"
                    )
                if member.isdir():
                    yield name, member, None
                    continue
                entry = waiting.pop(name, None)
                content = tar.extractfile(member) if member.isreg() else None
                if entry is None or content is None:
                    raise BackupError(f"{source} holds {name!r}, of which its manifest knows nothing; it was changed")
                checked = _Checked(content, entry, f"{name} in {source}")
                yield name, member, checked
                checked.finish()
    except tarfile.TarError as error:
        raise BackupError(f"{source} is damaged: {error}") from error
    if waiting:
        raise BackupError(f"{source} lacks {next(iter(waiting))} and {len(waiting) - 1} other files of its manifest")


class _Checked(io.RawIOBase):
    """Content of a member, compared with its checksum at the end."""

    def __init__(self, content: IO[bytes], entry: FileEntry, where: str) -> None:
        self._content, self._entry, self._where = content, entry, where
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        content = self._content.read(min(len(view), _CHUNK))
        view[: len(content)] = content
        self._digest.update(content)
        return len(content)

    def finish(self) -> None:
        """Read what is left, and compare.

        Raises:
            BackupError: it is another content than was saved.
        """
        while self.read(_CHUNK):
            continue
        if self._digest.hexdigest() != self._entry.sha256:
            raise BackupError(f"{self._where} is damaged: its checksum is another one. Take another copy of the backup")


def _member(name: str, facts: os.stat_result) -> tarfile.TarInfo:
    """The header of a member, without an owner: whoever restores the file owns it."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = facts.st_size, facts.st_mode & 0o777, facts.st_mtime
    return member


def _place(draft: Path, target: Path) -> None:
    try:
        target.touch(mode=0o600, exist_ok=False)  # taken, so that the rename replaces nothing but this
    except FileExistsError as error:
        raise BackupError(f"{target} was made meanwhile and is not overwritten; choose another name") from error
    draft.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
