"""Removes old notices from the tables: failed runs and alerts. Decisions, settings and figures are never removed."""

from datetime import datetime
from typing import Final, LiteralString

from psycopg import sql

from road_assets.resources.database import Database
from road_assets.retention.removal import Removal

_NOTICES: Final[dict[str, LiteralString]] = {"run_failures": "failed_at", "alert_reports": "received_at"}
"""Table, and when its row was written."""


def remove_notices(database: Database, oldest: datetime, *, dry_run: bool) -> Removal:
    """Remove notes written before a moment.

    Args:
        database: the platform's tables.
        oldest: notes written since then stay.
        dry_run: only say what would be done.
    """
    removal = Removal("notices")
    with database.connect() as connection:
        for table, column in _NOTICES.items():
            names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
            query = "SELECT FROM {table} WHERE {column} < %s" if dry_run else "DELETE FROM {table} WHERE {column} < %s"
            count = connection.execute(sql.SQL(query).format(**names), (oldest,)).rowcount
            if count:
                removal.removed.append(f"{count} rows of {table}")
    return removal
