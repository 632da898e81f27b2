"""What a backup says about itself, and whether it can be restored here. Nothing is read or written."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from packaging.version import Version
from pydantic import BaseModel, ConfigDict

FORMAT: Final = 1
"""Version of the file's format; increased when an older platform could no longer read the file."""

MANIFEST_FILE: Final = "manifest.json"


class FileEntry(BaseModel):
    """A file in the backup.

    Attributes:
        size: in bytes.
        sha256: of its content, hexadecimal.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class DatabaseEntry(BaseModel):
    """A database in the backup, as it was at one moment.

    Attributes:
        file: its dump, in the custom format of ``pg_dump``.
        server: version of the server it comes from, as 180006.
        revision: newest migration that its tables have seen; None without migrations.
        rows: number of rows per table, ``schema.table``.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    server: int
    revision: str | None
    rows: dict[str, int]


class Manifest(BaseModel):
    """The last file in a backup: one that was cut off has none.

    Attributes:
        format: of the backup.
        made_at: when the first snapshot of a database was taken.
        versions: of what wrote the state, by the name of the package.
        databases: by name, in the order in which their snapshots were taken.
        folders: names of the folders saved.
        left_out: what is not in the backup, in sentences.
        with_secrets: whether the platform's own secrets are in it.
        champion: version of the model in production; None if there was none.
        files: every other file of the backup.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    made_at: datetime
    versions: dict[str, str]
    databases: dict[str, DatabaseEntry]
    folders: list[str]
    left_out: list[str]
    with_secrets: bool
    champion: int | None
    files: dict[str, FileEntry]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files.values())

    def lines(self) -> list[str]:
        """The manifest for people to read, line by line."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        rows = ", ".join(f"{name} {sum(entry.rows.values()):,} rows" for name, entry in self.databases.items())
        secrets = "with" if self.with_secrets else "without"
        return [
            f"state of {self.made_at:%Y-%m-%d %H:%M:%S %Z}, written by {versions}",
            f"databases: {rows or 'none'}; folders: {', '.join(self.folders) or 'none'}; {secrets} secrets",
            f"model in production: {'none' if self.champion is None else f'version {self.champion}'}",
            f"{len(self.files):,} files, {self.size / 1e6:,.1f} MB",
            *(f"not in it: {sentence}" for sentence in self.left_out),
        ]


def reasons_against(manifest: Manifest, versions: Mapping[str, str], revisions: Iterable[str]) -> list[str]:
    """Why a backup cannot be restored by this platform; empty if it can.

    Args:
        manifest: of the backup.
        versions: of what is installed here, by the name of the package.
        revisions: migrations of the platform's own tables that this platform knows.
    """
    reasons = []
    if manifest.format > FORMAT:
        reasons.append(f"it has format {manifest.format}, and this platform reads formats up to {FORMAT}")
    for name, version in manifest.versions.items():
        here = versions.get(name)
        if here is not None and Version(version) > Version(here):
            reasons.append(f"it was written by {name} {version}, which is newer than {here} here")
    own = manifest.databases.get("road")
    if own is not None and own.revision is not None and own.revision not in set(revisions):
        reasons.append(f"its tables are at revision {own.revision}, which this platform does not know")
    return reasons
