"""What a backup holds besides the tables, and what it says that it does not hold."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from road_assets.backup.make import make_backup
from road_assets.backup.stores import Stores
from road_assets.backup.tar_file import members, read_manifest
from road_assets.core.vocabulary import MODEL_NAME
from road_assets.local.postgres import EmbeddedPostgres
from road_assets_tests.backup.test_backup_and_restore import new_database
from road_assets_tests.conftest import Platform


def test_an_open_sqlite_database_is_saved_whole(platform: Platform, tmp_path: Path) -> None:
    folder, target = tmp_path / "mlflow", tmp_path / "backup.tar"
    folder.mkdir()
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE runs AS SELECT 1 AS number")
        database.commit()
        database.execute("INSERT INTO runs VALUES (2)")  # not committed: not saved
        make_backup(
            Stores({"road": platform.database_url}, tmp_path / "none", {"mlflow-artifacts": folder}), target, print
        )
        database.rollback()
    found = {name: content.read() for name, _, content in members(target, read_manifest(target)) if content}
    copy = tmp_path / "copy.db"
    copy.write_bytes(found["mlflow-artifacts/mlflow.db"])
    assert sqlite3.connect(copy).execute("SELECT number FROM runs").fetchall() == [(1,)]
    assert not any(name.endswith(("-wal", "-shm")) for name in found)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "mlflow-artifacts:/1/abc/artifacts",
            "MLflow keeps them at mlflow-artifacts:/1/abc/artifacts; save them there",
        ),
        ("s3://models/1/abc/artifacts", "MLflow keeps them at s3://models/1/abc/artifacts; save them there"),
        (None, "which MLflow's registry does not hold"),
    ],
)
def test_a_champion_whose_files_are_not_in_the_backup_is_told(
    platform: Platform, postgres: EmbeddedPostgres, tmp_path: Path, *, address: str | None, told: str
) -> None:
    mlflow = new_database(postgres, tmp_path.name)
    with psycopg.connect(mlflow) as connection:
        connection.execute("CREATE TABLE runs (run_uuid text, artifact_uri text)")
        connection.execute("CREATE TABLE model_versions (name text, version integer, run_id text)")
        if address is not None:
            connection.execute("INSERT INTO runs VALUES ('abc', %s)", (address,))
            connection.execute("INSERT INTO model_versions VALUES (%s, 1, 'abc')", (MODEL_NAME,))
    stores = Stores({"road": platform.database_url, "mlflow": mlflow}, tmp_path / "none", {})
    (sentence,) = make_backup(stores, tmp_path / "tables.tar", print).left_out
    assert sentence.startswith(("the files of version 1", "version 1"))
    assert told in sentence
