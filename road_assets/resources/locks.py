"""The advisory locks that parts of the platform take in Postgres.

Such a lock (``pg_advisory_lock``) belongs to a database and is known by its number alone. All numbers stand here, so
that no two parts wait for each other by mistake. The service has one of its own, 7_202_412, for the partitions of the
table ``predictions``.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psycopg

MIGRATION: Final = 7_202_411
"""Two platforms that start at once migrate one after the other."""

POINTER: Final = 7_202_413
"""Held by whoever moves the production pointer, or needs it to stand still."""

REMOVAL: Final = 7_202_414
"""Held by whoever removes what is old, and by a backup: files that its databases name must not disappear meanwhile."""

PROVISION: Final = 7_202_415
"""Two that prepare one server (roles, databases, rights) do so one after the other."""


def acquire(connection: "psycopg.Connection", number: int, wait_seconds: float) -> None:
    """Wait for a lock, and hold it until the connection is closed or the lock is released.

    Args:
        connection: in autocommit mode: the wait must not keep a transaction open.
        number: one of the numbers above.
        wait_seconds: how long another holder is waited for.

    Raises:
        psycopg.errors.LockNotAvailable: somebody else holds it for longer.
    """
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(wait_seconds * 1000)}ms",))
    connection.execute("SELECT pg_advisory_lock(%s)", (number,))
