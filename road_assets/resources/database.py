"""Postgres: migrating the tables, and replacing the rows of some days in one transaction.

A server that restarts is back in seconds: connecting waits for it, and a transaction that it interrupted is repeated.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, LiteralString, TypeVar

import dagster as dg
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
import stamina
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql

from road_assets.resources import locks

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_ROWS_AT_ONCE = 100_000
"""Many years are copied in parts, so that they are not in memory a third time, as text."""

_Result = TypeVar("_Result")

_ATTEMPTS: Final = 3
"""How often a transaction is tried; before each attempt the server is waited for."""

_TRANSIENT_STATES: Final = ("08", "57P01", "57P02", "57P03", "40001", "40P01")
"""SQLSTATEs: connection lost; server stopping, crashed or starting; serialization failure; deadlock."""

_REFUSALS: Final = ("authentication failed", "does not exist", "no pg_hba.conf entry")
"""Messages without an SQLSTATE after which connecting again would fail as well."""


def is_transient(error: BaseException) -> bool:
    """Whether an error is transient: the same statement may succeed a little later."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    if error.sqlstate is None:  # the connection could not be made, or it broke
        return not any(words in str(error) for words in _REFUSALS)
    return error.sqlstate.startswith(_TRANSIENT_STATES)


class SchemaError(RuntimeError):
    """The tables cannot be migrated; the message says why and what to do. Nothing was changed."""


def migrate(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the tables to the newest revision; doing it twice, or from two processes at once, does no harm.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        revision: another one than the newest, for tests of upgrades.

    Returns:
        The revision before and after.

    Raises:
        SchemaError: a newer version of the platform has migrated them.
    """
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": locks.MIGRATION})
        before, known = MigrationContext.configure(connection).get_current_revision(), known_revisions()
        if before is not None and before not in known:
            raise SchemaError(
                f"the tables are at revision {before}, and this version of the platform knows revisions up to "
                f"{known[0]}: a newer version has migrated them. Install that version, or restore the backup that was "
                "made before it; nothing was changed"
            )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        after = MigrationContext.configure(connection).get_current_revision()
    return before, after


def known_revisions() -> list[str]:
    """Migrations that this version of the platform knows, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


class Database(dg.ConfigurableResource):
    """The platform's tables.

    Attributes:
        url: ``postgresql://user:password@host:port/database`` of the role that may write.
        patience_seconds: how long a server that is away is waited for: longer in a run than at a command line.
    """

    url: str
    patience_seconds: float = 4.0

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """Connect, with one transaction for the block: committed at its end, rolled back on an error.

        Connecting is retried; what follows is not: see ``transact``.
        """
        with self._open() as connection:
            yield connection

    def transact(self, work: Callable[[psycopg.Connection], _Result]) -> _Result:
        """Do some work in one transaction; repeat all of it if the server went away meanwhile.

        The server may go away after a commit and before it confirms it, so the work must be idempotent.

        Args:
            work: called with the connection; its result is returned.

        Raises:
            psycopg.OperationalError: the server stays away, or went away three times.
        """
        for attempt in stamina.retry_context(on=is_transient, attempts=_ATTEMPTS, timeout=None):
            connection = self._open()  # which has patience of its own
            with attempt, connection:
                return work(connection)
        raise AssertionError("the last attempt either returns or raises")

    def replace_days(
        self, table: str, frame: pd.DataFrame, days: Sequence[date], *, then: LiteralString | None = None
    ) -> None:
        """Replace the rows of some days, and of no others, in one transaction.

        Args:
            table: name of a table with a ``day`` column; if it is partitioned by year, missing partitions are made.
            frame: the rows; column names are the table's.
            days: days whose rows are replaced, including those without new rows.
            then: a statement to run afterwards in the same transaction, with the days as its parameter.
        """

        def replace(connection: psycopg.Connection) -> None:
            connection.execute("SELECT make_year_parts(%s::regclass, %s::date[])", (table, list(days)))
            self._rewrite(connection, table, frame, "day", list(days))
            if then is not None:
                connection.execute(then, (list(days),))

        self.transact(replace)

    def replace_tables_of_days(self, frames: dict[str, pd.DataFrame], days: Sequence[date]) -> None:
        """Like ``replace_days`` for several tables that must agree, in one transaction."""

        def replace(connection: psycopg.Connection) -> None:
            for table, frame in frames.items():
                self._rewrite(connection, table, frame, "day", list(days))

        self.transact(replace)

    def replace_rows(
        self,
        table: str,
        frame: pd.DataFrame,
        key: str,
        *,
        values: Sequence[object] | None = None,
        first: LiteralString | None = None,
    ) -> None:
        """Replace the rows with some keys, and no others, in one transaction.

        Args:
            table: name of the table.
            frame: the rows; column names are the table's.
            key: column that names the rows to replace.
            values: keys to replace, including those without new rows; by default those of the frame.
            first: a statement to run before, in the same transaction.
        """

        def replace(connection: psycopg.Connection) -> None:
            if first is not None:
                connection.execute(first)
            self._rewrite(connection, table, frame, key, frame[key].tolist() if values is None else values)

        self.transact(replace)

    def _open(self) -> psycopg.Connection:
        @stamina.retry(on=is_transient, attempts=None, timeout=self.patience_seconds, wait_max=2.0)
        def connect() -> psycopg.Connection:
            """Connect. Without arguments, which a retry would log: the address holds the password."""
            return psycopg.connect(self.url, connect_timeout=10)

        return connect()

    def _rewrite(
        self, connection: psycopg.Connection, table: str, frame: pd.DataFrame, key: str, values: Sequence[object]
    ) -> None:
        name = sql.Identifier(table)
        # Two writers of one table wait for each other; readers do not wait.
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(name))
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(name, sql.Identifier(key)), (list(values),)
        )
        columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, columns)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(frame), _ROWS_AT_ONCE):
                copy.write(_to_csv(frame.iloc[start : start + _ROWS_AT_ONCE]))


def _to_csv(frame: pd.DataFrame) -> bytes:
    """Rows as CSV for Postgres: an empty text is quoted, null is nothing between two commas."""
    buffer = io.BytesIO()
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    # Combined, because for a chunk without rows Arrow 25 writes whatever its buffer held before.
    pa.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False).combine_chunks(), buffer, options)
    return buffer.getvalue()
