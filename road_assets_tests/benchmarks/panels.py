"""How long each panel's query takes with twenty years in the tables, over all of them, by EXPLAIN ANALYZE.

Run: ``python -m road_assets_tests.benchmarks.panels``. The users are those of the release that ``ROAD_RELEASES_DIR``
names, else generated ones, repeated for each year; models, drift, runs and events are made up in their numbers.
"""

import argparse
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import psycopg

from road_assets.core.demonstration import generate_release
from road_assets.core.vocabulary import DATA_OFFICIAL, FEATURE_NAMES
from road_assets.dashboards.__main__ import DASHBOARDS
from road_assets.dashboards.sources import DAGSTER, READ, TABLES
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.resources.database import Database, migrate
from road_assets.resources.release_store import ReleaseStore
from road_assets_tests.benchmarks.panels_filling import DAGSTER_FILLING, TABLES_FILLING
from road_assets_tests.grafana.macros import Range

ACCIDENTS: Final = 54_000
LIMIT_MS: Final = 200.0
REPEATED: Final = 7
SUM_UP: Final = "SELECT refresh_accident_figures(array(SELECT DISTINCT day FROM accidents WHERE day BETWEEN %s AND %s))"
# A provisional release ends early: the rest of the year takes its first days.
REST_OF_YEAR: Final = """
    INSERT INTO accidents ({columns}) SELECT {values} FROM accidents,
    LATERAL (SELECT day + (SELECT max(day) - min(day) + 1 FROM accidents) AS moved) AS other
    WHERE extract(year FROM moved) = extract(year FROM day)"""
ANOTHER_YEAR: Final = """
    INSERT INTO accidents ({columns}) SELECT {values} FROM accidents,
    LATERAL (SELECT (day - interval '{years} years')::date AS moved) AS other
    WHERE extract(year FROM day) = {year} AND NOT (extract(month FROM day) = 2 AND extract(day FROM day) = 29)"""


def fill_accidents(url: str, years: int, folder: Path) -> tuple[int, int]:
    """Fill the table of accidents and its sums.

    Returns:
        First and last year.
    """
    named = os.environ.get("ROAD_RELEASES_DIR")
    source = Path(named) if named else folder
    if not named:
        for name, content in generate_release(2024, accidents=ACCIDENTS, seed=1).items():
            (folder / name).write_bytes(content)
    store = ReleaseStore(source, source)
    users = store.load_release(store.find_release()).frame.assign(data_source=DATA_OFFICIAL)
    last = int(users["day"].dt.year.max())
    Database(url=url).replace_days("accidents", users, list(users["day"].dt.date.unique()))
    with psycopg.connect(url) as connection:
        _repeat(connection, REST_OF_YEAR)
        for year in range(last - years + 1, last):
            connection.execute("SELECT make_year_parts('accidents', array[make_date(%s, 1, 1)])", (year,))
            _repeat(
                connection, ANOTHER_YEAR.format(columns="{columns}", values="{values}", years=last - year, year=last)
            )
    started = time.perf_counter()
    with psycopg.connect(url) as connection:
        connection.execute(SUM_UP, (f"{last - years + 1}-01-01", f"{last}-12-31"))
    print(f"summed up in {time.perf_counter() - started:.1f} s")
    return last - years + 1, last


def _repeat(connection: psycopg.Connection, statement: str) -> None:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'accidents' ORDER BY ordinal_position"
    )
    columns = [name for (name,) in found.fetchall()]
    # The same accident in another year has another number.
    other = {"day": "moved", "num_acc": "to_char(moved, 'YYYYMMDD') || num_acc"}
    names, values = ([f'"{name}"' for name in columns], [other.get(name, f'"{name}"') for name in columns])
    connection.execute(statement.format(columns=", ".join(names), values=", ".join(values)))  # type: ignore[call-overload]


def fill_others(tables: str, dagster: str, years: tuple[int, int], folder: Path) -> None:
    """Fill what lies beside: models, drift, decisions, and Dagster's runs, events and checks."""
    values = {"first": f"{years[0]}-01-01", "last": f"{years[1]}-12-31", "features": list(FEATURE_NAMES)}
    shutil.copyfile(PROJECT / "dagster.yaml", folder / "dagster.yaml")
    os.environ.update(DAGSTER_POSTGRES_URL=dagster, ROAD_DAGSTER_STORAGE=str(folder / "storage"))
    with dg.DagsterInstance.from_config(str(folder)):
        pass  # which makes the tables
    for url, statements in ((tables, TABLES_FILLING), (dagster, DAGSTER_FILLING)):
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement, values)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def measure(url: str, statement: str) -> tuple[float, float, int]:
    """Best and median of planning and execution together, in milliseconds, and the rows of the answer.

    The clock is not read for every row, which would take longer than the rows.
    """
    explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    with psycopg.connect(url) as connection:
        took = []
        for _ in range(REPEATED):
            ((plans,),) = connection.execute(explained).fetchall()  # type: ignore[call-overload]
            took.append(plans[0]["Planning Time"] + plans[0]["Execution Time"])
        return min(took), sorted(took)[REPEATED // 2], plans[0]["Plan"]["Actual Rows"]


def queries() -> list[tuple[str, dict[str, Any]]]:
    """Every panel's queries to Postgres."""
    return [
        (f"{dashboard.title}: {panel['title']}", target)
        for dashboard in DASHBOARDS
        for panel in dashboard.to_json()["panels"]
        for target in panel["targets"]
        if target["datasource"]["uid"] in READ
    ]


def main() -> None:
    """Fill the tables, and print a line per query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=20)
    years = parser.parse_args().years
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "home") as postgres:
        migrate(postgres.url("road"))
        home = Path(folder) / "filling"
        home.mkdir()
        span = fill_accidents(postgres.url("road"), years, home)
        fill_others(postgres.url("road"), postgres.url("dagster"), span, home)
        with psycopg.connect(postgres.url("road")) as connection:
            for table in ("accidents", "accident_figures", "accident_squares", "drift_features"):
                ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # type: ignore[call-overload]
                print(f"{table}: {rows:,} rows")
        looked_at = Range(datetime(span[0], 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        databases = {TABLES["uid"]: "road", DAGSTER["uid"]: "dagster"}
        print("\n| panel | best, ms | median, ms | rows |\n|---|---|---|---|")
        slowest = 0.0
        for name, target in queries():
            url = postgres.url(databases[target["datasource"]["uid"]])
            best, median, rows = measure(url, looked_at.sql(target))
            slowest = max(slowest, median)
            print(f"| {name} | {best:.1f} | {median:.1f} | {rows:g} |", flush=True)
        print(f"\nslowest median: {slowest:.1f} ms; asked for: {LIMIT_MS:g} ms")


if __name__ == "__main__":
    main()
