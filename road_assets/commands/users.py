"""``road users``: adds and changes the users of the service while it runs."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
import psycopg
from argon2 import PasswordHasher

from road_api.auth import DEMO_USERNAME
from road_api.tokens import Role
from road_assets.commands.endpoints import find_database_url
from road_assets.errors import UserFacingError
from road_assets.local.services import Site
from road_assets.resources.database import Database
from road_assets.resources.user_accounts import UserAccount, UserAccountError, UserAccounts

USERNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""Without a colon, which marks tokens of operators, and without letters that look like others."""

PASSWORD_MIN_CHARACTERS: Final = 12
"""Above the 8 that NIST SP 800-63B asks of every password, since there is no second factor here."""

PASSWORD_MAX_BYTES: Final = 1024
APPLIES: Final = "the running service knows it within seconds"


class UsersError(UserFacingError):
    """Nothing was changed; the message says why."""


def read_password(username: str) -> str:
    """Ask twice for a new password without showing it; where nobody is at a terminal, take a line of standard input.

    Args:
        username: whose password it will be.

    Raises:
        UsersError: it is too short, too long, the name itself, or not UTF-8.
    """
    stdin = click.get_binary_stream("stdin")
    if stdin.isatty():
        password = str(click.prompt(f"New password of {username}", hide_input=True, confirmation_prompt=True, err=True))
    else:
        try:
            password = stdin.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsersError("the password on standard input is not UTF-8; nothing was changed") from error
    _check_password(username, password)
    return password


def add(site: Site, username: str, *, admin: bool) -> str:
    """Add a user; the password is asked for.

    Args:
        site: of the platform; ``ROAD_DATABASE_URL`` names its tables where they are not the embedded ones.
        username: the name to log in with.
        admin: whether the user may change what the platform does.

    Raises:
        UsersError: the name cannot be used or is taken, the password is refused, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    _check_name(username)
    role = Role.ADMIN if admin else Role.USER
    with _accounts(site) as accounts:
        accounts.add(username, PasswordHasher().hash(read_password(username)), role.value)
    return f"added {username} ({role.value}); {APPLIES}"


def set_password(site: Site, username: str) -> str:
    """Set another password, which is asked for, and have the user's tokens refused.

    Raises:
        UsersError: there is no such user, the password is refused, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    with _accounts(site) as accounts:
        account = accounts.set_password(username, PasswordHasher().hash(read_password(username)))
    still = f" {username} stays disabled; `road users enable {username}` ends that." if account.disabled_at else ""
    return f"{username} has another password, and tokens given before are refused; {APPLIES}.{still}"


def set_role(site: Site, username: str, role: str) -> str:
    """Say what a user may do; tokens given for another role are refused.

    Raises:
        UsersError: there is no such user, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    with _accounts(site) as accounts:
        changed = accounts.set_role(username, Role(role).value)
    if not changed:
        return f"{username} is {role} already; nothing was changed"
    return f"{username} is {role} now, and tokens given before are refused; {APPLIES}"


def disable(site: Site, username: str) -> str:
    """Refuse a user's log-ins and tokens.

    Raises:
        UsersError: there is no such user, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    with _accounts(site) as accounts:
        account = accounts.disable(username)
    return f"{username} is disabled since {account.disabled_at:%Y-%m-%d %H:%M:%S %Z}, tokens too; {APPLIES}"


def enable(site: Site, username: str) -> str:
    """Let a disabled user log in again.

    Raises:
        UsersError: there is no such user, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    with _accounts(site) as accounts:
        accounts.enable(username)
    return f"{username} may log in; tokens given before a user was disabled stay refused; {APPLIES}"


def list_users(site: Site) -> str:
    """Show all users of the tables.

    Raises:
        UsersError: the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    with _accounts(site) as accounts:
        lines = [_line(account) for account in accounts.list()]
    return "\n".join(lines) or "there are no users; `road users add NAME` adds one"


@contextmanager
def _accounts(site: Site) -> Iterator[UserAccounts]:
    try:
        yield UserAccounts(Database(url=find_database_url(site)))
    except UserAccountError as error:
        raise UsersError(str(error)) from error
    except psycopg.OperationalError as error:
        raise UsersError(f"the platform's tables cannot be reached: {error}") from error


def _check_name(username: str) -> None:
    if not USERNAME.fullmatch(username):
        raise UsersError(
            f"{username!r} cannot be a user name: it takes 1 to 64 letters without accents, digits and . _ @ -, "
            "a letter or a digit first"
        )
    if username in {DEMO_USERNAME, os.environ.get("ROAD_API_USERNAME")}:
        raise UsersError(f"{username} is the user of the demonstration or of ROAD_API_USERNAME; choose another name")


def _check_password(username: str, password: str) -> None:
    problem = None
    if len(password) < PASSWORD_MIN_CHARACTERS:
        problem = f"has {len(password)} characters, needed are {PASSWORD_MIN_CHARACTERS}; several words are a good one"
    elif len(password.encode()) > PASSWORD_MAX_BYTES:
        problem = f"is longer than {PASSWORD_MAX_BYTES} bytes"
    elif password.lower() == username.lower() or len(set(password)) == 1:
        problem = "is the user name or one character again and again"
    if problem:
        raise UsersError(f"the password {problem}; nothing was changed")


def _line(account: UserAccount) -> str:
    state = f"disabled since {account.disabled_at:%Y-%m-%d %H:%M}" if account.disabled_at else "may log in"
    return (
        f"{account.username:<24} {account.role:<6} {state}; added {account.created_at:%Y-%m-%d}, password of "
        f"{account.password_set_at:%Y-%m-%d}"
    )
