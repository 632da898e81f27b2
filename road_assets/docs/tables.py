"""The table of the tables in Postgres, from a migrated database and the comments in it."""

import psycopg

from road_assets.docs.markdown import code, table

_TABLES = """
    SELECT c.relname, obj_description(c.oid, 'pg_class'), c.relkind = 'p',
           (SELECT array_agg(a.attname ORDER BY k.position) FROM pg_constraint p,
                   LATERAL unnest(p.conkey) WITH ORDINALITY AS k (number, position), pg_attribute a
             WHERE p.conrelid = c.oid AND p.contype = 'p' AND a.attrelid = c.oid AND a.attnum = k.number)
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> 'alembic_version'
     ORDER BY c.relname"""


def schema_table(url: str) -> str:
    """What each table holds, its key, and whether it lies in parts.

    Args:
        url: of a migrated database, ``postgresql://…``.
    """
    with psycopg.connect(url) as connection:
        found = connection.execute(_TABLES).fetchall()
    rows = [
        (f"`{name}`", code(key or ()) or "–", "yes" if parted else "no", said or "–")
        for name, said, parted, key in found
    ]
    return table(("table", "primary key", "in parts", "what it holds"), rows)
