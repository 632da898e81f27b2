"""The service's access to the platform's tables in Postgres, except for ``predictions``. No estimate waits for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row
from pydantic import SecretStr

from road_api.auth import User
from road_api.tokens import Role
from road_assets.core.noise_setting import APPEND, IN_FORCE, NoiseSetting
from road_assets.core.vocabulary import FEATURE_NAMES

CONNECT_SECONDS: Final = 5
STATEMENT_MILLISECONDS: Final = 15_000

_NEWEST_SCORE: Final[LiteralString] = "SELECT day, score FROM drift_scores ORDER BY day DESC LIMIT 1"
_DISTANCES: Final[LiteralString] = (
    "SELECT feature, distance FROM drift_features WHERE day = %s AND feature = ANY(%s) AND distance IS NOT NULL"
)
_USERS: Final[LiteralString] = "SELECT username, password_hash, role, generation, disabled_at IS NOT NULL FROM users"
_RECEIVE: Final[LiteralString] = """
    INSERT INTO alert_reports (fingerprint, starts_at, alert, day, score) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (fingerprint, starts_at) DO UPDATE SET alert = EXCLUDED.alert
    RETURNING day, score, reported_at IS NOT NULL"""
"""The update changes nothing: it locks an existing row, and returns it as a new one is returned."""
_NOTE_REPORTED: Final[LiteralString] = (
    "UPDATE alert_reports SET reported_at = clock_timestamp() WHERE fingerprint = %s AND starts_at = %s"
)


class DatabaseError(RuntimeError):
    """Postgres cannot be reached, or refuses; the message holds no secret and can be shown to the caller."""


@dataclass(frozen=True, slots=True)
class DriftFigures:
    """The newest day's drift.

    Attributes:
        day: last day of the window.
        score: share of the features that drifted.
        distances: of each feature from what the production model learned; features with too few rows are left out.
    """

    day: date
    score: float
    distances: dict[str, float]


@dataclass(frozen=True, slots=True)
class AlertReport:
    """A firing alert as it is stored.

    Attributes:
        day: newest scored day when it was first delivered.
        score: of that day.
        known: whether it was reported to Dagster before.
    """

    day: date
    score: float
    known: bool


class Database:
    """The platform's Postgres. Each operation opens a connection of its own: they are too rare to need a pool.

    Attributes:
        configured: whether an address was given; without one every operation raises ``DatabaseError``.
    """

    def __init__(self, url: SecretStr | None) -> None:
        """Name the database; nothing is opened yet."""
        self._url = url
        self.configured = url is not None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """A connection in one transaction: committed at the end, rolled back on an error.

        Raises:
            DatabaseError: Postgres is away, or refuses a statement.
        """
        if self._url is None:
            raise DatabaseError("the service has no database; set ROAD_DATABASE_URL")
        try:
            connection = await psycopg.AsyncConnection.connect(
                self._url.get_secret_value(),
                connect_timeout=CONNECT_SECONDS,
                application_name="road_api",
                options=f"-c statement_timeout={STATEMENT_MILLISECONDS}",
            )
            async with connection:
                yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise DatabaseError(
                "the tables are older than the service; start the platform again, which brings them up to date"
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseError("the service's role in Postgres may not do this; grant it what it needs") from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise DatabaseError("Postgres accepts no changes at present, as a standby does; try again later") from error
        except psycopg.OperationalError as error:
            raise DatabaseError("Postgres does not answer; try again in a moment") from error

    async def read_noise(self) -> NoiseSetting:
        """The noise in force."""
        async with self.connect() as connection, connection.cursor(row_factory=class_row(NoiseSetting)) as cursor:
            return await (await cursor.execute(IN_FORCE)).fetchone() or NoiseSetting(0.0)

    async def set_noise(self, noise: float, *, by: str) -> NoiseSetting:
        """Put a noise in force.

        Args:
            noise: 0 to 1.
            by: who sets it.
        """
        async with self.connect() as connection, connection.cursor(row_factory=class_row(NoiseSetting)) as cursor:
            (setting,) = await (await cursor.execute(APPEND, (noise, by))).fetchall()
            return setting

    async def read_users(self) -> dict[str, User | None]:
        """Each user by name; None in place of one that was disabled."""
        async with self.connect() as connection:
            rows = await (await connection.execute(_USERS)).fetchall()
        return {
            name: None if disabled else User(name, password_hash, Role(role), generation)
            for name, password_hash, role, generation, disabled in rows
        }

    async def read_drift(self) -> DriftFigures | None:
        """The newest day's drift; None if no day was ever scored."""
        async with self.connect() as connection:
            newest = await (await connection.execute(_NEWEST_SCORE)).fetchone()
            if newest is None:
                return None
            day, score = newest
            distances = await (await connection.execute(_DISTANCES, (day, list(FEATURE_NAMES)))).fetchall()
            return DriftFigures(day, score, dict(distances))


async def receive_alert(
    connection: psycopg.AsyncConnection[Any], fingerprint: str, starts_at: datetime, alert: str
) -> AlertReport | None:
    """Store a firing alert, and lock its row until the transaction ends, so that of two deliveries at once one waits.

    Args:
        connection: in a transaction.
        fingerprint: Alertmanager's hash of the alert's labels.
        starts_at: since when it fires.
        alert: its name.

    Returns:
        The firing as it was first stored; None if no day was ever scored.
    """
    newest = await (await connection.execute(_NEWEST_SCORE)).fetchone()
    if newest is None:
        return None
    cursor = await connection.execute(_RECEIVE, (fingerprint, starts_at, alert, *newest))
    (row,) = await cursor.fetchall()
    return AlertReport(*row)


async def note_reported(connection: psycopg.AsyncConnection[Any], fingerprint: str, starts_at: datetime) -> None:
    """Store that a firing alert was reported to Dagster."""
    await connection.execute(_NOTE_REPORTED, (fingerprint, starts_at))
