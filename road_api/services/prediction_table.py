"""Writing the table ``predictions``, which is partitioned by day: rows are added, partitions made and dropped.

Everything here blocks, and is for the one thread that writes.
"""

import re
from datetime import date, timedelta
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from pydantic import SecretStr

from road_api.services.prediction_rows import COLUMNS, Batch

TABLE: Final = "predictions"
CONNECT_SECONDS: Final = 3
STATEMENT_MILLISECONDS: Final = 15_000
LOCK_MILLISECONDS: Final = 5_000
SILENCE_MILLISECONDS: Final = 10_000
"""TCP timeout: a server that does not acknowledge data for so long is treated as lost."""

PARTITIONS_LOCK: Final = 7_202_412
"""Key of the advisory lock for making and dropping partitions: an arbitrary number, the same in all workers."""

_STAGING: Final = "predictions_arriving"
_PARTITION_NAME: Final = re.compile(rf"{TABLE}_(\d{{4}})_(\d\d)_(\d\d)")

_STAGE: Final[LiteralString] = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS predictions_arriving (LIKE predictions) ON COMMIT DELETE ROWS"
)
_KEEP_NEW: Final[LiteralString] = (
    "INSERT INTO predictions SELECT * FROM pg_temp.predictions_arriving ON CONFLICT DO NOTHING"
)
"""A batch whose commit was not confirmed is written again; rows that are there already are not doubled."""

_PARTITIONS: Final[LiteralString] = (
    "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid "
    "WHERE inhparent = 'predictions'::regclass"
)
_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s)"

TRANSIENT_ERRORS: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.CheckViolation,
)
"""Errors that are not caused by the rows, and end when the database is started, migrated or repaired. The only checks
of the table are the bounds of its partitions: a violation says that a day's partition was dropped meanwhile."""


class PredictionsAwayError(RuntimeError):
    """The rows cannot be stored now. The message can be shown to callers: it holds nothing of the address."""


class PredictionTable:
    """Writes and drops predictions. Opens its connection when it needs one, and again after a failure."""

    def __init__(self, url: SecretStr) -> None:
        """Name the database; nothing is opened yet."""
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._days: set[date] = set()

    def write(self, batch: Batch) -> None:
        """Store rows, all or nothing. Rows that are stored already are left as they are.

        Raises:
            PredictionsAwayError: the database is away; the same batch may be tried again.
            psycopg.Error: the rows themselves are wrong, so that trying again is useless.
        """
        try:
            connection = self._connect()
            for day in sorted(batch.days - self._days):
                _make_partition(connection, day)
                self._days.add(day)
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(_COPY) as copy:
                    copy.write(batch.content)
                cursor.execute(_KEEP_NEW)
        except psycopg.Error as error:
            self._fail(error)

    def drop_before(self, oldest: date) -> list[str]:
        """Drop the partitions of all days before a day.

        Args:
            oldest: first day that is kept.

        Returns:
            Names of the dropped partitions.

        Raises:
            PredictionsAwayError: the database is away.
        """
        dropped = []
        try:
            connection = self._connect()
            with connection.transaction():
                connection.execute(_LOCK, (PARTITIONS_LOCK,))
                for (name,) in connection.execute(_PARTITIONS).fetchall():
                    day = day_of(name)
                    if day is not None and day < oldest:
                        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
                        self._days.discard(day)
                        dropped.append(name)
        except psycopg.Error as error:
            self._fail(error)
        return dropped

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._days = None, set()

    def _connect(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url.get_secret_value(),
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="road_api predictions",
                options=f"-c statement_timeout={STATEMENT_MILLISECONDS} -c lock_timeout={LOCK_MILLISECONDS}",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=2,
                tcp_user_timeout=SILENCE_MILLISECONDS,
            )
            self._connection.execute(_STAGE)
        return self._connection

    def _fail(self, error: psycopg.Error) -> None:
        """Drop the connection, and raise an error that tells transient faults from permanent ones."""
        self.close()
        if isinstance(error, TRANSIENT_ERRORS):
            raise PredictionsAwayError(_reason(error)) from error
        raise error


def partition_of(day: date) -> str:
    """Name of a day's partition."""
    return f"{TABLE}_{day:%Y_%m_%d}"


def day_of(partition: str) -> date | None:
    """The day whose partition has that name; None if it is not the name of one."""
    found = _PARTITION_NAME.fullmatch(partition)
    return date(*map(int, found.groups())) if found else None


def _make_partition(connection: psycopg.Connection, day: date) -> None:
    """Make a day's partition unless it exists. ATTACH waits for no reader, which CREATE TABLE … PARTITION OF would."""
    partition, table = sql.Identifier(partition_of(day)), sql.Identifier(TABLE)
    begin, end = (sql.Literal(f"{edge} 00:00:00+00") for edge in (day, day + timedelta(days=1)))
    with connection.transaction():
        connection.execute(_LOCK, (PARTITIONS_LOCK,))
        if connection.execute("SELECT to_regclass(%s)", (partition_of(day),)).fetchone() != (None,):
            return
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(partition, table)
        )
        attach = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        connection.execute(attach.format(table, partition, begin, end))


def _reason(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return "the tables are older than the service; start the platform again, which brings them up to date"
    if error.diag.message_primary:
        return f"Postgres refuses: {error.diag.message_primary}"
    return "Postgres does not answer"  # the driver's own message may hold the address


_COPY: Final = sql.SQL("COPY pg_temp.{} ({}) FROM STDIN (FORMAT binary)").format(
    sql.Identifier(_STAGING), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
