"""How long each panel's query takes with twenty years in the tables, over all of them, by EXPLAIN ANALYZE.

Of two ranges of time, all days and all but a few weeks at both ends, the slower one counts.

Run: ``python -m road_assets_tests.benchmarks.panels``. The users are those of the release that ``ROAD_RELEASES_DIR``
names, else generated ones, repeated for each year; models, drift, runs and events are made up in their numbers.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
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
from road_assets.resources.releases.store import ReleaseStore
from road_assets_tests.benchmarks.panels_filling import DAGSTER_FILLING, TABLES_FILLING
from road_assets_tests.grafana.macros import Range

ACCIDENTS: Final = 54_000
LIMIT_MS: Final = 200.0
REPEATED: Final = 15
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


@dataclass(frozen=True, slots=True)
class Measured:
    """Planning and execution of a query together, in milliseconds, and the rows of its answer."""

    best: float
    median: float
    rows: float

    def __str__(self) -> str:
        """Cells of a table."""
        return f"{self.best:.1f} | {self.median:.1f} | {self.rows:g}"


def measure(url: str, statement: str) -> Measured:
    """Run a query several times. The clock is not read for every row, which would take longer than the rows."""
    explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    with psycopg.connect(url) as connection:
        took = []
        for _ in range(REPEATED):
            ((plans,),) = connection.execute(explained).fetchall()  # type: ignore[call-overload]
            took.append(plans[0]["Planning Time"] + plans[0]["Execution Time"])
        return Measured(min(took), median(took), plans[0]["Plan"]["Actual Rows"])


def ranges(first: int, last: int) -> tuple[Range, Range]:
    """All years, and nearly all of them: of the first and the last, sums of days and months have to be added up."""
    return (
        Range(datetime(first, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)),
        Range(datetime(first, 2, 15, tzinfo=UTC), datetime(last, 11, 15, tzinfo=UTC)),
    )


def queries() -> list[tuple[str, str, dict[str, Any]]]:
    """Every panel's queries to Postgres: dashboard, panel, query."""
    return [
        (dashboard.title, panel["title"], target)
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
        databases = {TABLES["uid"]: "road", DAGSTER["uid"]: "dagster"}
        found: defaultdict[str, list[Measured]] = defaultdict(list)
        print("\n| panel | best, ms | median, ms | rows |\n|---|---|---|---|")
        for dashboard, panel, target in queries():
            url = postgres.url(databases[target["datasource"]["uid"]])
            slower = max((measure(url, looked_at.sql(target)) for looked_at in ranges(*span)), key=lambda one: one.best)
            found[dashboard].append(slower)
            print(f"| {dashboard}: {panel} | {slower} |", flush=True)
    print_dashboards(found)


def print_dashboards(found: Mapping[str, Sequence[Measured]]) -> None:
    """A line per dashboard that asks Postgres; the others ask Prometheus and Loki alone."""
    print("\n| dashboard | queries | typical, ms | slowest, ms (best) | slowest, ms (median) |\n|---|---|---|---|---|")
    for dashboard, measured in found.items():
        medians = [one.median for one in measured]
        worst = max(one.best for one in measured)
        print(f"| {dashboard} | {len(medians)} | {median(medians):.1f} | {worst:.1f} | {max(medians):.1f} |")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\nasked for: {LIMIT_MS:g} ms; {os.cpu_count()} processors, load {load}")


if __name__ == "__main__":
    main()
