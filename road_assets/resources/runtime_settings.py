"""Settings that can be changed while the platform runs, kept in Postgres with author and time.

Settings that are fixed when a process starts are in ``road_assets.settings``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import class_row

from road_assets.core.noise_setting import APPEND, IN_FORCE, NoiseSetting
from road_assets.resources.database import Database


class RuntimeSettingError(ValueError):
    """A setting cannot be read, or is not changed; the message says why and what to do."""


def read_noise(database: Database) -> NoiseSetting:
    """The setting in force.

    Raises:
        RuntimeSettingError: the database was not migrated.
    """
    with _cursor(database) as cursor:
        return cursor.execute(IN_FORCE).fetchone() or NoiseSetting(0.0)


def set_noise(database: Database, noise: float, *, by: str) -> NoiseSetting:
    """Set the noise; earlier values stay in the table, and partitions that are being materialized keep theirs.

    Args:
        database: the platform's tables.
        noise: 0 to 1; 0 ends the rehearsal.
        by: who sets it, and through what.

    Returns:
        The setting now in force.

    Raises:
        RuntimeSettingError: the value is not within 0 and 1, nobody is named, or the database was not migrated.
    """
    if not 0 <= noise <= 1:
        raise RuntimeSettingError(f"noise must be a number from 0 to 1, not {noise}; nothing was changed")
    if not by:
        raise RuntimeSettingError("noise was not changed: it must be known who sets it")
    with _cursor(database) as cursor:
        (setting,) = cursor.execute(APPEND, (noise, by)).fetchall()
    return setting


@contextmanager
def _cursor(database: Database) -> Iterator[psycopg.Cursor[NoiseSetting]]:
    try:
        with database.connect() as connection, connection.cursor(row_factory=class_row(NoiseSetting)) as cursor:
            yield cursor
    except psycopg.errors.UndefinedTable as error:
        raise RuntimeSettingError(
            "the database has no table noise_settings: its tables are older than this version of the platform; "
            "start the platform again, which brings them up to date"
        ) from error
