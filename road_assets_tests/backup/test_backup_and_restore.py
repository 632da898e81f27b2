"""A small platform saved while it runs, and brought back into an empty one: same rows, same champion, same answers."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from litestar.testing import AsyncTestClient
from psycopg import sql

from road_api.app import create_app
from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_api.settings import Settings
from road_assets.backup import make, restore
from road_assets.backup.errors import BackupError
from road_assets.backup.make import make_backup
from road_assets.backup.postgres_tools import connected, count_rows
from road_assets.backup.restore import restore_backup
from road_assets.backup.stores import Stores
from road_assets.backup.tar_file import read_manifest
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.local.state import UNFINISHED_FILE
from road_assets.resources import locks
from road_assets.resources.model_registry import ModelRegistry
from road_assets_tests.conftest import LAST_DAY, Platform, serve_mlflow

QUESTION = dict.fromkeys(FEATURE_NAMES, 1)


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2024-01-01"))
def noted() -> None:
    """Something that Dagster's own database remembers."""


@pytest.fixture(scope="module")
def stores(platform: Platform, postgres: EmbeddedPostgres, mlflow_folder: Path) -> Stores:
    """The state of the platform whose whole graph has run; Dagster's in a database, MLflow's in SQLite."""
    dagster = new_database(postgres, "saved_dagster")
    with dagster_on(dagster, platform.home / "storage") as instance:
        assert dg.materialize([noted], instance=instance, partition_key="2024-01-05").success
    (platform.home / "secrets").mkdir(mode=0o700, exist_ok=True)
    (platform.home / "secrets" / "api_jwt_secret").write_text("a secret of the service")
    return Stores(
        {"road": platform.database_url, "dagster": dagster},
        platform.home,
        {"mlflow-artifacts": mlflow_folder},
        ("logs",),
    )


