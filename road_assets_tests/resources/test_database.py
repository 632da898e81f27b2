"""Rewriting days in a real Postgres, which is restarted meanwhile, too."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from typing import Any, LiteralString

import pandas as pd
import psycopg
import pytest

from road_assets.core.joining import JOINED_COLUMNS
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database, migrate

DAY, NEXT = date(2024, 1, 1), date(2024, 1, 2)


def _scores(days: list[date], score: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": days,
            "score": score,
            "drifted_features": 1,
            "current_rows": 300,
            "reference_rows": 3000,
            "model_version": 1,
            "reference_first_day": DAY,
            "reference_last_day": NEXT,
            "data_source": 'a; b, "c" d\'e\nf\\g',
        }
    )


def _all(database: Database) -> list[tuple[date, float]]:
    with database.connect() as connection:
        return connection.execute("SELECT day, score FROM drift_scores ORDER BY day").fetchall()


def test_rewriting_a_day_leaves_other_days_alone(database: Database) -> None:
    database.replace_days("drift_scores", _scores([DAY, NEXT], 0.1), [DAY, NEXT])
    database.replace_days("drift_scores", _scores([NEXT], 0.9), [NEXT])
    assert _all(database) == [(DAY, 0.1), (NEXT, 0.9)]


def test_a_day_that_lost_its_rows_is_emptied(database: Database) -> None:
    database.replace_days("drift_scores", _scores([DAY, NEXT], 0.1), [DAY, NEXT])
    database.replace_days("drift_scores", _scores([], 0.1), [NEXT])
    assert _all(database) == [(DAY, 0.1)]


def test_a_year_without_any_row_left_is_emptied_and_other_years_stay(database: Database) -> None:
    row = {"source_table": "lieux", "file": "lieux.csv", "line": 2, "rule": "r", "value": "v"}
    rows = pd.DataFrame([{"release_year": 2023, **row}, {"release_year": 2024, **row}])
    database.replace_rows("quarantine", rows, "release_year")
    database.replace_rows("quarantine", rows.head(0), "release_year", values=[2024])
    with database.connect() as connection:
        assert connection.execute("SELECT release_year, day, line FROM quarantine").fetchall() == [(2023, None, 2)]


def test_texts_arrive_as_they_are(database: Database) -> None:
    database.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    with database.connect() as connection:
        assert connection.execute("SELECT data_source FROM drift_scores").fetchall() == [('a; b, "c" d\'e\nf\\g',)]


def test_null_and_empty_text_stay_apart(database: Database) -> None:
    rows = pd.DataFrame(
        {"day": [DAY, DAY], "num_acc": ["1", "2"], "user_key": "u", "data_source": "x", "adr": ["", None]}
    )
    database.replace_days("accidents", rows, [DAY])
    with database.connect() as connection:
        found = connection.execute("SELECT adr FROM accidents ORDER BY num_acc").fetchall()
    assert found == [("",), (None,)]


def test_frames_put_together_from_empty_ones_arrive_as_they_are(database: Database) -> None:
    frame = _scores([DAY], 0.1).astype({"data_source": "string[pyarrow]"})
    rows = pd.concat([frame.head(0), frame, frame.head(0)])
    database.replace_days("drift_scores", rows, [DAY])
    assert _all(database) == [(DAY, 0.1)]


def test_rows_are_copied_in_parts_but_all_or_none(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_assets.resources.database._ROWS_AT_ONCE", 2)
    days = [date(2024, 1, number) for number in range(1, 6)]
    database.replace_days("drift_scores", _scores(days, 0.1), days)
    assert _all(database) == [(day, 0.1) for day in days]
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.replace_days("drift_scores", _scores([*days, days[-1]], 0.2), days)
    assert _all(database) == [(day, 0.1) for day in days]


def test_a_row_that_the_table_refuses_leaves_everything_as_it_was(database: Database) -> None:
    database.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    twice = pd.concat([_scores([DAY], 0.5), _scores([DAY], 0.6)])
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.replace_days("drift_scores", twice, [DAY])
    assert _all(database) == [(DAY, 0.1)]


def test_two_tables_are_rewritten_together_or_not_at_all(database: Database) -> None:
    wrong = pd.DataFrame({"day": [DAY], "feature": ["lum"], "distance": [0.1], "noise": [0.1], "drifted": [None]})
    with pytest.raises(psycopg.errors.NotNullViolation):
        database.replace_tables_of_days({"drift_scores": _scores([DAY], 0.1), "drift_features": wrong}, [DAY])
    assert _all(database) == []


def test_two_writers_of_one_day_do_not_double_it(database: Database) -> None:
    errors: list[Exception] = []

    def write(score: float) -> None:
        try:
            for _ in range(10):
                database.replace_days("drift_scores", _scores([DAY, NEXT], score), [DAY, NEXT])
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must tell
            errors.append(error)

    writers = [threading.Thread(target=write, args=(score,)) for score in (0.1, 0.2, 0.3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    assert [day for day, _ in _all(database)] == [DAY, NEXT]


def _metrics(database: Database, version: int) -> pd.DataFrame:
    """A row with a value in every column, whatever columns there are."""
    with database.connect() as connection:
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'model_metrics'"
        ).fetchall()
    values = {"date": DAY, "double precision": 0.5, "text": "", "boolean": True, "integer": version}
    return pd.DataFrame([{name: values.get(kind, pd.Timestamp(DAY, tz="UTC")) for name, kind in columns}])


def test_at_most_one_model_can_be_in_production(database: Database) -> None:
    database.replace_rows("model_metrics", _metrics(database, 1), "model_version")
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.replace_rows("model_metrics", _metrics(database, 2), "model_version")


def test_a_statement_before_the_rewrite_belongs_to_its_transaction(database: Database) -> None:
    database.replace_rows("model_metrics", _metrics(database, 1), "model_version")
    broken = _metrics(database, 2).assign(as_of=None)
    with pytest.raises(psycopg.errors.NotNullViolation):
        database.replace_rows("model_metrics", broken, "model_version", first="DELETE FROM model_metrics")
    with database.connect() as connection:
        assert connection.execute("SELECT model_version FROM model_metrics").fetchall() == [(1,)]


def test_migrating_again_changes_nothing(postgres: EmbeddedPostgres, database: Database) -> None:
    database.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    migrate(postgres.url("road"))
    assert _all(database) == [(DAY, 0.1)]


def test_the_table_has_every_canonical_column(database: Database) -> None:
    with database.connect() as connection:
        found = {
            row[0]
            for row in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'accidents'"
            )
        }
    assert set(JOINED_COLUMNS) <= found


def test_a_database_that_is_not_there_is_an_error_after_some_tries() -> None:
    away = Database(url="postgresql://nobody@127.0.0.1:1/none", patience_seconds=1)
    started = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        away.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    assert 1 <= time.monotonic() - started < 8


def test_who_is_not_let_in_is_told_so_at_once(postgres: EmbeddedPostgres) -> None:
    stranger = postgres.url("road").replace("postgresql://road:", "postgresql://road:not")
    started = time.monotonic()
    for url, words in ((stranger, "authentication failed"), (postgres.url("nowhere"), "does not exist")):
        with pytest.raises(psycopg.OperationalError, match=words):
            Database(url=url, patience_seconds=60).replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    assert time.monotonic() - started < 10


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One that may be stopped."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("restarted"), port=0) as server:
        migrate(server.url("road"))
        yield server


def _kill(server: EmbeddedPostgres) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def _wait_for_somebody_behind_a_lock(watcher: psycopg.Connection[Any]) -> None:
    waiting: LiteralString = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while not watcher.execute(waiting).fetchall():
        assert time.monotonic() < deadline, "nobody waits for a lock"
        time.sleep(0.02)


@pytest.mark.parametrize("end", [EmbeddedPostgres.stop, _kill], ids=["stopped", "killed"])
def test_a_write_that_a_restart_breaks_off_is_done_again(
    own_server: EmbeddedPostgres, end: Callable[[EmbeddedPostgres], None]
) -> None:
    database = Database(url=own_server.url("road"), patience_seconds=60)
    database.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    with ThreadPoolExecutor(1) as pool:
        url = own_server.url("road")
        with closing(psycopg.connect(url)) as other, closing(psycopg.connect(url, autocommit=True)) as watcher:
            other.execute("LOCK TABLE drift_scores IN SHARE ROW EXCLUSIVE MODE")
            writer = pool.submit(database.replace_days, "drift_scores", _scores([DAY, NEXT], 0.2), [DAY, NEXT])
            _wait_for_somebody_behind_a_lock(watcher)
            end(own_server)
        time.sleep(1)
        assert not writer.done(), "it waits for the server"
        own_server.start()
        writer.result(60)
    assert _all(database) == [(DAY, 0.2), (NEXT, 0.2)]


def test_a_reader_waits_for_a_server_that_is_away(own_server: EmbeddedPostgres) -> None:
    database = Database(url=own_server.url("road"), patience_seconds=60)
    own_server.stop()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(_all, database)
        time.sleep(1)
        own_server.start()
        reader.result(60)


@pytest.mark.parametrize(
    ("statement", "attempts"),
    [("SELECT pg_terminate_backend(pg_backend_pid())", 3), ("SELECT 1 / 0", 1), ("SELECT no_such_column", 1)],
    ids=["a connection that is ended each time", "a division by zero", "a column that is not there"],
)
def test_only_what_can_pass_is_tried_again_and_not_for_ever(
    database: Database, statement: LiteralString, attempts: int
) -> None:
    def write_and_fail(connection: psycopg.Connection) -> None:
        connection.execute("SELECT nextval('attempts')")  # which no rollback takes back
        connection.execute("DELETE FROM drift_scores")
        connection.execute(statement)

    database.replace_days("drift_scores", _scores([DAY], 0.1), [DAY])
    with database.connect() as connection:
        connection.execute("CREATE SEQUENCE attempts")
    with pytest.raises(psycopg.Error):
        database.transact(write_and_fail)
    with database.connect() as connection:
        assert connection.execute("SELECT last_value FROM attempts").fetchone() == (attempts,)
        connection.execute("DROP SEQUENCE attempts")
    assert _all(database) == [(DAY, 0.1)]
