"""Benchmark of the graph: the official year from raw days to features, tables and drift; then several generated years.

Baselines:

- *script*: the first script a data engineer would write. Four CSV files are read by pandas and merged, rows with an
  unknown feature dropped, one Parquet file written, and one ``to_sql`` into Postgres. No partitions, mix, quarantine,
  drift or retries: a lower bound, not an equivalent.
- *a run per day*: the same graph as Dagster runs it by default, with one run for each partition. Three days are
  measured, and their mean is multiplied.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import create_engine

from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.local.main_job import Step
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.releases.store import ReleaseStore
from road_assets_tests.benchmarks.growth import (
    ACCIDENTS,
    DRAW_NOTHING,
    Measured,
    bench,
    generate_years,
    measure_days,
    measure_years,
)
from road_assets_tests.benchmarks.side_by_side.isolated_process import run_isolated, timed
from road_assets_tests.benchmarks.side_by_side.result_table import Row

SAMPLE: Final = 3
"""Days that are run alone."""

_KEYS: Final = {"usagers": "id_vehicule", "vehicules": "id_vehicule", "lieux": "Num_Acc", "caract": "Num_Acc"}


def run_script(folder: str, releases: str) -> dict[str, Any]:
    """Run the baseline script."""
    result: dict[str, Any] = {}
    with EmbeddedPostgres(Path(folder)) as postgres:
        url = postgres.url("road").replace("postgresql://", "postgresql+psycopg://", 1)
        with timed(result):
            tables = {key: _read(Path(releases), key) for key in _KEYS}
            users = tables["usagers"].merge(tables["vehicules"].drop(columns="Num_Acc"), on="id_vehicule")
            users = users.merge(tables["lieux"].drop_duplicates("Num_Acc"), on="Num_Acc")
            users = users.merge(tables["caract"], on="Num_Acc", suffixes=("", "_caract"))
            known = [name for name in FEATURE_NAMES if name in users]
            kept = users[(users[known] != -1).all(axis=1)]
            kept.astype(dict.fromkeys(kept.select_dtypes(object), str)).to_parquet(Path(folder) / "users.parquet")
            engine = create_engine(url)
            kept.to_sql("users_of_the_year", engine, index=False, chunksize=10_000)
            engine.dispose()
    result["rows"] = len(kept)
    return result


def measure(folder: Path, releases: Path, mlflow: str) -> Iterator[Row]:
    """The rows of the official year."""
    folder.mkdir(parents=True)
    store = ReleaseStore(releases, releases)
    release = store.find_release()
    first, last = store.days_of(release)
    days = (last - first).days + 1
    with bench(folder / "home", releases, mlflow) as platform:
        before, ours = measure_days(platform, {release.year: (first, last)}, run_per_year=False)
        alone = Measured()
        for number in range(SAMPLE):
            day = str(first + timedelta(days=(number + 1) * days // (SAMPLE + 1)))
            alone.add(platform.run(Step(f"day {day}", "daily_job", day), DRAW_NOTHING))
    script = run_isolated(run_script, str(folder / "script"), str(releases))
    title = f"{days} days of {release.year} through the graph"
    ours_words = f"{ours.wall:.1f} s (CPU {ours.cpu:.1f} s)"
    each = alone.wall / SAMPLE * days
    baseline = f"a run per day: {each:,.0f} s ({SAMPLE} days, multiplied)"
    yield Row(title, ours_words, baseline, each / ours.wall, ours.memory)
    words = f"script: {script.seconds:.1f} s, {script.memory / 2**30:.2f} GiB, {script.result['rows']:,} rows"
    yield Row("the same", ours_words, words, script.seconds / ours.wall, ours.memory)
    yield Row("the release's files read and cut into days, before", f"{before.wall:.1f} s", memory=before.memory)


def measure_growth(folder: Path, mlflow: str, years: Sequence[int], accidents: int = ACCIDENTS) -> Iterator[Row]:
    """A row for each number of years; its baseline is as many times the first row's, per year."""
    generate_years(folder / "releases", max(years, default=0), accidents)
    first: float | None = None
    for count, (_, days) in measure_years(folder, mlflow, years):
        each = days.wall / count
        first = first or each
        yield Row(
            f"{count} generated {'year' if count == 1 else 'years'} through the graph",
            f"{days.wall:.1f} s (CPU {days.cpu:.1f} s)",
            f"{count / years[0]:g} x the first: {first * count:.1f} s",
            first / each,
            days.memory,
        )


def _read(releases: Path, key: str) -> pd.DataFrame:
    (path,) = [file for file in releases.glob("*.csv") if key in file.name.lower()]
    return pd.read_csv(path, sep=";", low_memory=False).rename(columns={"Accident_Id": "Num_Acc"})
