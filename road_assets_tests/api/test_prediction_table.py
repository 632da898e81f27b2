"""Predictions in a real Postgres: stored once, in a part per day, dropped when they are old."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from road_api.services.prediction_rows import ALONE, LogEntry, encode
from road_api.services.prediction_table import PredictionsAwayError, PredictionTable, partition_of
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.local.postgres import EmbeddedPostgres

MIDNIGHT = datetime(2024, 10, 16, tzinfo=UTC)


def _answer(
    request_id: str = "a", *, at: datetime = MIDNIGHT, username: str = "johndoe", lines: Any = (ALONE,)
) -> LogEntry:
    matrix = np.full((len(lines), len(MODEL_FIELDS)), 2, dtype=np.float32)
    matrix[:, 3] = np.nan
    return LogEntry(request_id, username, "7", int(at.timestamp()) * 10**6, matrix, [0.25] * len(lines), lines)


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The migrated tables, without any prediction."""
    url = postgres.url("road")
    yield url
    with psycopg.connect(url) as connection:
        parts = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'predictions'::regclass"
        )
        for (name,) in parts.fetchall():
            connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))


@pytest.fixture
def table(url: str) -> Iterator[PredictionTable]:
    table = PredictionTable(SecretStr(url))
    yield table
    table.close()


def _read(url: str, statement: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_every_value_arrives_as_it_was_answered(table: PredictionTable, url: str) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    table.write(encode([_answer("call-1", at=noon), _answer("file", at=noon, username="Zoé", lines=[2, 4])]))

    inputs = [2, 2, 2, -1, *[2] * (len(MODEL_FIELDS) - 4)]
    rows = _read(
        url,
        "SELECT request_id, line, username, model_version, answered_at, probability, inputs "
        "FROM predictions ORDER BY 1, 2",
    )
    assert rows == [
        ("call-1", 0, "johndoe", 7, noon, 0.25, inputs),
        ("file", 2, "Zoé", 7, noon, 0.25, inputs),
        ("file", 4, "Zoé", 7, noon, 0.25, inputs),
    ]


def test_a_batch_that_comes_again_after_an_unknown_outcome_is_stored_once(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer("a"), _answer("b")]))
    table.write(encode([_answer("b"), _answer("c")]))

    assert _read(url, "SELECT request_id FROM predictions ORDER BY 1") == [("a",), ("b",), ("c",)]


def test_a_request_id_that_a_caller_uses_twice_loses_nothing(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer("same"), _answer("same", at=MIDNIGHT + timedelta(seconds=1))]))

    assert _read(url, "SELECT count(*) FROM predictions") == [(2,)]


def test_a_batch_over_midnight_goes_to_the_partitions_of_both_days(table: PredictionTable, url: str) -> None:
    before = _answer("before", at=MIDNIGHT - timedelta(seconds=1))
    last = before._replace(request_id="last", answered_at=int(MIDNIGHT.timestamp()) * 10**6 - 1)
    table.write(encode([before, last, _answer("after")]))

    first, second = (
        _read(url, f"SELECT request_id FROM {partition_of(date(2024, 10, day))} ORDER BY 1")  # noqa: S608
        for day in (15, 16)
    )
    assert first == [("before",), ("last",)]
    assert second == [("after",)]


def test_only_days_before_the_first_one_kept_are_dropped_and_may_come_again(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer("old", at=MIDNIGHT - timedelta(days=1)), _answer("kept")]))

    assert table.drop_before(MIDNIGHT.date()) == [partition_of(date(2024, 10, 15))]
    assert table.drop_before(MIDNIGHT.date()) == []
    assert _read(url, "SELECT request_id FROM predictions") == [("kept",)]
    table.write(encode([_answer("old again", at=MIDNIGHT - timedelta(days=1))]))
    assert _read(url, "SELECT count(*) FROM predictions") == [(2,)]


def test_a_partition_that_somebody_else_dropped_is_made_again_at_the_next_try(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer("first")]))
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE {partition_of(MIDNIGHT.date())}")

    with pytest.raises(PredictionsAwayError):
        table.write(encode([_answer("second")]))
    table.write(encode([_answer("second")]))
    assert _read(url, "SELECT request_id FROM predictions") == [("second",)]


def test_workers_that_make_and_drop_partitions_at_once_do_no_harm(url: str) -> None:
    start, errors = threading.Barrier(4), []

    def work(number: int) -> None:
        table = PredictionTable(SecretStr(url))
        try:
            start.wait()
            for day in range(5):
                table.write(encode([_answer(f"{number}", at=MIDNIGHT + timedelta(days=day))]))
                table.drop_before(MIDNIGHT.date())
        except Exception as error:  # noqa: BLE001 (shown by the assertion)
            errors.append(error)
        finally:
            table.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert _read(url, "SELECT count(*) FROM predictions") == [(20,)]


def test_a_reader_in_the_middle_of_a_long_look_does_not_hold_up_a_new_day(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer("first")]))
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM predictions")  # its transaction stays open
        table.write(encode([_answer("next day", at=MIDNIGHT + timedelta(days=1))]))

    assert _read(url, "SELECT count(*) FROM predictions") == [(2,)]


def test_panels_of_a_day_read_that_day_s_partition_alone(table: PredictionTable, url: str) -> None:
    table.write(encode([_answer(str(day), at=MIDNIGHT + timedelta(days=day)) for day in range(3)]))

    plan = str(
        _read(
            url,
            "EXPLAIN SELECT count(*) FROM predictions "
            "WHERE answered_at >= '2024-10-17 00:00Z' AND answered_at < '2024-10-18 00:00Z'",
        )
    )
    assert partition_of(date(2024, 10, 17)) in plan
    assert partition_of(date(2024, 10, 16)) not in plan
    assert partition_of(date(2024, 10, 18)) not in plan


def test_tables_that_were_not_migrated_yet_are_waited_for(postgres: EmbeddedPostgres) -> None:
    table = PredictionTable(SecretStr(postgres.url("postgres")))

    with pytest.raises(PredictionsAwayError, match="older than the service"):
        table.write(encode([_answer()]))


@pytest.mark.parametrize("change", [{"port": 1}, {"password": "a-wrong-secret"}, {"dbname": "nowhere"}])
def test_a_database_that_cannot_be_reached_is_away_and_the_message_holds_no_secret(
    postgres: EmbeddedPostgres, change: dict[str, Any]
) -> None:
    address = make_conninfo(postgres.url("road"), **change)

    with pytest.raises(PredictionsAwayError) as caught:
        PredictionTable(SecretStr(address)).write(encode([_answer()]))
    assert "does not answer" in str(caught.value)


def test_rows_that_no_database_would_take_are_told_from_a_database_that_is_away(table: PredictionTable) -> None:
    batch = encode([_answer()])

    with pytest.raises(psycopg.errors.BadCopyFileFormat):
        table.write(replace(batch, content=batch.content[:-30]))
    table.write(batch)