@pytest.fixture(scope="module")
def backup(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backups") / "backup.tar"
    make_backup(stores, target, print)
    return target


@pytest.fixture
def empty(postgres: EmbeddedPostgres, tmp_path: Path) -> Stores:
    """Databases without a table, and folders that are not there yet."""
    databases = {name: new_database(postgres, f"{tmp_path.name}_{name}") for name in ("road", "dagster")}
    return Stores(databases, tmp_path / "home", {"mlflow-artifacts": tmp_path / "mlflow"})


def new_database(postgres: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return postgres.url(name)


@contextmanager
def dagster_on(url: str, storage: Path) -> Iterator[dg.DagsterInstance]:
    home = storage.parent / "dagster"
    home.mkdir(exist_ok=True)
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_POSTGRES_URL", url)
        environment.setenv("ROAD_DAGSTER_STORAGE", str(storage))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def rows_of(stores: Stores) -> dict[str, dict[str, int]]:
    counts = {}
    for name, url in stores.databases.items():
        with connected(url) as connection:
            counts[name] = count_rows(connection)
    return counts


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def answer_of(mlflow: str, folder: Path) -> tuple[str, float]:
    """Version and probability of the service on a registry."""
    async with AsyncTestClient(create_app(Settings(demo=True, mlflow_uri=mlflow, state_dir=folder))) as service:
        while not (await service.get("/health/ready")).is_success:  # noqa: ASYNC110 - it tells over HTTP only
            await asyncio.sleep(0.05)
        given = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}
        token = (await service.post("/auth/token", data=given)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = (await service.post("/protected/predict", json=QUESTION, headers=headers)).json()
        return answer["model_version"], answer["probability"]


def test_an_empty_platform_becomes_the_one_that_was_saved(
    backup: Path, stores: Stores, empty: Stores, mlflow_url: str, tmp_path: Path
) -> None:
    manifest = restore_backup(empty, backup, print)

    assert rows_of(empty) == rows_of(stores)
    assert rows_of(empty)["road"]["public.accidents_2024"] > 1000
    for part in ("lake", "reports", "storage"):
        assert files_of(empty.home / part) == files_of(stores.home / part)
    assert len(files_of(empty.home / "lake")) > 200
    assert sorted(path.name for path in empty.home.iterdir() if path.name.startswith(".")) == []
    with psycopg.connect(empty.databases["road"]) as connection:
        ((champion,),) = connection.execute("SELECT version FROM champion").fetchall()
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM promotions")
    assert champion == manifest.champion
    with dagster_on(empty.databases["dagster"], empty.home / "storage") as instance:
        assert instance.get_materialized_partitions(noted.key) == {"2024-01-05"}
    before = asyncio.run(answer_of(mlflow_url, tmp_path / "before"))
    with serve_mlflow(empty.elsewhere["mlflow-artifacts"]) as restored:
        assert asyncio.run(answer_of(restored, tmp_path / "after")) == before
        registry = ModelRegistry(tracking_uri=restored, public_url=restored)
        assert registry.production_version() == champion
        assert registry.candidates_as_of(LAST_DAY)
    assert 0 < before[1] < 1


def test_state_that_is_there_is_kept_unless_it_may_be_replaced(backup: Path, empty: Stores) -> None:
    restore_backup(empty, backup, print)
    saved = rows_of(empty)
    later = empty.home / "lake" / "features" / "2024" / "2024-12-31.parquet"
    later.write_bytes(b"a day that came later")
    (empty.home / "api").mkdir()
    (empty.home / "api" / "current.json").write_text("{}")
    with psycopg.connect(empty.databases["road"]) as connection:
        connection.execute("CREATE SCHEMA later CREATE TABLE later.rows (number integer)")
        connection.execute("CREATE TYPE colour AS ENUM ('red')")
        connection.execute("DELETE FROM accidents WHERE day = '2024-01-05'")

    with pytest.raises(BackupError, match=r"there is state already in .*lake.*--replace"):
        restore_backup(empty, backup, print)
    assert later.exists()
    assert rows_of(empty) != saved

    restore_backup(empty, backup, print, replace=True)
    assert not later.exists()
    assert not (empty.home / "api" / "current.json").exists()
    assert rows_of(empty) == saved


def test_a_restore_that_is_cut_off_is_noted_and_done_again(
    backup: Path, empty: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(url: str, dump: Path, script: Path) -> None:
        raise KeyboardInterrupt(url, dump, script)

    with monkeypatch.context() as patch:
        patch.setattr(restore, "restore", fail)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(empty, backup, print)
    assert (empty.home / UNFINISHED_FILE).read_text().strip() == str(backup)

    restore_backup(empty, backup, print, replace=True)
    assert not (empty.home / UNFINISHED_FILE).exists()
    assert rows_of(empty)["road"] == read_manifest(backup).databases["road"].rows


def test_a_database_that_cannot_be_restored_stays_as_it_was(
    backup: Path, empty: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty.databases["dagster"]) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 1 AS number")
    monkeypatch.setattr(
        "road_assets.backup.postgres_tools._DROP_EVERYTHING", "SELECT 1"
    )  # the tables are in each other's way
    with psycopg.connect(empty.databases["dagster"]) as connection:
        connection.execute("CREATE TABLE event_logs (id integer)")

    with pytest.raises(BackupError, match='relation "event_logs" already exists'):
        restore_backup(empty, backup, print, replace=True)

    assert rows_of(empty)["dagster"] == {"public.event_logs": 0, "public.precious": 1}


def test_a_damaged_backup_changes_nothing(backup: Path, empty: Stores, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar"
    content = bytearray(backup.read_bytes())
    content[content.index(b"PAR1") + 100] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(BackupError, match="is damaged"):
        restore_backup(empty, damaged, print)
    assert rows_of(empty) == {"road": {}, "dagster": {}}
    assert not (empty.home / UNFINISHED_FILE).exists()


def test_a_database_without_an_address_here_is_named(backup: Path, empty: Stores) -> None:
    without = Stores({"road": empty.databases["road"]}, empty.home, {})
    with pytest.raises(BackupError, match=r"the database dagster, and no address.*the folder mlflow-artifacts"):
        restore_backup(without, backup, print)


def test_secrets_are_saved_only_when_asked_for(stores: Stores, backup: Path, empty: Stores, tmp_path: Path) -> None:
    password = (stores.databases["road"].partition("://road:")[2].partition("@")[0]).encode()
    content = backup.read_bytes()
    assert b"a secret of the service" not in content
    assert password not in content
    assert b"api_jwt_secret" not in content

    target = tmp_path / "with.tar"
    make_backup(stores, target, print, with_secrets=True)
    restore_backup(empty, target, print)
    restored = empty.home / "secrets" / "api_jwt_secret"
    assert restored.read_text() == "a secret of the service"
    assert restored.parent.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def promoting(stores: Stores) -> Iterator[psycopg.Connection]:
    """Somebody who is about to move the production pointer."""
    with psycopg.connect(stores.databases["road"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (locks.POINTER,))
        yield connection


def test_nobody_moves_the_pointer_while_the_databases_are_frozen(
    stores: Stores, promoting: psycopg.Connection, tmp_path: Path
) -> None:
    target = tmp_path / "waits.tar"
    thread = threading.Thread(target=make_backup, args=(stores, target, print))
    thread.start()
    thread.join(1.5)
    assert thread.is_alive()
    assert not target.exists()
    promoting.execute("SELECT pg_advisory_unlock(%s)", (locks.POINTER,))
    thread.join(60)
    assert read_manifest(target).champion is not None


def test_a_promotion_that_takes_too_long_is_told(
    stores: Stores, promoting: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "WAIT_SECONDS", 1)
    assert promoting.info.server_version
    with pytest.raises(BackupError, match="no backup was made"):
        make_backup(stores, tmp_path / "never.tar", print)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_named_without_its_password(stores: Stores, tmp_path: Path) -> None:
    away = Stores({"road": "postgresql://road:hidden@127.0.0.1:1/road"}, stores.home, {})
    with pytest.raises(BackupError, match=r"road at 127\.0\.0\.1:1 cannot be reached") as caught:
        make_backup(away, tmp_path / "never.tar", print)
    assert "hidden" not in str(caught.value)


def test_a_password_may_be_in_a_file(
    postgres: EmbeddedPostgres, empty: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = postgres.url("road").partition("://road:")[2].partition("@")[0]
    (tmp_path / "passwords").write_text(f"*:*:*:*:{password}\n")
    (tmp_path / "passwords").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passwords"))
    named = Stores({"road": empty.databases["road"].replace(f":{password}", "")}, empty.home, {})
    with psycopg.connect(named.databases["road"]) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 1 AS number")
    make_backup(named, tmp_path / "backup.tar", print)
    restore_backup(named, tmp_path / "backup.tar", print, replace=True)
    assert rows_of(named) == {"road": {"public.precious": 1}}
