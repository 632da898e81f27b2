"""A run on a Postgres that is restarted meanwhile, which holds both the tables and Dagster's own storage."""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import dagster as dg
import psycopg
import pytest

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.resources.database import migrate
from road_assets_tests.conftest import Platform, failure_of

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 1, 5)
AWAY_SECONDS: Final = 3
_BEHIND_A_LOCK: Final = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "home", port=0) as server:
        migrate(server.url("road"))
        yield server


@pytest.fixture
def own_platform(
    make_platform: Callable[..., Platform], server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.url("dagster"))
    monkeypatch.setenv("ROAD_DAGSTER_STORAGE", str(tmp_path / "storage"))
    small = make_platform(accidents=100, first=FIRST_DAY, last=LAST_DAY, mlflow="http://127.0.0.1:9")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield replace(small, database_url=server.url("road"), instance=instance)


def test_a_run_goes_on_when_the_server_is_back(own_platform: Platform, server: EmbeddedPostgres) -> None:
    assert own_platform.run("release_job", "2024").success
    with ThreadPoolExecutor(1) as pool:
        url = server.url("road")
        with closing(psycopg.connect(url)) as other, closing(psycopg.connect(url, autocommit=True)) as watcher:
            other.execute("LOCK TABLE accidents IN SHARE ROW EXCLUSIVE MODE")
            run = pool.submit(own_platform.run, "ingest_job", FIRST_DAY, LAST_DAY)
            while not watcher.execute(_BEHIND_A_LOCK).fetchall():
                assert not run.done()
                time.sleep(0.05)
            server.stop()
        time.sleep(AWAY_SECONDS)
        server.start()
        done = run.result(120)
    assert done.success, failure_of(done)
    assert own_platform.instance.get_run_by_id(done.run_id).is_success
    ((days, accidents),) = own_platform.query("SELECT count(DISTINCT day), count(DISTINCT num_acc) FROM accidents")
    assert (days, accidents) == (5, 100)
