"""A platform to look at: its tables, Dagster's storage, and a Prometheus that scrapes the running service."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import httpx
import pandas as pd
import psycopg
import pytest
import yaml
from psycopg import sql

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets import run_tags
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets.dashboards.sources import DAGSTER, READ, TABLES
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.resources.database import Database
from road_assets.resources.run_failures import RunFailure, store_run_failure
from road_assets_tests.api.servers import debian_programs, free_port, running
from road_assets_tests.conftest import LAST_DAY, Platform
from road_assets_tests.grafana import containers
from road_assets_tests.grafana.macros import Range

READER: Final = "grafana_reader"
SCRAPE_SECONDS: Final = 1
WATCHED_SECONDS: Final = 12
"""Enough for rates over four scrapes."""

A_PUBLISHED_DAY: Final = date(2024, 3, 14)
NO_PUBLISHED_DAY: Final = date(2019, 5, 1)


@pytest.fixture(scope="module")
def addresses(
    platform: Platform, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The databases of both sources, filled, each by its address for a role that may read what it must and no more."""
    tables, dagster = "watched_tables", "watched_dagster"
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        template = sql.Identifier(platform.database_url.rpartition("/")[2])
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(tables), template))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(dagster)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reads'").format(sql.Identifier(READER)))
    _set_rows_aside(Database(url=postgres.url(tables)))
    with _dagster_on(postgres.url(dagster), tmp_path_factory.mktemp("dagster")) as instance:
        watched = replace(platform, instance=instance, database_url=postgres.url(tables))
        _work(watched)
        for uid, database in ((TABLES["uid"], tables), (DAGSTER["uid"], dagster)):
            _let_read(postgres.url(database), READ[uid])
        host = f"127.0.0.1:{postgres.port}"
        yield {
            uid: f"postgresql://{READER}:reads@{host}/{database}"
            for uid, database in ((TABLES["uid"], tables), (DAGSTER["uid"], dagster))
        }


@contextmanager
def _dagster_on(url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_POSTGRES_URL", url)
        environment.setenv("ROAD_DAGSTER_STORAGE", str(home / "storage"))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def _work(platform: Platform) -> None:
    """Runs that end well, one that fails, and one that is asked for."""
    assert platform.run("ingest_job", A_PUBLISHED_DAY, LAST_DAY).success
    assert platform.run("drift_job", LAST_DAY, LAST_DAY).success
    failed = platform.run("ingest_job", NO_PUBLISHED_DAY)
    assert not failed.success
    note = RunFailure(failed.run_id, "ingest_job", str(NO_PUBLISHED_DAY), "raw_accidents", "no", "", datetime.now(UTC))
    store_run_failure(Database(url=platform.database_url), note)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ROAD_DATABASE_URL", platform.database_url)
        environment.setenv("MLFLOW_TRACKING_URI", platform.mlflow_url)
        platform.instance.create_run_for_job(
            platform.definitions.resolve_job_def("training_job"),
            tags={run_tags.PARTITION: str(LAST_DAY), run_tags.REASON: "drift of that day"},
        )


def _set_rows_aside(database: Database) -> None:
    row = {"release_year": 2024, "day": LAST_DAY, "source_table": "lieux", "file": "lieux.csv", "column": "catr"}
    rows = pd.DataFrame([{**row, "line": line, "rule": "a code of the codebook", "value": "x"} for line in (2, 3)])
    database.replace_rows("quarantine", rows, "release_year")


def _let_read(url: str, names: tuple[str, ...]) -> None:
    with psycopg.connect(url) as connection:
        tables = sql.SQL(", ").join(map(sql.Identifier, names))
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, sql.Identifier(READER)))


@pytest.fixture(scope="module")
def everything() -> Range:
    """From before the first accident to now."""
    return Range(datetime(2023, 1, 1, tzinfo=UTC), datetime.now(UTC))


