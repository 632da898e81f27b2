"""``road backup`` and ``road restore`` on the embedded platform, stopped, and on databases that are named."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from road_assets.backup.manifest import Manifest
from road_assets.backup.stores import Stores, stores_of
from road_assets.backup.tar_file import read_manifest, writing
from road_assets.cli import main
from road_assets.local.planning import LEDGER_FILE, Ledger
from road_assets.local.platform import make_site
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.postgres_files import remove_outside
from road_assets.local.preflight import restore_problems
from road_assets.local.state import UNFINISHED_FILE, PlatformState, ProcessId
from road_assets.resources.database import migrate
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.api.servers import free_port

LEDGER = """{"plan": {"year": 2024, "first_day": "2024-01-01", "last_day": "2024-10-31", "content_hash": "0",
"data_label": "official"}, "database": "the first one", "done": ["release_job:2024"]}"""

EMPTY = Manifest(
    made_at=datetime(2026, 1, 1, tzinfo=UTC),
    versions={},
    databases={},
    folders=[],
    left_out=[],
    with_secrets=False,
    champion=None,
    files={},
)


def road(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def home(open_home: Path, clean_environment: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a platform that has run and is stopped."""
    port = free_port()
    clean_environment.setenv("ROAD_HOME", str(open_home))
    clean_environment.setenv("ROAD_POSTGRES_PORT", str(port))
    with EmbeddedPostgres(open_home, port) as server:
        migrate(server.url("road"))
        with psycopg.connect(server.url("road")) as connection:
            connection.execute("INSERT INTO noise_settings (noise, set_by) VALUES (0.8, 'ann')")
    (open_home / "lake" / "features").mkdir(parents=True)
    (open_home / "lake" / "features" / "day.parquet").write_bytes(b"rows")
    (open_home / "logs" / "api.log").write_text("a line")
    (open_home / LEDGER_FILE).write_text(LEDGER)
    yield open_home
    remove_outside(open_home)


def test_a_stopped_platform_is_saved_and_restored_elsewhere(
    home: Path, tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    saved = road("backup", str(tmp_path))
    assert saved.exit_code == 0, saved.output
    (file,) = tmp_path.glob("road-*T*Z.tar")
    assert f"wrote {file}" in saved.output
    assert "not in it: logs" in saved.output
    assert sorted(read_manifest(file).databases) == ["dagster", "mlflow", "road"]
    whole = road("restore", "--check", str(file))
    assert f"{file} is whole" in whole.output

    other = home.parent / "other"
    clean_environment.setenv("ROAD_HOME", str(other))
    restored = road("restore", str(file))

    assert restored.exit_code == 0, restored.output
    assert "`make up` starts the platform" in restored.output
    assert (other / "lake" / "features" / "day.parquet").read_bytes() == b"rows"
    assert not (other / "logs" / "api.log").exists()
    port = int(os.environ["ROAD_POSTGRES_PORT"])
    with EmbeddedPostgres(other, port) as server:
        with psycopg.connect(server.url("road")) as connection:
            assert connection.execute("SELECT noise, set_by FROM noise_settings").fetchall() == [(0.8, "ann")]
        ledger = Ledger.model_validate_json((other / LEDGER_FILE).read_text())
        assert (ledger.database, ledger.done) == (server.identity(), ["release_job:2024"]), "nothing is done again"
    refused = road("restore", str(file))
    assert refused.exit_code == 1
    assert "there is state already" in refused.output
    remove_outside(other)


def test_a_platform_that_runs_is_not_restored(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    clean_environment.setenv("ROAD_HOME", str(home))
    PlatformState(supervisor=ProcessId.of(os.getpid()), postgres_port=4711).save(home)
    backup = tmp_path / "backup.tar"
    with writing(backup) as writer:
        writer.add_manifest(EMPTY)
    said = road("restore", str(backup))
    assert (said.exit_code, "is running; stop it first" in said.output) == (1, True)


def test_without_a_platform_there_is_nothing_to_save(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("ROAD_HOME", str(tmp_path / "none"))
    said = road("backup", str(tmp_path / "backup.tar"))
    assert "does not exist, so there is nothing to save" in said.output
    assert list(tmp_path.iterdir()) == []


def test_a_backup_does_not_go_into_what_it_saves(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("ROAD_HOME", str(tmp_path))
    said = road("backup", str(tmp_path / "lake" / "backup.tar"))
    assert "which it is to survive" in said.output


def test_a_restore_that_was_cut_off_keeps_the_platform_from_starting_and_from_being_saved(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    (tmp_path / UNFINISHED_FILE).write_text("/backups/a.tar\n")
    (problem,) = restore_problems(tmp_path)
    assert problem.endswith("`road restore --replace /backups/a.tar` completes it")
    clean_environment.setenv("ROAD_HOME", str(tmp_path))
    assert "was cut off" in road("backup", str(tmp_path.parent / "backup.tar")).output


@pytest.fixture
def elsewhere(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> Stores:
    """The state of a platform whose databases are on a server, as under Compose."""
    clean_environment.setenv("ROAD_DATABASE_URL", "postgresql://pipeline:p@db/road")
    clean_environment.setenv("DAGSTER_POSTGRES_URL", "postgresql://dagster:p@db/dagster")
    clean_environment.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql+psycopg2://mlflow:p@db/mlflow")
    clean_environment.setenv("ROAD_MLFLOW_ARTIFACTS", str(tmp_path / "models"))
    clean_environment.setenv("ROAD_DAGSTER_STORAGE", str(tmp_path / "home" / "storage"))
    clean_environment.setenv("ROAD_ARCHIVE_REPOSITORY", str(tmp_path / "repository"))
    clean_environment.setenv("ROAD_RELEASES_DIR", str(tmp_path / "releases"))
    return stores_of(make_site(PlatformSettings(home=tmp_path / "home"), PortSettings()))


def test_databases_and_folders_elsewhere_are_those_of_the_environment(elsewhere: Stores, tmp_path: Path) -> None:
    assert list(elsewhere.databases) == ["road", "dagster", "mlflow"], "what points comes before what is pointed at"
    assert elsewhere.elsewhere == {"mlflow-artifacts": tmp_path / "models", "model-archive": tmp_path / "repository"}
    assert any(str(tmp_path / "releases") in sentence for sentence in elsewhere.left_out)
    assert elsewhere.place("home/lake/features/day") == (tmp_path / "home" / "lake", "features/day")
    assert elsewhere.place("home/main_job.json") == (tmp_path / "home", "main_job.json")
    assert elsewhere.place("mlflow-artifacts/1/bundle") == (tmp_path / "models", "1/bundle")


def test_a_database_that_is_not_named_is_told(
    elsewhere: Stores, tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    assert elsewhere
    clean_environment.delenv("MLFLOW_BACKEND_STORE_URI")
    stores = stores_of(make_site(PlatformSettings(home=tmp_path), PortSettings()))
    assert list(stores.databases) == ["road", "dagster"]
    assert any("MLFLOW_BACKEND_STORE_URI names no Postgres" in sentence for sentence in stores.left_out)
