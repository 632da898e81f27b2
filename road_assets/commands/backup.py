"""``road backup`` and ``road restore``: find the platform, and start its databases where they do not run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from road_assets.backup.errors import BackupError
from road_assets.backup.make import make_backup
from road_assets.backup.restore import check_backup, restore_backup
from road_assets.backup.stores import Stores, StoreSettings, stores_of
from road_assets.backup.tar_file import read_manifest
from road_assets.commands.endpoints import find_database_url
from road_assets.environment import wrong_variables
from road_assets.local.leftovers import stop_leftovers
from road_assets.local.planning import LEDGER_FILE, Ledger
from road_assets.local.postgres import server_identity
from road_assets.local.services import Site
from road_assets.local.state import UNFINISHED_FILE, load_state, locked
from road_assets.resources.files import replace_text


def backup(site: Site, target: Path, say: Callable[[str], None], *, with_secrets: bool) -> str:
    """Write all state to a file.

    Args:
        site: of the platform, running or not; ``ROAD_DATABASE_URL`` names its tables where they are not the embedded
            ones.
        target: the file, or a directory for it.
        say: told how far it is.
        with_secrets: whether the platform's own secrets go into it.

    Returns:
        What was done.

    Raises:
        BackupError: no file was written.
    """
    file = target.absolute()
    if file.is_dir():
        file /= f"road-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    if file.is_relative_to(site.home):
        raise BackupError(f"{file} would be inside of {site.home}, which it is to survive; choose another place")
    if (site.home / UNFINISHED_FILE).exists():
        raise BackupError(f"a restore into {site.home} was cut off; `road restore --replace FILE` completes it")
    with _databases(site, stopped=False):
        manifest = make_backup(_stores(site), file, say, with_secrets=with_secrets)
    return "\n".join([f"wrote {file}", *(f"  {line}" for line in manifest.lines())])


def restore(
    site: Site, source: Path, say: Callable[[str], None], *, replace: bool, after: str = "`make up` starts the platform"
) -> str:
    """Restore the state of a platform from a backup.

    Args:
        site: of the platform, which must not be running.
        source: the backup.
        say: told how far it is.
        replace: whether state that is there may be replaced.
        after: sentence that tells what to do afterwards.

    Returns:
        What was done.

    Raises:
        BackupError: the state is as it was, or noted as unfinished.
    """
    file = source.absolute()
    read_manifest(file)  # before a home is made for it
    with _databases(site, stopped=True):
        manifest = restore_backup(_stores(site), file, say, replace=replace)
        _adopt_ledger(site)
    return "\n".join([f"restored {file}", *(f"  {line}" for line in manifest.lines()), after])


def check(source: Path) -> str:
    """Compare a backup with its checksums.

    Returns:
        What it holds.

    Raises:
        BackupError: it is damaged.
    """
    manifest = check_backup(source.absolute())
    return "\n".join([f"{source} is whole", *(f"  {line}" for line in manifest.lines())])


@contextmanager
def _databases(site: Site, *, stopped: bool) -> Iterator[None]:
    """Have the databases running during the block, and nothing else of the platform where ``stopped`` asks for that."""
    if site.settings.database_url is not None:
        yield
        return
    state = load_state(site.home)
    if state is not None and state.supervisor.alive():
        if stopped:
            raise BackupError(f"the platform in {site.home} is running; stop it first with `make down`")
        site.postgres.port = state.postgres_port
        yield
        return
    if not stopped and not site.home.exists():
        raise BackupError(f"{site.home} does not exist, so there is nothing to save")
    with locked(site.home):
        stop_leftovers(site.home)
        with site.postgres:
            yield


def _stores(site: Site) -> Stores:
    try:
        return stores_of(site)
    except ValidationError as error:
        raise BackupError(wrong_variables(StoreSettings, error)) from None


def _adopt_ledger(site: Site) -> None:
    """Note that what the main job had done when the backup was made is done in the restored database, too."""
    path = site.home / LEDGER_FILE
    if path.exists():
        ledger = Ledger.model_validate_json(path.read_text())
        here = server_identity(find_database_url(site)) if site.settings.database_url else site.postgres.identity()
        replace_text(path, ledger.model_copy(update={"database": here}).model_dump_json(indent=2))