@pytest.fixture(scope="module")
def ask_postgres(addresses: dict[str, str], everything: Range) -> Callable[..., pd.DataFrame]:
    """Answers a query as its source would, over everything or a range of time."""

    def ask(target: dict[str, Any], looked_at: Range = everything) -> pd.DataFrame:
        options = "-c default_transaction_read_only=on -c statement_timeout=10000"
        with psycopg.connect(addresses[target["datasource"]["uid"]], options=options) as connection:
            cursor = connection.execute(looked_at.sql(target))  # type: ignore[call-overload]
            return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])

    return ask


@pytest.fixture(scope="module")
def prometheus(
    platform: Platform, postgres: EmbeddedPostgres, addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a Prometheus that has watched the service, one that is down, and two containers."""
    programs, reason = debian_programs("prometheus", "prometheus")
    if not programs:
        pytest.skip(reason)
    assert addresses
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    with _serve_api(platform, postgres.url("watched_tables"), folder) as api, containers.expose() as cadvisor:
        jobs = {"road-api": [api.removeprefix("http://"), "127.0.0.1:1"], "cadvisor": [cadvisor]}
        shutil.copyfile(PROJECT / "docker" / "prometheus" / "rules.yml", folder / "rules.yml")
        (folder / "prometheus.yml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": "1s"},
                    "rule_files": ["rules.yml"],
                    "scrape_configs": [
                        {"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()
                    ],
                }
            )
        )
        command = [
            str(programs["prometheus"]),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'series'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        address = f"http://127.0.0.1:{port}"
        with running(command, f"{address}/-/ready", folder / "prometheus.log"):
            _use(api)
            yield address


@contextmanager
def _serve_api(platform: Platform, tables: str, folder: Path) -> Iterator[str]:
    """The service as it is run, with the platform's model."""
    port = free_port()
    environment = {
        "ROAD_DEMO": "true",
        "ROAD_HOME": str(folder / "home"),
        "ROAD_API_PORT": str(port),
        "ROAD_API_DATABASE_URL": tables,
        "ROAD_API_FIGURES_SECONDS": "1",
        "MLFLOW_TRACKING_URI": platform.mlflow_url,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
    }
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "road_api"]
    with running(command, f"{address}/health/ready", folder / "api.log", environment=environment):
        yield address


def _use(api: str) -> None:
    """Questions, good and bad ones, while Prometheus looks on."""
    deadline = time.monotonic() + WATCHED_SECONDS
    with httpx.Client(base_url=api, trust_env=False, timeout=20) as client:
        login = client.post("/auth/token", data={"username": DEMO_USERNAME, "password": DEMO_PASSWORD})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        while time.monotonic() < deadline:
            assert client.post("/protected/predict", json=SCENE_EXAMPLE).is_success
            assert client.post("/protected/predict", json={**SCENE_EXAMPLE, "catu": 7}).status_code == 422
            time.sleep(0.2)


@pytest.fixture(scope="module")
def ask_prometheus(prometheus: str) -> Callable[[str, bool], list[dict[str, Any]]]:
    """Series that answer a query, now or over the time that was watched; those without any number are left out."""

    def ask(expression: str, now: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - as Grafana stores it
        last = datetime.now(UTC)
        first = datetime.fromtimestamp(last.timestamp() - 2 * WATCHED_SECONDS, UTC)
        query = Range(first, last, SCRAPE_SECONDS).promql(expression)
        moments = {} if now else {"start": first.timestamp(), "end": last.timestamp(), "step": SCRAPE_SECONDS}
        address = f"{prometheus}/api/v1/query{'' if now else '_range'}"
        answer = httpx.get(address, params={"query": query, **moments}, trust_env=False, timeout=20).json()
        assert answer["status"] == "success", answer
        series = answer["data"]["result"]
        return [found for found in series if any(value != "NaN" for _, value in _values(found))]

    return ask


def _values(series: dict[str, Any]) -> list[list[Any]]:
    return series["values"] if "values" in series else [series["value"]]
