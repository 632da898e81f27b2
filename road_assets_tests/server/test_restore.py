"""``road backup`` and ``road restore`` on a server with a role for each part, as Compose runs them."""

from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from road_api.services.prediction_table import PredictionTable, partition_of
from road_assets.backup.postgres_tools import _comment_out_newer_settings
from road_assets.backup.tar_file import read_manifest
from road_assets.cli import main
from road_assets.local.planning import LEDGER_FILE, Ledger
from road_assets.local.postgres import server_identity
from road_assets.local.state import UNFINISHED_FILE
from road_assets.server import roles
from road_assets.server.provision import ProvisionError, provision
from road_assets_tests.server.conftest import Server
from road_assets_tests.server.test_roles import TODAY, batch_of

LEDGER = """{"plan": {"year": 2024, "first_day": "2024-01-01", "last_day": "2024-10-31", "content_hash": "0",
"data_label": "official"}, "database": "another server", "done": ["release_job:2024"]}"""


@pytest.fixture
def home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform on that server, with a prediction of today and one of yesterday, and the environment of the tools."""
    home = tmp_path / "home"
    (home / "lake").mkdir(parents=True)
    (home / "lake" / "day.parquet").write_bytes(b"rows")
    (home / LEDGER_FILE).write_text(LEDGER)
    monkeypatch.setenv("ROAD_HOME", str(home))
    monkeypatch.setenv("ROAD_DATABASE_URL", server.url("pipeline"))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.url("dagster", "dagster"))
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", server.url("mlflow", "mlflow"))
    monkeypatch.setenv("ROAD_DAGSTER_STORAGE", str(tmp_path / "dagster"))
    monkeypatch.setenv("ROAD_ADMIN_DATABASE_URL", server.admin)
    monkeypatch.setenv("ROAD_PASSWORDS_DIR", str(server.settings.passwords_dir))
    ask_twice(server)
    return home


def ask_twice(server: Server) -> None:
    table = PredictionTable(SecretStr(server.url("service")))
    table.write(batch_of(TODAY))
    table.write(batch_of(TODAY - timedelta(days=1)))
    table.close()


def road(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def answered(server: Server) -> list[tuple[date]]:
    with psycopg.connect(server.url("pipeline")) as connection:
        return connection.execute("SELECT answered_at::date FROM predictions ORDER BY 1").fetchall()


def test_what_is_restored_belongs_to_whom_it_belonged(server: Server, home: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.tar"
    saved = road("backup", backup)
    assert saved.exit_code == 0, saved.output
    assert set(read_manifest(backup).databases) == {"road", "dagster", "mlflow"}
    with psycopg.connect(server.url("service")) as connection:
        connection.execute("DELETE FROM predictions")
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute("COMMENT ON DATABASE dagster IS 'tables of dagster 99'")

    refused = road("restore", backup)
    assert (refused.exit_code, "there is state already" in refused.output) == (1, True)
    assert answered(server) == []
    restored = road("restore", "--replace", backup)

    assert restored.exit_code == 0, restored.output
    assert "Start the services" in restored.output
    assert answered(server) == [(TODAY - timedelta(days=1),), (TODAY,)]
    table = PredictionTable(SecretStr(server.url("service")))
    table.write(batch_of(TODAY + timedelta(days=1)))
    assert sorted(table.drop_before(TODAY + timedelta(days=1))) == [
        partition_of(TODAY - timedelta(days=1)),
        partition_of(TODAY),
    ]
    table.close()
    with psycopg.connect(server.url("grafana", roles.DAGSTER)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
    with psycopg.connect(server.admin) as connection:
        ((noted,),) = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'dagster'"
        ).fetchall()
    assert noted != "tables of dagster 99", "what is restored is migrated again"
    ledger = Ledger.model_validate_json((home / LEDGER_FILE).read_text())
    assert (ledger.database, ledger.done) == (server_identity(server.admin), ["release_job:2024"])


def test_nothing_is_restored_while_a_service_is_connected(server: Server, home: Path, tmp_path: Path) -> None:
    assert home.is_dir()
    backup = tmp_path / "backup.tar"
    assert road("backup", backup).exit_code == 0
    with psycopg.connect(server.url("service")):
        refused = road("restore", "--replace", backup)
    assert refused.exit_code == 1
    assert "others are at work: service (1) in road at 127.0.0.1" in refused.output
    assert "Stop all services but Postgres" in refused.output


def test_nothing_starts_on_half_of_a_backup(home: Path) -> None:
    (home / UNFINISHED_FILE).write_text("/backups/a.tar\n")
    said = road("provision")
    assert said.exit_code == 1
    assert "`restore --replace /backups/a.tar` has completed it" in said.output


def test_tables_of_a_newer_version_are_told_and_left(server: Server) -> None:
    with psycopg.connect(server.url("pipeline")) as connection:
        ((revision,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    try:
        with pytest.raises(ProvisionError, match=r"the tables are at revision 9999.*a newer version"):
            provision(server.settings, lambda _: None)
    finally:
        with psycopg.connect(server.url("pipeline")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))


def test_secrets_that_are_elsewhere_are_not_promised(home: Path, tmp_path: Path) -> None:
    assert home.is_dir()
    refused = road("backup", "--with-secrets", tmp_path / "backup.tar")
    assert refused.exit_code == 1
    assert "there are no secrets in" in refused.output
    assert not (tmp_path / "backup.tar").exists()


def test_programs_that_are_newer_than_the_server_ask_it_for_nothing_that_it_does_not_know(tmp_path: Path) -> None:
    """Postgres 15 has no transaction_timeout; the scripts of pg_restore 17 and 18 set it."""
    script = tmp_path / "road.sql"
    text = "SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\n"
    script.write_text(text)
    _comment_out_newer_settings(script)
    left = script.read_text()
    assert "transaction_timeout" not in left
    assert len(left) == len(text)
    assert left.splitlines()[0::2] == text.splitlines()[0::2]
    assert left.splitlines()[1].startswith("--")
