"""``road migrate``: brings the platform's own tables to the newest revision."""

import sqlalchemy as sa

from road_assets.commands.endpoints import find_database_url
from road_assets.errors import UserFacingError
from road_assets.local.services import Site
from road_assets.resources.database import SchemaError, migrate


class MigrationError(UserFacingError):
    """The tables are as they were; the message says why."""


def migrate_tables(site: Site) -> str:
    """Migrate the tables.

    Args:
        site: of the platform; ``ROAD_DATABASE_URL`` names its tables where they are not the embedded ones.

    Returns:
        What was done.

    Raises:
        MigrationError: they are newer than this version of the platform, or cannot be reached.
        NotRunningError: there are none.
    """
    try:
        before, after = migrate(find_database_url(site))
    except SchemaError as error:
        raise MigrationError(str(error)) from error
    except sa.exc.OperationalError as error:
        raise MigrationError(f"the platform's tables cannot be reached: {error.orig}") from error
    if before == after:
        return f"the tables are at revision {after} already"
    return f"the tables are at revision {after}; before, {'there were none' if before is None else f'at {before}'}"
