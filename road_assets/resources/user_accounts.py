"""Adds and changes users of the service, in the table ``users``. The service itself only reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from road_assets.resources.database import Database

_ADD: Final[LiteralString] = (
    "INSERT INTO users (username, password_hash, role) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING username"
)
_UPDATE_HASH: Final[LiteralString] = (
    "UPDATE users SET password_hash = %s, password_set_at = now(), generation = generation + 1 WHERE username = %s"
)
_DISABLE: Final[LiteralString] = (
    "UPDATE users SET disabled_at = now(), generation = generation + 1 WHERE username = %s AND disabled_at IS NULL"
)
"""Once only, so that the time stays that of the first."""
_SET_ROLE: Final[LiteralString] = (
    "UPDATE users SET role = %s, generation = generation + 1 WHERE username = %s AND role <> %s"
)
_ENABLE: Final[LiteralString] = "UPDATE users SET disabled_at = NULL WHERE username = %s"
_SELECT: Final[LiteralString] = """
    SELECT username, role, created_at, password_set_at, disabled_at FROM users
    WHERE username = COALESCE(%s, username) ORDER BY username"""


class UserAccountError(ValueError):
    """There is no such user, the user exists already, or there is no table; nothing was changed."""


@dataclass(frozen=True, slots=True)
class UserAccount:
    """A user, without the password's hash, which only the service needs.

    Attributes:
        username: the name to log in with.
        role: ``user`` or ``admin``.
        created_at: when the user was added.
        password_set_at: when the password was last set.
        disabled_at: since when log-ins and tokens are refused; nothing if they are not.
    """

    username: str
    role: str
    created_at: datetime
    password_set_at: datetime
    disabled_at: datetime | None


class UserAccounts:
    """Adds and changes users. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        """Name the tables; nothing is opened yet."""
        self._database = database

    def add(self, username: str, password_hash: str, role: str) -> None:
        """Add a user.

        Args:
            username: the name to log in with.
            password_hash: Argon2, with its parameters.
            role: ``user`` or ``admin``.

        Raises:
            UserAccountError: the name is taken, or there is no table.
        """
        with self._connect() as connection:
            added = connection.execute(_ADD, (username, password_hash, role)).fetchone()
        if added is None:
            raise UserAccountError(
                f"there is a user {username!r} already, and nothing was changed; `road users passwd {username}` sets "
                "another password"
            )

    def set_password(self, username: str, password_hash: str) -> UserAccount:
        """Set another password, and have the tokens refused that were given for the one before.

        Returns:
            The user as it is now; a disabled one stays so.

        Raises:
            UserAccountError: there is no such user, or no table.
        """
        with self._rows() as cursor:
            cursor.execute(_UPDATE_HASH, (password_hash, username))
            return _find(cursor, username)

    def set_role(self, username: str, role: str) -> bool:
        """Give another role, and have the tokens refused that were given for the one before.

        Returns:
            Whether it was another one.

        Raises:
            UserAccountError: there is no such user, or no table.
        """
        with self._rows() as cursor:
            changed = cursor.execute(_SET_ROLE, (role, username, role)).rowcount == 1
            _find(cursor, username)
            return changed

    def disable(self, username: str) -> UserAccount:
        """Refuse a user's log-ins and tokens from now on; done twice, the time stays that of the first.

        Raises:
            UserAccountError: there is no such user, or no table.
        """
        with self._rows() as cursor:
            cursor.execute(_DISABLE, (username,))
            return _find(cursor, username)

    def enable(self, username: str) -> UserAccount:
        """Let a disabled user log in again; tokens given before stay refused.

        Raises:
            UserAccountError: there is no such user, or no table.
        """
        with self._rows() as cursor:
            cursor.execute(_ENABLE, (username,))
            return _find(cursor, username)

    def list(self) -> list[UserAccount]:
        """All users, disabled ones too, by name.

        Raises:
            UserAccountError: there is no table.
        """
        with self._rows() as cursor:
            return cursor.execute(_SELECT, (None,)).fetchall()

    @contextmanager
    def _connect(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with self._database.connect() as connection:
                yield connection
        except psycopg.errors.UndefinedTable as error:
            raise UserAccountError(
                "the database has no table users: its tables are older than this version of the platform; start the "
                "platform again, which brings them up to date"
            ) from error

    @contextmanager
    def _rows(self) -> Iterator[psycopg.Cursor[UserAccount]]:
        with self._connect() as connection, connection.cursor(row_factory=class_row(UserAccount)) as cursor:
            yield cursor


def _find(cursor: psycopg.Cursor[UserAccount], username: str) -> UserAccount:
    account = cursor.execute(_SELECT, (username,)).fetchone()
    if account is None:
        raise UserAccountError(f"there is no user {username!r}; `road users list` shows all, nothing was changed")
    return account
