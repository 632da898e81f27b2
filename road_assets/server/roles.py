"""The roles on a Postgres server: one for each part of the platform, with the rights it needs and no more.

All rights are revoked and granted again in one transaction, so that afterwards exactly those hold that are listed here.
"""

from typing import Final

import psycopg
from psycopg import sql

from road_assets.dashboards.sources import DAGSTER as DAGSTER_SOURCE
from road_assets.dashboards.sources import READ
from road_assets.resources import locks

TABLES: Final = "road"
DAGSTER: Final = "dagster"
MLFLOW: Final = "mlflow"

PIPELINE: Final = "pipeline"
SERVICE: Final = "service"
GRAFANA: Final = "grafana"
EXPORTER: Final = "exporter"

OWNERS: Final = {TABLES: PIPELINE, DAGSTER: DAGSTER, MLFLOW: MLFLOW}
"""Each database with the role that owns it and makes its tables."""

ROLES: Final = (PIPELINE, SERVICE, GRAFANA, DAGSTER, MLFLOW, EXPORTER)

GUESTS: Final = {
    TABLES: {SERVICE: "CONNECT, TEMPORARY", GRAFANA: "CONNECT"},  # the service stages predictions in a temporary table
    DAGSTER: {GRAFANA: "CONNECT"},
    "postgres": {EXPORTER: "CONNECT"},
}
"""Who may connect to a database without owning it."""

SERVICE_READS: Final = (
    "accidents",
    "drift_features",
    "drift_scores",
    "model_metrics",
    "noise_settings",
    "run_failures",
    "users",
)
SERVICE_ADDS: Final = {"noise_settings": "INSERT", "alert_reports": "SELECT, INSERT, UPDATE"}
HIDDEN_FROM_GRAFANA: Final = {"users": None, "predictions": "username"}
"""Tables that Grafana does not see, or the column of them that it does not: who people are."""

GRAFANA_READS_OF_DAGSTER: Final = READ[DAGSTER_SOURCE["uid"]]
"""What its panels ask for."""


def make_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    """Make the roles that are missing, and give all of them these passwords.

    Args:
        connection: of a superuser, to any database.
        passwords: by role. The server is sent their SCRAM verifiers, so they stand in none of its logs.
    """
    with connection.transaction():
        _lock(connection)
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        for role, password in passwords.items():
            if role not in known:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
            )
        connection.execute("GRANT pg_monitor TO exporter")
        connection.execute("GRANT service TO pipeline")  # so that migrations may change what the service owns
        connection.execute("ALTER ROLE grafana SET default_transaction_read_only = on")
        connection.execute("ALTER ROLE grafana SET statement_timeout = '30s'")


def make_databases(connection: psycopg.Connection) -> None:
    """Make the databases that are missing, and let in whom they are for.

    Args:
        connection: of a superuser, in autocommit mode, since no transaction can make a database.
    """
    connection.execute("SELECT pg_advisory_lock(%s)", (locks.PROVISION,))
    try:
        known = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
        for database, owner in OWNERS.items():
            if database not in known:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner))
                )
        with connection.transaction():
            for database in (*OWNERS, "postgres"):
                _open_database(connection, database)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (locks.PROVISION,))


def grant_on_tables(connection: psycopg.Connection) -> None:
    """Give service and Grafana their rights on the platform's tables; after each migration.

    Args:
        connection: of a superuser, to the tables' database.
    """
    with connection.transaction():
        _lock(connection)
        connection.execute("CREATE SCHEMA IF NOT EXISTS service AUTHORIZATION service")
        _own_schema(connection)
        connection.execute("ALTER ROLE service IN DATABASE road SET search_path = service, public")
        connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM service, grafana")
        # The service makes and drops a part for each day, which only an owner can; they lie in a schema of its own.
        connection.execute("ALTER TABLE predictions OWNER TO service")
        connection.execute("GRANT ALL ON predictions TO service")
        for table in SERVICE_READS:
            _grant(connection, "SELECT", table, SERVICE)
        for table, rights in SERVICE_ADDS.items():
            _grant(connection, rights, table, SERVICE)
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana")
        for table, column in HIDDEN_FROM_GRAFANA.items():
            _hide(connection, table, column)


def grant_on_dagster(connection: psycopg.Connection) -> None:
    """Let Grafana read Dagster's runs, events and check results.

    Args:
        connection: of a superuser, to Dagster's database.
    """
    with connection.transaction():
        connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM grafana")
        for table in GRAFANA_READS_OF_DAGSTER:
            _grant(connection, "SELECT", table, GRAFANA)


def _open_database(connection: psycopg.Connection, database: str) -> None:
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for role, rights in GUESTS.get(database, {}).items():
        connection.execute(sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(rights), name, sql.Identifier(role)))


def _own_schema(connection: psycopg.Connection) -> None:
    """Give the service its schema and the partitions in it: after a restore they belong to whoever restored them."""
    connection.execute("ALTER SCHEMA service OWNER TO service")
    for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'service'").fetchall():
        connection.execute(sql.SQL("ALTER TABLE {} OWNER TO service").format(sql.Identifier("service", table)))


def _hide(connection: psycopg.Connection, table: str, column: str | None) -> None:
    connection.execute(sql.SQL("REVOKE ALL ON {} FROM grafana").format(sql.Identifier(table)))
    if column is None:
        return
    shown = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND column_name <> %s",
        (table, column),
    ).fetchall()
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in shown)
    connection.execute(sql.SQL("GRANT SELECT ({}) ON {} TO grafana").format(columns, sql.Identifier(table)))


def _grant(connection: psycopg.Connection, rights: str, table: str, role: str) -> None:
    statement = sql.SQL("GRANT {} ON {} TO {}")
    connection.execute(statement.format(sql.SQL(rights), sql.Identifier(table), sql.Identifier(role)))


def _lock(connection: psycopg.Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.PROVISION,))
