"""Each role on a real server: what it may, and what it may not."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from pydantic import SecretStr

from road_api.services.database import Database as ServiceDatabase
from road_api.services.database import note_reported, receive_alert
from road_api.services.prediction_rows import ALONE, Batch, LogEntry, encode
from road_api.services.prediction_table import PredictionTable, partition_of
from road_assets.resources.database import Database
from road_assets.resources.runtime_settings import read_noise
from road_assets.server import roles
from road_assets.server.make_secrets import make_secrets
from road_assets.server.provision import ProvisionError, provision, read_passwords
from road_assets.server.settings import ProvisionSettings
from road_assets_tests.server.conftest import Server

TODAY = date(2026, 3, 1)


@pytest.fixture
def ask(server: Server) -> Callable[..., list[tuple[object, ...]]]:
    """Run a statement as a role."""

    def run(role: str, statement: str, database: str = roles.TABLES) -> list[tuple[object, ...]]:
        with psycopg.connect(server.url(role, database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run


def test_it_says_what_it_did_and_does_it_again_without_harm(server: Server) -> None:
    again: list[str] = []
    provision(server.settings, again.append)
    assert server.said == again
    assert len(again) == 5


def test_mlflows_tables_are_migrated_where_there_are_some(server: Server) -> None:
    """Its server refuses tables of an older version; here they are of none that ever was."""
    with psycopg.connect(server.url("mlflow", "mlflow")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('of nobody')")
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute("COMMENT ON DATABASE mlflow IS 'tables of mlflow 2.0'")
    with pytest.raises(ProvisionError, match=r"(?s)MLflow's tables cannot be made or migrated.*of nobody"):
        provision(server.settings, lambda _: None)
    with psycopg.connect(server.url("mlflow", "mlflow")) as connection:
        connection.execute("DROP TABLE alembic_version")
    provision(server.settings, lambda _: None)


@pytest.mark.parametrize("role", roles.ROLES)
def test_no_role_is_more_than_a_user(server: Server, role: str) -> None:
    with psycopg.connect(server.admin) as connection:
        (found,) = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolpassword"
            " FROM pg_authid WHERE rolname = %s",
            (role,),
        ).fetchall()
    assert not any(found[:5])
    assert found[5].startswith("SCRAM-SHA-256$")


def test_a_role_enters_only_its_databases(server: Server) -> None:
    may = {(role, database) for database, owner in roles.OWNERS.items() for role in (owner,)}
    may |= {(role, database) for database, guests in roles.GUESTS.items() for role in guests}
    for role in roles.ROLES:
        for database in (*roles.OWNERS, "postgres"):
            entered = False
            with suppress(psycopg.OperationalError), psycopg.connect(server.url(role, database)):
                entered = True
            assert entered == ((role, database) in may), f"{role} in {database}"


@pytest.mark.anyio
async def test_the_service_does_its_work_as_its_role(server: Server) -> None:
    database = ServiceDatabase(SecretStr(server.url("service")))
    assert await database.read_users() == {}
    assert await database.read_drift() is None
    assert (await database.set_noise(0.25, by="a test")).noise == 0.25
    assert (await database.read_noise()).noise == 0.25
    with psycopg.connect(server.url("pipeline")) as connection:
        connection.execute(f"INSERT INTO drift_scores SELECT (jsonb_populate_record(NULL::drift_scores, '{SCORE}')).*")
    async with database.connect() as connection:
        report = await receive_alert(connection, "f1", datetime(2026, 3, 1, tzinfo=UTC), "HighDataDrift")
        assert report is not None
        assert not report.known
        await note_reported(connection, "f1", datetime(2026, 3, 1, tzinfo=UTC))
    assert read_noise(Database(url=server.url("pipeline"))).noise == 0.25


def test_the_service_writes_and_drops_predictions_in_a_schema_of_its_own(
    server: Server, ask: Callable[..., list[tuple[object, ...]]]
) -> None:
    table = PredictionTable(SecretStr(server.url("service")))
    try:
        table.write(batch_of(TODAY))
        table.write(batch_of(TODAY - timedelta(days=1)))
        parts = ask("pipeline", "SELECT schemaname, tablename FROM pg_tables WHERE tablename LIKE 'predictions%'")
        assert ("service", partition_of(TODAY)) in parts
        assert ask("pipeline", "SELECT count(*) FROM predictions") == [(2,)]
        assert table.drop_before(TODAY) == [partition_of(TODAY - timedelta(days=1))]
    finally:
        table.close()
    assert ask("grafana", "SELECT count(*), max(probability) FROM predictions") == [(1, 0.5)]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("service", "INSERT INTO accidents SELECT * FROM accidents"),
        ("service", "UPDATE users SET role = 'admin'"),
        ("service", "DELETE FROM noise_settings"),
        ("service", "SELECT * FROM promotions"),
        ("service", "SELECT * FROM champion"),
        ("service", "DROP TABLE accidents"),
        ("service", "CREATE TABLE public.mine (a int)"),
        ("service", "UPDATE alembic_version SET version_num = '0001'"),
        ("grafana", "SELECT * FROM users"),
        ("grafana", "SELECT username FROM predictions"),
        ("grafana", "SELECT * FROM predictions"),
        ("grafana", "BEGIN READ WRITE; CREATE TEMPORARY TABLE mine (a int)"),
        ("grafana", "BEGIN READ WRITE; DELETE FROM accidents"),
        ("pipeline", "CREATE ROLE more"),
        ("pipeline", "COPY (SELECT 1) TO PROGRAM 'true'"),
        ("exporter", "SELECT rolpassword FROM pg_authid"),
    ],
)
def test_what_a_role_does_not_need_is_refused(
    ask: Callable[..., list[tuple[object, ...]]], role: str, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(role, statement, "postgres" if role == "exporter" else roles.TABLES)


def test_grafana_only_reads(ask: Callable[..., list[tuple[object, ...]]]) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask("grafana", "DELETE FROM accidents")


def test_grafana_reads_runs_too(ask: Callable[..., list[tuple[object, ...]]]) -> None:
    assert ask("grafana", "SELECT count(*) FROM runs", roles.DAGSTER) == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask("grafana", "SELECT * FROM kvs", roles.DAGSTER)


def test_a_right_given_by_hand_is_taken_away_by_the_next_start(
    server: Server, ask: Callable[..., list[tuple[object, ...]]]
) -> None:
    ask("pipeline", "GRANT SELECT ON champion TO service")
    assert ask("service", "SELECT count(*) FROM champion") == [(0,)]
    with psycopg.connect(server.admin, dbname=roles.TABLES) as connection:
        roles.grant_on_tables(connection)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask("service", "SELECT count(*) FROM champion")


def test_another_password_in_the_file_is_the_roles_after_the_next_start(server: Server) -> None:
    path = server.settings.passwords_dir / "exporter"
    path.chmod(0o600)
    path.write_text("another-password-of-the-exporter")
    with psycopg.connect(server.admin) as connection:
        roles.make_roles(connection, read_passwords(server.settings.passwords_dir))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url("exporter", "postgres"))
    server.passwords["exporter"] = "another-password-of-the-exporter"
    psycopg.connect(server.url("exporter", "postgres")).close()


def test_what_is_no_address_is_refused_without_being_repeated(tmp_path: Path) -> None:
    settings = ProvisionSettings(admin_database_url=SecretStr("post gres secret"), passwords_dir=tmp_path)
    with pytest.raises(ProvisionError, match="ROAD_ADMIN_DATABASE_URL is no address") as refused:
        provision(settings, print)
    assert "secret" not in str(refused.value)


def test_a_short_or_missing_password_stops_it_before_anything_is_done(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    folder = tmp_path / "provision"
    (folder / "grafana").chmod(0o600)
    (folder / "grafana").write_text("grafana")
    with pytest.raises(ProvisionError, match="grafana holds less than 16 characters"):
        read_passwords(folder)
    (folder / "grafana").unlink()
    with pytest.raises(ProvisionError, match="password of the role grafana cannot be read"):
        read_passwords(folder)


def batch_of(day: date) -> Batch:
    moment = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1_000_000)
    return encode([LogEntry("r1", "ann", "1", moment, np.full((1, 27), 1.0), [0.5], [ALONE])])


SCORE = (
    '{"day": "2026-03-01", "score": 0.6, "drifted_features": 8, "current_rows": 300, "reference_rows": 3000,'
    ' "model_version": 1, "reference_first_day": "2025-01-01", "reference_last_day": "2025-12-31",'
    ' "data_source": "a test", "noise": 0, "replayed_days": 0}'
)
