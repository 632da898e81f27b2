"""Upgrades of the tables from every version that there ever was, with rows in all of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.types.json import Jsonb

from road_assets.cli import main
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import SchemaError, known_revisions, migrate

DAY, MOMENT = date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
REVISIONS = sorted(known_revisions())

BY_TYPE: dict[str, Any] = {
    "date": DAY,
    "timestamptz": MOMENT,
    "text": "x",
    "bool": True,
    "jsonb": Jsonb({"a": 1}),
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float8": 0.5,
    "float4": 0.5,
    "_text": ["x"],
    "_int4": [1],
    "_int2": [1],
}
BY_COLUMN: dict[str, Any] = {"decision": "promoted", "role": "user", "kind": "feature", "hrmn": "17:05"}
"""Where a check asks for a certain word, or what follows reads one."""

COLUMNS = """
    SELECT column_name, udt_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND is_identity = 'NO' AND is_generated = 'NEVER'
    ORDER BY ordinal_position
"""
TABLES = """
    SELECT relname, relkind = 'p' FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname <> 'alembic_version' ORDER BY oid
"""
WITHOUT_COMMENT = """
    SELECT c.relname, a.attname::text FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> 'alembic_version' AND col_description(c.oid, a.attnum) IS NULL
    UNION ALL
    SELECT relname, 'the table' FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname <> 'alembic_version' AND obj_description(oid, 'pg_class') IS NULL
"""


@pytest.fixture
def url(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    name = sql.Identifier(tmp_path.name)
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield postgres.url(tmp_path.name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def fill(url: str) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Put a row with a value in every column into every table, and tell columns and rows as they are read back."""
    stored = {}
    with psycopg.connect(url) as connection:
        for table, is_parted in connection.execute(TABLES).fetchall():
            if is_parted:
                part = sql.Identifier(f"{table}_of_the_test")
                connection.execute(
                    sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT").format(part, sql.Identifier(table))
                )
            columns = connection.execute(COLUMNS, (table,)).fetchall()
            row = [BY_COLUMN.get(column, BY_TYPE[kind]) for column, kind in columns]
            names = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns)
            places = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
            connection.execute(insert, row)
            stored[table] = ([column for column, _ in columns], read(connection, table, [name for name, _ in columns]))
    return stored


def read(connection: psycopg.Connection, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return connection.execute(sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(table))).fetchall()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_row_of_that_version_is_there_after_the_upgrade(url: str, revision: str) -> None:
    assert migrate(url, revision) == (None, revision)
    stored = fill(url)
    assert stored
    assert all(len(rows) == 1 for _, rows in stored.values())

    assert migrate(url) == (revision, REVISIONS[-1])

    with psycopg.connect(url) as connection:
        found = {table: read(connection, table, columns) for table, (columns, _) in stored.items()}
    assert found == {table: rows for table, (_, rows) in stored.items()}


def test_every_revision_was_reached_from_the_one_before() -> None:
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


def test_every_table_and_column_says_what_it_holds(url: str) -> None:
    migrate(url)
    with psycopg.connect(url) as connection:
        silent = connection.execute(WITHOUT_COMMENT).fetchall()
    assert silent == []


def test_tables_that_a_newer_version_has_migrated_are_left_alone(url: str) -> None:
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match=rf"at revision 9999, .* up to {REVISIONS[-1]}: a newer version"):
        migrate(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.fixture
def named(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The database, named as for a platform elsewhere."""
    monkeypatch.setenv("ROAD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROAD_DATABASE_URL", url)
    return url


def test_the_command_says_what_it_did(named: str) -> None:
    assert named
    newest = REVISIONS[-1]
    assert (
        CliRunner().invoke(main, ["migrate"]).output
        == f"the tables are at revision {newest}; before, there were none\n"
    )
    assert CliRunner().invoke(main, ["migrate"]).output == f"the tables are at revision {newest} already\n"


def test_the_command_refuses_tables_of_a_newer_version_without_a_stack_trace(named: str) -> None:
    migrate(named)
    with psycopg.connect(named) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    result = CliRunner().invoke(main, ["migrate"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: the tables are at revision 9999")
    assert "restore the backup" in result.output


def test_a_database_that_is_away_is_told_without_its_password(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named
    monkeypatch.setenv("ROAD_DATABASE_URL", "postgresql://road:hidden@127.0.0.1:1/road")
    result = CliRunner().invoke(main, ["migrate"])
    assert "cannot be reached" in result.output
    assert "hidden" not in result.output
