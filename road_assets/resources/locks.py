"""Numbers of the locks that parts of the platform take in Postgres: nobody is to wait for a stranger.

Locks of that kind (``pg_advisory_lock``) belong to a database and are known by their number alone. The service has one
of its own, 7_202_412, for the parts of the table ``predictions``.
"""

from typing import Final

MIGRATION: Final = 7_202_411
"""Two platforms that start at once migrate one after the other."""

POINTER: Final = 7_202_413
"""Held by whoever moves the production pointer, or wants it to stand still."""

REMOVAL: Final = 7_202_414
"""Held by whoever removes what is old, and by a backup, which must not lose files that it has seen named."""
