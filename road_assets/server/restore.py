"""``road restore`` on a server: creates roles and databases before, migrates and grants rights afterwards.

A dump holds no rights of other roles than the owner, and the backup may be of an older version.
"""

from collections.abc import Callable
from pathlib import Path

from road_assets.commands.backup import restore as bring_back
from road_assets.local.services import Site
from road_assets.local.state import UNFINISHED_FILE
from road_assets.server.provision import ProvisionError, prepare_databases, provision
from road_assets.server.settings import ProvisionSettings


def restore(site: Site, server: ProvisionSettings, source: Path, say: Callable[[str], None], *, replace: bool) -> str:
    """Restore all state from a backup, and prepare the server for this version.

    Args:
        site: of the platform; its databases' owners have their passwords in the file that ``PGPASSFILE`` names.
        server: where the databases are, and the roles' passwords.
        source: the backup.
        say: told how far it is.
        replace: whether state that is there may be replaced.

    Returns:
        What was done.

    Raises:
        BackupError: the state is as it was, or noted as unfinished.
        ProvisionError: the server cannot be prepared; before the restore, or, if it has been reported, after it.
    """
    prepare_databases(server)
    done = bring_back(site, source, say, replace=replace, after="Start the services")
    provision(server, say)
    return done


def refuse_unfinished(home: Path) -> None:
    """Refuse to start while a restore is unfinished.

    Args:
        home: ``ROAD_HOME``.

    Raises:
        ProvisionError: a restore was cut off.
    """
    note = home / UNFINISHED_FILE
    if note.exists():
        source = note.read_text().strip()
        raise ProvisionError(
            f"a restore from {source} was cut off; nothing starts before `restore --replace {source}` has completed it"
        )
