"""The queue before the log of predictions: nothing waits for it, nothing is lost within its bound."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from road_api.metrics import Metrics
from road_api.openapi import CSV_FIELD
from road_api.services.prediction_log import PredictionLog
from road_api.services.prediction_rows import ALONE, LogEntry, encode
from road_api.services.prediction_table import PredictionTable, partition_of
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, SCENE_EXAMPLE
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate
from road_assets_tests.api.logged_predictions import count_logged, wait_until

QUESTION = np.full((1, len(MODEL_FIELDS)), 1, dtype=np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres of these tests' own, which they may stop."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), port=0) as server:
        migrate(server.url("road"))
        yield server


@pytest.fixture
def url(server: EmbeddedPostgres) -> str:
    """The tables without any prediction."""
    url = server.url("road")
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE predictions")
    return url


def _make(url: str, *, capacity: int = 100_000, days: int = 90) -> tuple[PredictionLog, Metrics]:
    metrics = Metrics()
    return PredictionLog(PredictionTable(SecretStr(url)), metrics, capacity=capacity, retention_days=days), metrics


def _ask(log: PredictionLog, request_id: str, version: str = "1") -> None:
    log.for_request(request_id, "johndoe", version)(QUESTION, (0.5,), (ALONE,))


def _value(metrics: Metrics, name: str) -> float:
    value = metrics.registry.get_sample_value(f"prediction_log_{name}")
    assert value is not None
    return value


def test_a_clean_stop_writes_what_was_answered_a_moment_before(url: str) -> None:
    log, metrics = _make(url)
    log.start()
    for number in range(25_000):
        _ask(log, str(number))
    log.stop()

    assert count_logged(url) == 25_000 == _value(metrics, "written_total")
    assert _value(metrics, "queued") == _value(metrics, "dropped_total") == 0


def test_a_full_queue_drops_and_counts_and_does_not_wait(url: str) -> None:
    log, metrics = _make(make_conninfo(url, port=1), capacity=100)
    log.start()
    started = time.perf_counter()
    for number in range(1000):
        _ask(log, str(number))
    assert time.perf_counter() - started < 1
    assert _value(metrics, "dropped_total") == 900
    wait_until(lambda: _value(metrics, "queued") == 100)
    assert log.state.reachable is False

    log.stop(seconds=0.3)

    assert _value(metrics, "dropped_total") == 1000, "what was still waiting is lost too, and counted"
    _ask(log, "after the stop")
    assert _value(metrics, "dropped_total") == 1001


def test_a_restart_of_postgres_under_load_loses_and_doubles_nothing(server: EmbeddedPostgres, url: str) -> None:
    log, metrics = _make(url)
    log.start()
    asked, ended = [0, 0], threading.Event()

    def load(number: int) -> None:
        while not ended.is_set():
            _ask(log, f"{number}-{asked[number]}")
            asked[number] += 1
            time.sleep(0.0005)

    threads = [threading.Thread(target=load, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: _value(metrics, "written_total") > 0)
    server.stop()
    wait_until(lambda: log.state.reachable is False)
    time.sleep(0.5)
    waiting = _value(metrics, "queued")
    server.start()
    wait_until(lambda: log.state.reachable is True)
    with psycopg.connect(url) as connection:  # and a connection that is cut while it writes
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            ("road_api predictions",),
        )
    time.sleep(0.3)
    ended.set()
    for thread in threads:
        thread.join()
    log.stop()

    assert waiting > 100
    assert count_logged(url) == sum(asked) == _value(metrics, "written_total")
    assert _value(metrics, "dropped_total") == 0


def test_answers_that_can_never_be_written_do_not_hold_up_the_others(url: str) -> None:
    log, metrics = _make(url)
    log.start()
    _ask(log, "bad", version="not a number")
    wait_until(lambda: _value(metrics, "dropped_total") == 1)
    _ask(log, "good")
    log.stop()

    assert count_logged(url) == 1


def test_days_older_than_the_setting_are_dropped_when_the_service_starts(url: str) -> None:
    table, now = PredictionTable(SecretStr(url)), datetime.now(UTC)
    moments = {age: now - timedelta(days=age) for age in (0, 3, 4)}
    answers = [
        LogEntry(str(age), "johndoe", "1", int(moment.timestamp() * 10**6), QUESTION, [0.5], [0])
        for age, moment in moments.items()
    ]
    table.write(encode(answers))
    table.close()

    log, _ = _make(url, days=3)
    log.start()
    wait_until(lambda: log.state.reachable is True)
    log.stop()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT request_id FROM predictions ORDER BY 1").fetchall() == [("0",), ("3",)]
        assert connection.execute("SELECT to_regclass(%s)", (partition_of(moments[4].date()),)).fetchone() == (None,)


EXAMPLE_LINE = ",".join(map(str, SCENE_EXAMPLE.values()))
CSV = "\n".join([",".join(FEATURE_NAMES), EXAMPLE_LINE, EXAMPLE_LINE, "9" * 20, EXAMPLE_LINE])


@pytest.fixture
def start_logging(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> Callable[..., Any]:
    """Start the service with model version 4 and a database, somebody logged in."""
    registry.publish("4", make_bundle(-1.0))

    @asynccontextmanager
    async def run(address: str | None) -> AsyncIterator[httpx.AsyncClient]:
        async with start(database_url=SecretStr(address) if address else None) as client:
            client.headers["Authorization"] = f"Bearer {await log_in(client)}"
            yield client

    return run


@pytest.mark.anyio
async def test_the_service_logs_single_questions_and_lines_of_files(
    url: str, start_logging: Callable[..., Any], until: Callable[..., Any], read_metric: Callable[..., Any]
) -> None:
    async with start_logging(url) as client:
        question = {**SCENE_EXAMPLE, "lum": None, "age": 30}
        single = await client.post("/protected/predict", json=question, headers={"X-Request-ID": "single"})
        refused = await client.post("/protected/predict", json={"catu": 9}, headers={"X-Request-ID": "refused"})
        files = {CSV_FIELD: ("a.csv", CSV)}
        file = await client.post("/protected/predict_csv", files=files, headers={"X-Request-ID": "file"})
        health = await until(client, lambda health: health["prediction_log"]["reachable"] is True)
        dropped = await read_metric(client, "prediction_log_dropped_total")

    assert (single.status_code, refused.status_code, file.status_code) == (200, 422, 200), file.text
    assert (health["prediction_log"]["on"], dropped) == (True, 0)
    with psycopg.connect(url) as connection:
        columns = "request_id, line, username, model_version, probability, inputs[:14], now() - answered_at < '1 min'"
        rows = connection.execute(f"SELECT {columns} FROM predictions ORDER BY 1, 2").fetchall()  # noqa: S608
    known = [*SCENE_EXAMPLE.values(), -1]
    asked = [-1 if name == "lum" else SCENE_EXAMPLE[name] for name in FEATURE_NAMES]
    lines = [(row["line"], row["probability"]) for row in file.json()["predictions"] if "probability" in row]
    assert [line for line, _ in lines] == [2, 3, 5]
    assert rows == [
        *[("file", line, "johndoe", 4, pytest.approx(probability), known, True) for line, probability in lines],
        ("single", 0, "johndoe", 4, pytest.approx(single.json()["probability"]), [*asked, 30], True),
    ]


def test_a_log_that_is_off_keeps_nothing_in_memory() -> None:
    metrics = Metrics()
    log = PredictionLog(None, metrics, capacity=100, retention_days=1)
    for _ in range(200):
        _ask(log, "a")

    assert log.find_waiting("a") == []
    assert _value(metrics, "dropped_total") == 0


@pytest.mark.anyio
async def test_without_a_database_the_service_estimates_and_says_that_it_logs_nothing(
    start_logging: Callable[..., Any], read_metric: Callable[..., Any]
) -> None:
    async with start_logging(None) as client:
        assert (await client.post("/protected/predict", json=SCENE_EXAMPLE)).status_code == 200
        log = (await client.get("/health/ready")).json()["prediction_log"]
        assert await read_metric(client, "prediction_log_dropped_total") == 0

    assert (log["on"], log["reachable"]) == (False, None)
    assert "ROAD_DATABASE_URL" in log["detail"]


@pytest.mark.anyio
async def test_estimates_go_on_while_postgres_is_away_and_are_logged_when_it_is_back(
    server: EmbeddedPostgres, url: str, start_logging: Callable[..., Any], until: Callable[..., Any]
) -> None:
    async with start_logging(url) as client:
        await until(client, lambda health: health["prediction_log"]["reachable"] is True)
        server.stop()
        answers = [await client.post("/protected/predict", json=SCENE_EXAMPLE) for _ in range(5)]
        away = await until(client, lambda health: health["prediction_log"]["reachable"] is False)
        server.start()  # not in a worker thread: the server ends when the thread that started it does
        await until(client, lambda health: health["prediction_log"]["reachable"] is True)

    assert [answer.status_code for answer in answers] == [200] * 5
    assert away["status"] == "ready"
    assert away["prediction_log"]["detail"].startswith("waiting: Postgres")
    assert count_logged(url) == 5


def test_a_file_waits_for_room_while_postgres_takes_what_is_there_and_loses_nothing(url: str) -> None:
    log, metrics = _make(url, capacity=10_000)
    log.start()
    wait_until(lambda: log.state.reachable is True)
    note, rows = log.for_file("file", "johndoe", "1"), 4_000
    for piece in range(15):
        note(np.repeat(QUESTION, rows, axis=0), [0.5] * rows, range(piece * rows, (piece + 1) * rows))
        _ask(log, f"single-{piece}")
    log.stop()

    assert _value(metrics, "dropped_total") == 0
    assert count_logged(url) == 15 * rows + 15, "questions asked alone found room beside the file's lines"


def test_a_file_does_not_wait_for_a_postgres_that_is_away(url: str) -> None:
    log, metrics = _make(make_conninfo(url, port=1), capacity=10_000)
    log.start()
    wait_until(lambda: log.state.reachable is False)
    note, rows = log.for_file("file", "johndoe", "1"), 4_000
    started = time.monotonic()
    for _ in range(5):
        note(np.repeat(QUESTION, rows, axis=0), [0.5] * rows, range(rows))
    log.stop(seconds=0.1)

    assert time.monotonic() - started < 5
    assert _value(metrics, "dropped_total") == 5 * rows, "each line that is not logged is counted"
