"""``road provision``: prepares a Postgres server for this version: roles, databases, tables, rights.

It runs before anything else, at the first start and at each upgrade; running it again changes nothing.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from road_assets.errors import UserFacingError
from road_assets.local.tasks import UPGRADE_MLFLOW, has_mlflow_tables
from road_assets.resources.database import SchemaError, migrate
from road_assets.server.roles import (
    DAGSTER,
    MLFLOW,
    PIPELINE,
    ROLES,
    TABLES,
    grant_on_dagster,
    grant_on_tables,
    make_databases,
    make_roles,
)
from road_assets.server.settings import ProvisionSettings

CONNECT_SECONDS: Final = 10
PASSWORD_MIN_CHARACTERS: Final = 16
Report = Callable[[str], None]


class ProvisionError(UserFacingError):
    """The server was not prepared; the message says what is missing."""


def provision(settings: ProvisionSettings, report: Report) -> None:
    """Prepare the server.

    Args:
        settings: where it is, and the roles' passwords.
        report: prints a line for people.

    Raises:
        ProvisionError: the address is none, a password is missing or weak, the server cannot be reached, its tables
            are newer than this version, or tables cannot be made.
    """
    admin, passwords = prepare_databases(settings)
    report(f"roles: {', '.join(ROLES)}")
    try:
        migrate(role_address(admin, TABLES, PIPELINE, passwords[PIPELINE]))
        report("tables: newest revision")
        for name, work in _OTHERS.items():
            address = role_address(admin, name, name, passwords[name])
            with psycopg.connect(admin, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
                _once_per_version(connection, name, partial(work, address))
            report(f"{name}: {version(name)}")
        for database, grant in ((TABLES, grant_on_tables), (DAGSTER, grant_on_dagster)):
            with psycopg.connect(admin, dbname=database, connect_timeout=CONNECT_SECONDS) as connection:
                grant(connection)
        report("rights: given")
    except psycopg.OperationalError as error:
        raise ProvisionError(f"Postgres cannot be prepared: {error}") from error
    except SchemaError as error:
        raise ProvisionError(str(error)) from error


def prepare_databases(settings: ProvisionSettings) -> tuple[str, dict[str, str]]:
    """Make roles and databases, without anything in them.

    Args:
        settings: where the server is, and the roles' passwords.

    Returns:
        The superuser's address, and the passwords.

    Raises:
        ProvisionError: the address is none, a password is missing or weak, or the server cannot be reached.
    """
    admin = settings.admin_database_url.get_secret_value()
    _check_address(admin)
    passwords = read_passwords(settings.passwords_dir)
    try:
        with psycopg.connect(admin, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            make_roles(connection, passwords)
            make_databases(connection)
    except psycopg.OperationalError as error:
        raise ProvisionError(f"Postgres cannot be prepared: {error}") from error
    return admin, passwords


def read_passwords(folder: Path) -> dict[str, str]:
    """Read each role's password.

    Raises:
        ProvisionError: one is missing, or so short that it could be guessed.
    """
    passwords = {}
    for role in ROLES:
        path = folder / role
        try:
            passwords[role] = path.read_text().strip()
        except OSError as error:
            raise ProvisionError(f"the password of the role {role} cannot be read: {error}") from error
        if len(passwords[role]) < PASSWORD_MIN_CHARACTERS:
            raise ProvisionError(f"{path} holds less than {PASSWORD_MIN_CHARACTERS} characters; put a longer password")
    return passwords


def role_address(admin: str, database: str, role: str, password: str) -> str:
    """The address of a database for a role, on the server that the superuser's address names.

    Args:
        admin: the superuser's address.
        database: name of the database.
        role: name of the role.
        password: of the role; any characters.

    Returns:
        ``postgresql://role:password@host:port/database``, as Dagster, MLflow and Alembic take it.
    """
    given = conninfo_to_dict(admin)
    host, port = str(given.get("host", "localhost")), given.get("port", 5432)
    return f"postgresql://{role}:{quote(password, safe='')}@{f'[{host}]' if ':' in host else host}:{port}/{database}"


def _check_address(admin: str) -> None:
    try:
        conninfo_to_dict(admin)
    except psycopg.ProgrammingError:
        raise ProvisionError(
            "ROAD_ADMIN_DATABASE_URL is no address of a Postgres server; give postgresql://user@host:port/postgres, "
            "with the password in it or in the file that PGPASSFILE names"
        ) from None  # the driver's words would repeat it


def _once_per_version(connection: psycopg.Connection, name: str, work: Callable[[], None]) -> None:
    """Migrate the database of Dagster or MLflow, once per version, which is noted in the database's comment."""
    wanted = f"tables of {name} {version(name)}"
    found = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
    ).fetchone()
    if found == (wanted,):
        return
    work()
    connection.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(wanted)),
    )


def _migrate_dagster(url: str) -> None:
    """Dagster reads the address from the environment."""
    _run("Dagster", ["-m", "dagster", "instance", "migrate"], DAGSTER_POSTGRES_URL=url)


def _migrate_mlflow(url: str) -> None:
    """Where there are no tables yet, MLflow's server makes them."""
    if not has_mlflow_tables(url):
        return
    _run("MLflow", ["-c", UPGRADE_MLFLOW], MLFLOW_BACKEND_STORE_URI=url.replace("://", "+psycopg2://", 1))


def _run(whose: str, arguments: list[str], **environment: str) -> None:
    """Run Python in a child process, with addresses in its environment: other users can read arguments only."""
    done = subprocess.run(  # noqa: S603 - fixed words
        [sys.executable, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()[-20:]
        raise ProvisionError("\n".join([f"{whose}'s tables cannot be made or migrated:", *lines]))


_OTHERS: Final = {DAGSTER: _migrate_dagster, MLFLOW: _migrate_mlflow}
"""The database, the role and the package have one name."""
