"""Settings that change while the platform runs, kept in Postgres with who set them and when.

What is fixed when a process starts belongs to ``road_assets.settings``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from road_assets.resources.database import Database

_IN_FORCE: Final = "SELECT noise, since, set_by FROM noise_settings ORDER BY id DESC LIMIT 1"
_APPEND: Final = "INSERT INTO noise_settings (noise, set_by) VALUES (%s, %s) RETURNING noise, since, set_by"


class RuntimeSettingError(ValueError):
    """A setting cannot be read, or is not changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NoiseSetting:
    """How much the rows of the partitions to come are distorted.

    Attributes:
        noise: chance that a feature's code is replaced by a random one, 0 to 1.
        since: when it was set; nothing if it never was.
        set_by: who set it, and through what.
    """

    noise: float
    since: datetime | None = None
    set_by: str | None = None

    def __str__(self) -> str:
        """Say value, time and author."""
        if self.since is None:
            return "noise 0 (never set)"
        return f"noise {self.noise:g} (set {self.since:%Y-%m-%d %H:%M:%S %Z} by {self.set_by})"


def read_noise(database: Database) -> NoiseSetting:
    """The setting in force.

    Raises:
        RuntimeSettingError: the database was not migrated.
    """
    with _cursor(database) as cursor:
        return cursor.execute(_IN_FORCE).fetchone() or NoiseSetting(0.0)


def set_noise(database: Database, noise: float, *, by: str) -> NoiseSetting:
    """Put a value in force; earlier ones stay in the table. Partitions that are being materialized keep theirs.

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
        (setting,) = cursor.execute(_APPEND, (noise, by)).fetchall()
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
