"""The figures of drift and of the platform's work in /metrics: where they come from, and what is shown without them."""

import asyncio
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from road_api.services.dagster_client import DagsterClient
from road_api.services.database import DatabaseError
from road_api.services.polled_source import PolledSource
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.api.code_location import defs
from road_assets_tests.api.servers import ask_dagster, free_port

pytestmark = pytest.mark.anyio

SCORE = """INSERT INTO drift_scores (day, score, drifted_features, current_rows, reference_rows, model_version,
  reference_first_day, reference_last_day, data_source)
  VALUES (%s, %s, 8, 2000, 50000, 1, '2024-01-01', '2024-06-30', '')"""
DISTANCE = "INSERT INTO drift_features (day, feature, distance, noise, drifted) VALUES (%s, %s, %s, 0.01, true)"
MATERIALIZE = """mutation Report($event: ReportRunlessAssetEventsParams!) {
  reportRunlessAssetEvents(eventParams: $event) { __typename } }"""


@pytest.fixture(autouse=True)
def _empty_tables(tables_url: str) -> Iterator[None]:
    yield
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE drift_scores, drift_features")


async def shown(service: httpx.AsyncClient) -> dict[str, dict[str, float]]:
    """Every metric's samples by their only label's value."""
    text = (await service.get("/metrics")).text
    return {
        family.name: {next(iter(sample.labels.values()), ""): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


async def until_shown(service: httpx.AsyncClient, name: str, label: str, value: float) -> dict[str, dict[str, float]]:
    deadline = time.monotonic() + 20
    while True:
        metrics = await shown(service)
        if metrics.get(name, {}).get(label) == value:
            return metrics
        assert time.monotonic() < deadline, (name, metrics.get(name))
        await asyncio.sleep(0.05)


async def test_the_newest_day_is_shown_and_a_later_one_replaces_it(start: Any, tables_url: str) -> None:
    async with start(wait=False, database_url=tables_url, figures_seconds=0.05) as service:
        empty = await until_shown(service, "road_figures_up", "postgres", 1)
        with psycopg.connect(tables_url) as connection, connection.cursor() as cursor:
            cursor.executemany(SCORE, [(date(2024, 10, 30), 0.1), (date(2024, 10, 31), 0.615)])
            cursor.executemany(DISTANCE, [(date(2024, 10, 31), feature, 0.25) for feature in FEATURE_NAMES])
            cursor.execute(DISTANCE, (date(2024, 10, 31), "no feature of ours", 1))
            cursor.execute("UPDATE drift_features SET distance = NULL WHERE feature = 'lum'")
        first = await until_shown(service, "ml_data_drift_score", "", 0.615)
        with psycopg.connect(tables_url) as connection:
            connection.execute(SCORE, (date(2024, 11, 1), 1.0))
        second = await until_shown(service, "ml_data_drift_score", "", 1.0)

    assert "ml_data_drift_score" not in empty
    assert first["ml_feature_drift_score"] == {feature: 0.25 for feature in FEATURE_NAMES if feature != "lum"}
    end_of_day = datetime(2024, 11, 1, tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    assert first["ml_data_drift_day_timestamp_seconds"] == {"": end_of_day}
    assert second["ml_feature_drift_score"] == {}
    assert set(second["road_figures_up"]) == {"postgres", "users"}, "Dagster was not named, so nobody misses it"


async def test_figures_of_a_source_that_went_away_stay_for_a_while_and_come_back() -> None:
    answers: list[float | Exception] = [1.0]

    async def read() -> float:
        await asyncio.sleep(0)
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return answers[-1]

    patient, strict = PolledSource("postgres", read, kept_seconds=3600), PolledSource("postgres", read, kept_seconds=0)
    assert (patient.up, patient.value) == (None, None)
    await patient.poll()
    assert (patient.up, patient.value) == (True, 1.0)
    for error in (DatabaseError("away"), KeyError("a mistake of ours")):
        answers.append(error)
        await patient.poll()
        assert (patient.up, patient.value) == (False, 1.0), "a restart of the source is no reason to show nothing"
    answers.append(2.0)
    await patient.poll()
    await strict.poll()
    assert (patient.up, patient.value) == (True, 2.0)
    assert (strict.up, strict.value) == (True, None), "too old to be shown"


async def test_a_postgres_that_is_away_is_shown_and_takes_nothing_else_along(start: Any) -> None:
    away = f"postgresql://road:hidden@127.0.0.1:{free_port()}/road"
    async with start(wait=False, database_url=away, figures_seconds=0.05) as service:
        metrics = await until_shown(service, "road_figures_up", "postgres", 0)

    assert "ml_data_drift_score" not in metrics
    assert "http_requests" in metrics


async def test_the_age_of_materializations_and_failed_runs_come_from_dagster(start: Any, dagster_address: str) -> None:
    event = {"eventType": "ASSET_MATERIALIZATION", "assetKey": {"path": ["features"]}, "partitionKeys": ["2024-10-31"]}
    ask_dagster(dagster_address, MATERIALIZE, event=event)
    async with start(wait=False, dagster_url=dagster_address, figures_seconds=0.1) as service:
        metrics = await until_shown(service, "road_figures_up", "dagster", 1)

    ages = metrics["road_last_materialization_age_seconds"]
    assert set(ages) == {"features"}, "an asset that never was materialized has no age"
    assert 0 <= ages["features"] < 60


def test_a_failed_run_is_told_until_one_succeeds(dagster_address: str, dagster_home: Path) -> None:
    async def failed() -> dict[str, bool]:
        dagster = DagsterClient(dagster_address)
        figures = await dagster.figures(("training_job",))
        await dagster.aclose()
        return dict(figures.failed)

    job, seen = defs.resolve_job_def("training_job"), [asyncio.run(failed())]
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for version in (404, 1):
            config = {"ops": {"rollback": {"config": {"version": version}}}}
            job.execute_in_process(config, instance=instance, raise_on_error=False)
            seen.append(asyncio.run(failed()))

    assert seen == [{}, {"training_job": True}, {"training_job": False}]
