"""The parts and sums of the table of accidents, in a real Postgres."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
import psycopg
import pytest

from road_assets.dashboards.sql import squares_in_range, summed_in_range
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database, migrate
from road_assets_tests.grafana.macros import Range

SUM_UP = "SELECT refresh_accident_figures(%s::date[])"
FIRST, LAST = date(2023, 12, 31), date(2024, 1, 1)
ROWS = pd.DataFrame(
    [
        # day, accident, user, light, weather, road, injury, hour, département, latitude, longitude
        (FIRST, "1", "a", 1, 2, 3, 2, "07:40", "2A", 41.95, 8.75),
        (FIRST, "1", "b", 1, 2, 3, 3, "07:40", "2A", 41.95, 8.75),
        (FIRST, "2", "a", 5, None, 4, 4, "23:05", "59", 50.61, 3.05),
        (LAST, "3", "a", None, 1, 3, 1, "00:00", "59", 50.69, 3.09),
        (LAST, "4", "a", 1, 1, 4, None, None, "974", -21.15, 55.35),
        (LAST, "5", "a", 1, 1, 4, 4, "12:00", "75", 0.0, 0.0),
    ],
    columns=["day", "num_acc", "user_key", "lum", "atm", "catr", "grav", "hrmn", "dep", "lat", "long"],
).astype({"lum": "Int16", "atm": "Int16", "grav": "Int16"})


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    """A database as it was before the parts, with rows in it."""
    with psycopg.connect(postgres.url("road"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE accident_figures")
    url = postgres.url("accident_figures")
    migrate(url, "0010")
    with psycopg.connect(url) as connection:
        for row in ROWS.astype(object).where(ROWS.notna(), None).to_dict("records"):
            connection.execute(
                "INSERT INTO accidents"
                " (day, num_acc, user_key, lum, atm, catr, grav, hrmn, dep, lat, long, data_source) VALUES ("
                "%(day)s, %(num_acc)s, %(user_key)s, %(lum)s, %(atm)s, %(catr)s, %(grav)s, %(hrmn)s, %(dep)s,"
                " %(lat)s, %(long)s, 'x')",
                row,
            )
    migrate(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url=url)
    yield database
    database.replace_days("accidents", ROWS.assign(data_source="x"), [FIRST, LAST, date(2031, 5, 1)], then=SUM_UP)


def _rows(database: Database, statement: Any) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()


def _figures(database: Database, dimension: str) -> dict[tuple[date, str], tuple[int, ...]]:
    rows = _rows(
        database,
        "SELECT dimension, day, code, accidents, users, killed, hospitalised, slightly_hurt FROM accident_figures"
        " WHERE span = 'day'",
    )
    return {(day, code): tuple(counts) for found, day, code, *counts in rows if found == dimension}


def test_an_upgrade_keeps_every_row_in_the_part_of_its_year(database: Database) -> None:
    found = _rows(database, "SELECT tableoid::regclass::text, count(*) FROM accidents GROUP BY 1 ORDER BY 1")
    assert found == [("accidents_2023", 3), ("accidents_2024", 3)]


def test_an_upgrade_sums_up_what_is_there(database: Database) -> None:
    assert _figures(database, "total") == {(FIRST, ""): (2, 3, 1, 1, 1), (LAST, ""): (3, 3, 0, 0, 1)}
    assert _figures(database, "heure") == {
        (FIRST, "7"): (1, 2, 1, 1, 0),
        (FIRST, "23"): (1, 1, 0, 0, 1),
        (LAST, "0"): (1, 1, 0, 0, 0),
        (LAST, "-1"): (1, 1, 0, 0, 0),
        (LAST, "12"): (1, 1, 0, 0, 1),
    }
    assert _figures(database, "lum")[LAST, "-1"] == (1, 1, 0, 0, 0)
    assert _figures(database, "atm")[FIRST, "-1"] == (1, 1, 0, 0, 1)
    assert _figures(database, "dep")[FIRST, "2A"] == (1, 2, 1, 1, 0)


def test_each_dimension_adds_up_to_the_total(database: Database) -> None:
    sums = _rows(database, "SELECT DISTINCT sum(accidents), sum(users) FROM accident_figures GROUP BY dimension, span")
    assert sums == [(5, 6)]


def test_places_south_of_the_equator_have_squares_and_unknown_ones_have_none(database: Database) -> None:
    found = _rows(
        database,
        "SELECT day, lat_tenths, long_tenths, users, killed FROM accident_squares WHERE span = 'month' ORDER BY 1, 2",
    )
    december, january = date(2023, 12, 1), date(2024, 1, 1)
    assert found == [
        (december, 419, 87, 2, 1),
        (december, 506, 30, 1, 0),
        (january, -212, 553, 1, 0),
        (january, 506, 30, 1, 0),
    ]


def test_a_day_written_again_is_summed_up_again_and_others_stay(database: Database) -> None:
    before = _figures(database, "total")
    rows = ROWS[ROWS["num_acc"] == "3"].assign(data_source="x", grav=2)
    database.replace_days("accidents", rows, [LAST], then=SUM_UP)
    assert _figures(database, "total") == {**before, (LAST, ""): (1, 1, 1, 0, 0)}
    assert _rows(database, "SELECT sum(users) FROM accident_squares WHERE span = 'month' AND day = '2024-01-01'") == [
        (1,)
    ]


def test_a_day_without_any_row_left_has_no_sums_left(database: Database) -> None:
    database.replace_days("accidents", ROWS.head(0).assign(data_source="x"), [FIRST], then=SUM_UP)
    assert {day for day, _ in _figures(database, "total")} == {LAST}
    assert _rows(database, "SELECT count(*) FROM accident_squares WHERE span = 'month' AND day = '2023-12-01'") == [
        (0,)
    ]


def test_the_first_day_of_a_year_makes_its_part(database: Database) -> None:
    day = date(2031, 5, 1)
    for _ in range(2):
        database.replace_days("accidents", ROWS.head(1).assign(day=day, data_source="x"), [day], then=SUM_UP)
    assert _rows(database, "SELECT count(*) FROM accidents_2031") == [(1,)]


def test_sums_that_cannot_be_made_leave_the_rows_as_they_were(database: Database) -> None:
    before = _rows(database, "SELECT count(*) FROM accidents")
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.replace_days("accidents", ROWS.head(0).assign(data_source="x"), [FIRST], then="SELECT 1 / 0, %s")
    assert _rows(database, "SELECT count(*) FROM accidents") == before


@pytest.fixture
def many_days(database: Database) -> Iterator[Database]:
    """One accident a day for more than two years."""
    days = [date(2020, 11, 1) + timedelta(days=number) for number in range(800)]
    rows = pd.concat([ROWS.head(1).assign(day=day, num_acc=str(day), data_source="x") for day in days])
    database.replace_days("accidents", rows, days, then=SUM_UP)
    yield database
    database.replace_days("accidents", rows.head(0), days, then=SUM_UP)


def test_what_is_summed_up_for_longer_spans_adds_up_to_any_range(many_days: Database) -> None:
    def add_up(table: str, where: str) -> int:
        statement = f"SELECT sum(accidents) FROM {table} WHERE {span.sql({'rawSql': where})}"  # noqa: S608 - ours
        ((found,),) = _rows(many_days, statement)
        return int(found)

    for first in (date(2020, 12, 31), date(2021, 1, 1), date(2021, 1, 30), date(2021, 2, 1)):
        for last in (date(2021, 2, 1), date(2021, 2, 28), date(2021, 3, 1), date(2022, 6, 15)):
            span = Range(*(datetime.combine(day, time(12), UTC) for day in (first, last)))
            days = (last - first).days + 1
            assert add_up("accident_figures", f"dimension = 'total' AND {summed_in_range()}") == days
            to_the_end = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
            assert add_up("accident_squares", squares_in_range()) == (to_the_end - first.replace(day=1)).days


@pytest.mark.parametrize(("table", "where"), [("figures", summed_in_range()), ("squares", squares_in_range())])
def test_the_ends_of_a_range_are_worked_out_once_and_not_for_every_row(
    database: Database, table: str, where: str
) -> None:
    span = Range(*(datetime(year, 3, 15, tzinfo=UTC) for year in (2005, 2024)))
    found = _rows(database, f"EXPLAIN SELECT FROM accident_{table} WHERE {span.sql({'rawSql': where})}")
    plan = "\n".join(line for (line,) in found)
    assert "'2006-01-01'::date" in plan or "'2005-04-01'::date" in plan
    assert "date_trunc" not in plan
