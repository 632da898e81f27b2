"""Makes a backup of all state, whether the platform runs or not.

A snapshot of every database is taken at one moment, while nobody can move the production pointer. Then the snapshots
are dumped, and only then the folders are read. So the folders may hold more than the databases refer to, but never
less: whoever removes files waits until the backup is done.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg

from road_assets.backup.errors import BackupError
from road_assets.backup.folders import add_root
from road_assets.backup.manifest import DatabaseEntry, FileEntry, Manifest
from road_assets.backup.postgres_tools import Snapshot, connected, describe, revision, take_snapshot
from road_assets.backup.stores import HOME, Stores
from road_assets.backup.tar_file import BackupWriter, writing
from road_assets.core.vocabulary import MODEL_NAME
from road_assets.resources import locks
from road_assets.resources.archive.model_archive import archive_lock

SECRETS_FOLDER: Final = "secrets"
WAIT_SECONDS: Final = 600
"""How long a promotion, or the removal of what is old, is waited for."""

_PACKAGES: Final = ("road-assets", "dagster", "mlflow")
_ARTIFACTS_SCHEME: Final = "mlflow-artifacts:/"


def make_backup(stores: Stores, target: Path, say: Callable[[str], None], *, with_secrets: bool = False) -> Manifest:
    """Write all state to one file.

    Args:
        stores: what there is.
        target: file that is made; nothing may be there.
        say: told how far it is.
        with_secrets: whether the platform's own secrets go into it.

    Returns:
        What the file says about itself.

    Raises:
        BackupError: no file was written.
    """
    secrets = stores.secrets() if with_secrets else []
    if with_secrets and not secrets:
        raise BackupError(
            f"there are no secrets in {stores.home} to save: on servers whoever starts the services keeps them"
        )
    with ExitStack() as stack:
        writer = stack.enter_context(writing(target))
        stack.enter_context(_lock_held(stores.databases["road"], locks.REMOVAL))
        with _lock_held(stores.databases["road"], locks.POINTER):
            made_at = datetime.now(UTC)
            databases = {name: stack.enter_context(take_snapshot(url)) for name, url in stores.databases.items()}
        entries = {name: _add_database(writer, name, database, target.parent) for name, database in databases.items()}
        say(f"  {len(entries)} databases as of {made_at:%H:%M:%S} UTC")
        if (stores.home / "archive").is_dir():
            stack.enter_context(archive_lock(stores.home / "archive"))  # nobody commits while the repository is read
        folders = []
        for name, path in stores.roots():
            add_root(writer, name, path)
            folders.append(name)
        for path in secrets:
            add_root(writer, f"{SECRETS_FOLDER}/{path.name}", path)
        champion = _champion(databases["road"])
        manifest = Manifest(
            made_at=made_at,
            versions=installed_versions(),
            databases=entries,
            folders=folders,
            left_out=[*stores.left_out, *_missing_bundle(champion, databases.get("mlflow"), writer.entries)],
            with_secrets=with_secrets,
            champion=champion,
            files=writer.entries,
        )
        writer.add_manifest(manifest)
    return manifest


def installed_versions() -> dict[str, str]:
    """Versions of what writes the state, as far as it is installed here."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue  # an image may hold a part of the platform only
    return versions


@contextmanager
def _lock_held(url: str, lock: int) -> Iterator[None]:
    """Hold one of ``resources.locks`` in a database during the block."""
    with connected(url, autocommit=True) as connection:
        try:
            locks.acquire(connection, lock, WAIT_SECONDS)
        except psycopg.errors.LockNotAvailable as error:
            raise BackupError(
                f"a promotion, another backup or the removal of old state has been at work in {describe(url)} for "
                f"{WAIT_SECONDS} s; no backup was made. Try again when it is over"
            ) from error
        yield


def _add_database(writer: BackupWriter, name: str, database: Snapshot, scratch_parent: Path) -> DatabaseEntry:
    member = f"databases/{name}.dump"
    with TemporaryDirectory(dir=scratch_parent, prefix=".road-backup-") as scratch:
        dump = Path(scratch, f"{name}.dump")
        database.dump(dump)
        with dump.open("rb") as file:
            writer.add_file(member, file)
    return DatabaseEntry(
        file=member, server=database.server(), revision=revision(database.connection), rows=database.rows()
    )


def _champion(road: Snapshot) -> int | None:
    if road.connection.execute("SELECT to_regclass('champion')").fetchone() == (None,):
        return None
    found = road.connection.execute("SELECT version FROM champion").fetchone()
    return found[0] if found else None


def _missing_bundle(champion: int | None, mlflow: Snapshot | None, files: dict[str, FileEntry]) -> list[str]:
    """Whether the files of the model in production are in the backup; a sentence if they are not."""
    if champion is None or mlflow is None:
        return []
    query = (
        "SELECT r.artifact_uri FROM model_versions v JOIN runs r ON r.run_uuid = v.run_id "
        "WHERE v.name = %s AND v.version = %s"
    )
    found = mlflow.connection.execute(query, (MODEL_NAME, champion)).fetchone()
    if found is None:
        return [f"version {champion}, which is in production, but which MLflow's registry does not hold"]
    address = str(found[0])
    below = address.removeprefix(_ARTIFACTS_SCHEME).lstrip("/")
    homes = (f"{HOME}/mlflow", "mlflow-artifacts")
    if any(name.startswith(tuple(f"{home}/{below}/" for home in homes)) for name in files):
        return []
    return [f"the files of version {champion}, which is in production: MLflow keeps them at {address}; save them there"]
