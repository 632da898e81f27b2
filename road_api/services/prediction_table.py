"""The table ``predictions`` as the service writes it: over one connection, a part per day, old parts dropped.

All of it blocks, and belongs to the one thread that writes.
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
"""A server that does not even acknowledge what it is sent is taken for gone after that."""

PARTS_LOCK: Final = 7_202_412
"""Any number, the same for all: workers that make or drop a day's part at once do it one after the other."""

_STAGING: Final = "predictions_arriving"
_PART: Final = re.compile(rf"{TABLE}_(\d{{4}})_(\d\d)_(\d\d)")

_STAGE: Final[LiteralString] = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS predictions_arriving (LIKE predictions) ON COMMIT DELETE ROWS"
)
_KEEP_NEW: Final[LiteralString] = (
    "INSERT INTO predictions SELECT * FROM pg_temp.predictions_arriving ON CONFLICT DO NOTHING"
)
"""A batch whose commit was never answered comes again; what is there already stays one row."""

_PARTS: Final[LiteralString] = (
    "SELECT part.relname FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid "
    "WHERE inhparent = 'predictions'::regclass"
)
_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s)"

PASSING: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.CheckViolation,
)
"""What is no fault of the rows, and ends when somebody has started, migrated or repaired the database. The table has no
checks but that of its parts: a violation says that a day's part was taken away."""


class PredictionsAwayError(RuntimeError):
    """The rows cannot be stored now; the message is fit for an answer, and holds nothing of the address."""


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
            PredictionsAwayError: not now; the same batch may be tried again.
            psycopg.Error: never, because of the rows themselves.
        """
        try:
            connection = self._connect()
            for day in sorted(batch.days - self._days):
                _make_part(connection, day)
                self._days.add(day)
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(_COPY) as copy:
                    copy.write(batch.content)
                cursor.execute(_KEEP_NEW)
        except psycopg.Error as error:
            self._fail(error)

    def drop_before(self, oldest: date) -> list[str]:
        """Drop the parts of days before a day.

        Args:
            oldest: first day that is kept.

        Returns:
            Names of the parts dropped.

        Raises:
            PredictionsAwayError: not now.
        """
        dropped = []
        try:
            connection = self._connect()
            with connection.transaction():
                connection.execute(_LOCK, (PARTS_LOCK,))
                for (name,) in connection.execute(_PARTS).fetchall():
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
        """Begin with a new connection next time, and tell what can pass from what cannot."""
        self.close()
        if isinstance(error, PASSING):
            raise PredictionsAwayError(_reason(error)) from error
        raise error


def part_of(day: date) -> str:
    """Name of a day's part."""
    return f"{TABLE}_{day:%Y_%m_%d}"


def day_of(part: str) -> date | None:
    """The day whose part has that name; none if it is not one of ours."""
    found = _PART.fullmatch(part)
    return date(*map(int, found.groups())) if found else None


def _make_part(connection: psycopg.Connection, day: date) -> None:
    """Make a day's part unless it is there. Attached when it is made, which readers need not wait for."""
    part, table = sql.Identifier(part_of(day)), sql.Identifier(TABLE)
    begin, end = (sql.Literal(f"{edge} 00:00:00+00") for edge in (day, day + timedelta(days=1)))
    with connection.transaction():
        connection.execute(_LOCK, (PARTS_LOCK,))
        if connection.execute("SELECT to_regclass(%s)", (part_of(day),)).fetchone() != (None,):
            return
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(part, table))
        attach = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        connection.execute(attach.format(table, part, begin, end))


def _reason(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return "the tables are older than the service; start the platform again, which brings them up to date"
    if error.diag.message_primary:
        return f"Postgres refuses: {error.diag.message_primary}"
    return "Postgres does not answer"  # what the driver says itself may name the address


_COPY: Final = sql.SQL("COPY pg_temp.{} ({}) FROM STDIN (FORMAT binary)").format(
    sql.Identifier(_STAGING), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
