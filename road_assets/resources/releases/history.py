"""Writes the table ``releases``: each content that the files of a year ever had. Rows are only added."""

from typing import Final

import psycopg

from road_assets.core.release_changes import Changes
from road_assets.resources.database import Database
from road_assets.resources.releases.release import LoadedRelease

_LOCK: Final = "LOCK TABLE releases IN SHARE ROW EXCLUSIVE MODE"

_NOTE: Final = """
INSERT INTO releases (release_year, content_hash, data_source, first_day, last_day, accidents, users, users_quarantined,
                      new_days, changed_days, unchanged_days)
SELECT %(year)s, %(hash)s, %(data)s, %(first)s, %(last)s, %(accidents)s, %(users)s, %(quarantined)s,
       %(new)s, %(changed)s, %(unchanged)s
WHERE %(hash)s IS DISTINCT FROM (
    SELECT content_hash FROM releases WHERE release_year = %(year)s ORDER BY id DESC LIMIT 1
)"""


def note_release(database: Database, loaded: LoadedRelease, changes: Changes) -> None:
    """Add a row for a release, unless its content is the one that was read last.

    Args:
        database: with the table ``releases``.
        loaded: what was read.
        changes: what it changes for the days that are stored.
    """
    days = loaded.frame["day"]
    values = {
        "year": loaded.release.year,
        "hash": loaded.content_hash,
        "data": loaded.release.data_label,
        "first": days.min().date(),
        "last": days.max().date(),
        "accidents": loaded.counts.accidents,
        "users": len(loaded.frame),
        "quarantined": loaded.rows["usagers"].quarantined,
        "new": len(changes.new),
        "changed": len(changes.changed),
        "unchanged": changes.unchanged,
    }

    def note(connection: psycopg.Connection) -> None:
        connection.execute(_LOCK)
        connection.execute(_NOTE, values)

    database.transact(note)
