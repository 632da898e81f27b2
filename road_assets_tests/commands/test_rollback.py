"""``road rollback`` on real tables and a real registry, found as the command finds them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from road_assets.cli import main
from road_assets.core.production_history import PROMOTED
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.state import PlatformState, ProcessId
from road_assets.promotion.pointer import hold_pointer
from road_assets.promotion.rollback import roll_back
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision
from road_assets.resources.model_registry import ModelRegistry
from road_assets_tests.conftest import fresh_database
from road_assets_tests.registry_versions import register, registry_of_its_own


@pytest.fixture
def home(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> Path:
    clean_environment.setenv("ROAD_HOME", str(tmp_path / "home"))
    clean_environment.setenv("LOGNAME", "ann")
    clean_environment.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    clean_environment.delenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", raising=False)
    for name in ("NO_PROXY", "no_proxy", "MLFLOW_DISABLE_TELEMETRY"):  # set by the command; put back after the test
        clean_environment.setenv(name, os.environ.get(name, ""))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def two(postgres: EmbeddedPostgres, mlflow_url: str) -> Iterator[tuple[Database, ModelRegistry]]:
    """Two versions that were in production one after the other."""
    with registry_of_its_own(mlflow_url, "rollback-command") as registry:
        database = Database(url=fresh_database(postgres, "rollback-command"))
        for _ in range(2):
            with hold_pointer(database, registry, Author("bob")) as pointer:
                pointer.move(Decision(PROMOTED, register(registry), pointer.version(), ["better"]))
        yield database, registry


def road(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rollback", *arguments])


def test_it_goes_back_and_forth_and_says_what_it_did(
    home: Path, two: tuple[Database, ModelRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, registry = two
    monkeypatch.setenv("ROAD_DATABASE_URL", database.url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
    said = road()
    assert said.output.startswith("version 1 is in production again, in the place of version 2. It stays until")
    assert (said.exit_code, registry.production_version()) == (0, 1)
    assert road("2").output.startswith("version 2 is in production again, in the place of version 1.")
    with database.connect() as connection:
        told = connection.execute(
            "SELECT decision, version, decided_by FROM promotions ORDER BY id DESC LIMIT 2"
        ).fetchall()
    assert told == [("rolled back", 2, "ann (road rollback)"), ("rolled back", 1, "ann (road rollback)")]
    refused = road("9")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: version 9 was never in production")
    assert "former champions: 1" in refused.output
    assert registry.production_version() == 2
    assert not home.exists()


def test_a_run_that_is_repeated_after_a_kill_goes_back_once(two: tuple[Database, ModelRegistry]) -> None:
    database, registry = two
    first = roll_back(database, registry, None, Author("ann", "run-1"))
    again = roll_back(database, registry, None, Author("ann", "run-1"))
    assert (again.version, again.previous) == (first.version, first.previous) == (1, 2)
    assert registry.production_version() == 1
    assert roll_back(database, registry, 2, Author("ann", "run-2")).version == 2


def test_with_mlflow_down_it_says_so_and_changes_nothing(
    home: Path, two: tuple[Database, ModelRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROAD_DATABASE_URL", two[0].url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = road()
    assert result.exit_code == 1
    assert "the model registry at http://127.0.0.1:9 does not answer; nothing was changed" in result.output
    assert not home.exists()


def test_it_finds_tables_and_registry_of_the_running_platform(home: Path, postgres: EmbeddedPostgres) -> None:
    home.mkdir()
    shutil.copytree(postgres.home / "secrets", home / "secrets")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:  # noqa: S607
        addresses = {"mlflow": "http://127.0.0.1:9"}
        supervisor = ProcessId.of(process.pid)
        PlatformState(supervisor=supervisor, postgres_port=postgres.port, addresses=addresses).save(home)
        result = road()
        process.kill()
    assert "the model registry at http://127.0.0.1:9 does not answer" in result.output


def test_without_a_running_platform_it_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = road()
    assert result.exit_code == 1
    assert f"no platform is running in {home}, and its tables with it; `make up` starts one" in result.output
    monkeypatch.setenv("ROAD_DATABASE_URL", "postgresql://ann:secret@127.0.0.1:9/road")
    result = road()
    assert "its model registry with it" in result.output
    assert "MLFLOW_TRACKING_URI" in result.output


@pytest.mark.parametrize("version", ["0", "-1", "x"])
def test_a_version_is_a_number_from_1_on(home: Path, version: str) -> None:
    result = road("--", version)
    assert result.exit_code == 2
    assert version in result.output
    assert not home.exists()
