"""Restores all state from a backup, into an empty platform or over the state that is there.

First everything is unpacked next to its destination and compared with its checksums; until then nothing is replaced.
Then what others refer to is restored before what refers to it: files, MLflow, Dagster, the tables. Each database is
restored in one transaction. A restore that is killed leaves a note, which keeps the platform from starting; running the
restore again completes it.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, LiteralString

from road_assets.backup.errors import BackupError
from road_assets.backup.make import SECRETS_FOLDER, installed_versions
from road_assets.backup.manifest import Manifest, reasons_against
from road_assets.backup.postgres_tools import analyze, connected, count_rows, describe, other_connections, restore
from road_assets.backup.stores import HOME, REPLACED, STAGING, Stores
from road_assets.backup.tar_file import members, read_manifest
from road_assets.local.secrets import DIRECTORY as SECRETS
from road_assets.local.state import UNFINISHED_FILE
from road_assets.resources.database import known_revisions

_HOLDS_STATE: Final[Mapping[str, tuple[LiteralString, ...]]] = {
    "dagster": ("runs", "event_logs"),
    "mlflow": ("runs", "registered_models"),
}
"""Tables whose rows are state that somebody would miss; others have rows from the start. Of the platform's own
database, nearly all tables count."""

_OWN_FROM_THE_START: Final = ("alembic_version",)


def check_backup(source: Path) -> Manifest:
    """Read a backup to its end, comparing every file with its checksum.

    Raises:
        BackupError: it is damaged.
    """
    manifest = read_manifest(source)
    for _, _, content in members(source, manifest):
        if content is not None:
            continue  # read and compared when the next one is asked for
    return manifest


def restore_backup(stores: Stores, source: Path, say: Callable[[str], None], *, replace: bool = False) -> Manifest:
    """Restore the state of a platform. Only its databases may be running.

    Args:
        stores: where the state belongs.
        source: the backup.
        say: told how far it is.
        replace: whether state that is there may be replaced.

    Returns:
        What the backup says about itself.

    Raises:
        BackupError: the state is as it was, or, once the restore has begun to replace it, noted as unfinished.
    """
    manifest = read_manifest(source)
    _refuse_incompatible(manifest, source, stores)
    _refuse_busy(stores, source)
    if not replace:
        _refuse_existing_state(stores, source)
    stores.home.mkdir(parents=True, exist_ok=True)
    roots = _unpack(stores, source, manifest)
    note = stores.home / UNFINISHED_FILE
    note.write_text(f"{source}\n")
    say(f"  {len(manifest.files):,} files unpacked, their checksums are right")
    _swap(stores, roots)
    dumps = stores.home / STAGING / "databases"
    for name in reversed(manifest.databases):
        restore(stores.databases[name], dumps / f"{name}.dump", dumps / f"{name}.sql")
        _compare(stores.databases[name], manifest.databases[name].rows)
        analyze(stores.databases[name])
        say(f"  database {name}: {sum(manifest.databases[name].rows.values()):,} rows, as many as were saved")
    shutil.rmtree(stores.home / STAGING)
    for stamp in stores.home.glob("*.version"):
        stamp.unlink()  # so that the next start brings the tables of Dagster and MLflow up to date
    note.unlink()
    return manifest


def _refuse_incompatible(manifest: Manifest, source: Path, stores: Stores) -> None:
    reasons = reasons_against(manifest, installed_versions(), known_revisions())
    for name, entry in manifest.databases.items():
        if name not in stores.databases:
            reasons.append(f"it holds the database {name}, and no address for it is known here")
            continue
        with connected(stores.databases[name]) as connection:
            here = connection.info.server_version
        if here // 10_000 < entry.server // 10_000:
            reasons.append(f"{name} comes from Postgres {entry.server // 10_000}, and here is {here // 10_000}")
    known = {*stores.elsewhere, SECRETS_FOLDER, "databases"}
    for folder in {name.partition("/")[0] for name in (*manifest.folders, *manifest.files)} - known - {HOME}:
        reasons.append(f"it holds the folder {folder}, and its place here is not set")
    if reasons:
        raise BackupError(f"{source} cannot be restored here: {'; '.join(reasons)}. Nothing was changed")


def _refuse_busy(stores: Stores, source: Path) -> None:
    """Refuse while others are connected: they would write into what is replaced, or go on with what is gone."""
    busy = []
    for url in stores.databases.values():
        with connected(url) as connection:
            busy += [f"{who} in {describe(url)}" for who in other_connections(connection)]
    if busy:
        raise BackupError(
            f"{source} was not restored, because others are at work: {', '.join(busy)}. Stop all services but Postgres"
        )


def _refuse_existing_state(stores: Stores, source: Path) -> None:
    full = [describe(url) for name, url in stores.databases.items() if _has_rows(name, url)]
    full += [str(path) for _, path in stores.roots() if not path.is_dir() or any(path.iterdir())]
    if full:
        raise BackupError(
            f"there is state already in {', '.join(full)}; nothing was changed. `road restore --replace {source}` puts "
            "the backup in its place"
        )


def _has_rows(name: str, url: str) -> bool:
    with connected(url) as connection:
        rows = count_rows(connection)
    telling = {f"public.{table}" for table in _HOLDS_STATE.get(name, ())}
    ignored = {f"public.{table}" for table in _OWN_FROM_THE_START}
    return any(count for table, count in rows.items() if table not in ignored and (not telling or table in telling))


def _unpack(stores: Stores, source: Path, manifest: Manifest) -> list[Path]:
    """Unpack everything next to its destination.

    Returns:
        The folders to be replaced.
    """
    roots: dict[Path, None] = {stores.home: None, **dict.fromkeys(path for _, path in stores.roots() if path.is_dir())}
    for root in roots:
        shutil.rmtree(root / STAGING, ignore_errors=True)
    for name, member, content in members(source, manifest):
        root, below = _place(stores, name)
        if content is None and root == stores.home:
            root, below = stores.home / below, ""  # a folder that is replaced as a whole, which may be empty
        roots[root] = None
        target = root / STAGING / below
        (target if content is None else target.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            with target.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            target.chmod(member.mode)
            os.utime(target, (member.mtime, member.mtime))
    return list(roots)


def _place(stores: Stores, name: str) -> tuple[Path, str]:
    first, _, rest = name.partition("/")
    if first == SECRETS_FOLDER:
        return stores.home / SECRETS, rest
    return (stores.home, name) if first == "databases" else stores.place(name)


def _swap(stores: Stores, roots: list[Path]) -> None:
    for root in roots:
        staging, replaced = root / STAGING, root / REPLACED
        staging.mkdir(parents=True, exist_ok=True)
        if root == stores.home:
            for path in staging.iterdir():
                if path.is_file():
                    path.replace(root / path.name)
            continue
        merged = root == stores.home / SECRETS  # the password of the server that runs here stays
        root.chmod(0o700 if merged else root.stat().st_mode)
        shutil.rmtree(replaced, ignore_errors=True)
        replaced.mkdir()
        for path in () if merged else [*root.iterdir()]:
            if path.name not in (STAGING, REPLACED):
                path.replace(replaced / path.name)
        for path in [*staging.iterdir()]:
            path.replace(root / path.name)
        staging.rmdir()
        shutil.rmtree(replaced)


def _compare(url: str, saved: dict[str, int]) -> None:
    with connected(url) as connection:
        found = count_rows(connection)
    wrong = sorted(table for table in saved.keys() | found.keys() if saved.get(table) != found.get(table))
    if wrong:
        told = ", ".join(f"{table}: {found.get(table)} instead of {saved.get(table)}" for table in wrong[:5])
        raise BackupError(
            f"{describe(url)} has other rows than were saved ({told}); is something writing to it? Stop it"
        )
