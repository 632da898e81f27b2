"""How time and memory grow with the years: from raw days to features, tables and drift scores.

Run: ``python -m road_assets_tests.benchmarks.growth --years 1 5 10 20``; with ``ROAD_RELEASES_DIR=...`` the official
year is measured too, first.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from road_assets.core.demonstration import generate_release
from road_assets.local.main_job import Step
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT, Site, platform_environment
from road_assets.resources.database import migrate
from road_assets.resources.releases.store import ReleaseStore
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.conftest import SMALL_FOREST, serve_mlflow

FIRST_YEAR: Final = 2019
ACCIDENTS: Final = 54_000
"""Of one year, as in 2024; with them come 125,000 users."""

REFERENCE_DAYS: Final = 90
DRAW_NOTHING: Final = {"ops": {"drift_report": {"config": {"draw": "none"}}}}
OUTSIDE: Final = "start and end"
_PHASES: Final = """
    SELECT step_key, dagster_event_type, extract(epoch FROM min(timestamp)), extract(epoch FROM max(timestamp))
    FROM event_logs WHERE run_id = (SELECT run_id FROM runs ORDER BY id DESC LIMIT 1) AND step_key IS NOT NULL
    GROUP BY step_key, dagster_event_type"""


@dataclass(slots=True)
class Measured:
    """What one or more runs took.

    Attributes:
        wall: seconds, from the start of the process to its end.
        cpu: seconds of the processors, Postgres included.
        memory: largest resident size of the process that ran the assets, in bytes.
        stages: seconds by asset, Dagster's events not included, and ``OUTSIDE`` for what lies before and after.
        events: seconds by asset that Dagster took to write its events.
    """

    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)

    def add(self, other: "Measured") -> None:
        """Count another run too."""
        self.wall += other.wall
        self.cpu += other.cpu
        self.memory = max(self.memory, other.memory)
        for mine, others in ((self.stages, other.stages), (self.events, other.events)):
            for name, seconds in others.items():
                mine[name] = mine.get(name, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """A platform without services: a Postgres of its own, an MLflow shared with others."""

    postgres: EmbeddedPostgres
    environment: Mapping[str, str]

    def run(self, step: Step, config: Mapping[str, Any] | None = None) -> Measured:
        """Run one job in a process of its own.

        Raises:
            RuntimeError: the run failed; its words are on the screen.
        """
        command = [sys.executable, "-m", "road_assets_tests.benchmarks.one_run", step.job]
        command += [json.dumps(step.tags()), json.dumps(config or {})]
        before, started = self._postgres_cpu(), time.perf_counter()
        log = self.postgres.home / "run.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=PROJECT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode:
            raise RuntimeError(f"{step.title} failed:\n{log.read_text()[-5000:]}")
        cpu = usage.ru_utime + usage.ru_stime + self._postgres_cpu() - before
        return Measured(wall, cpu, usage.ru_maxrss * 1024, *self._phases(wall))

    def query(self, statement: str, database: str = "road") -> list[tuple[Any, ...]]:
        """Rows of the tables, or of Dagster's own."""
        with psycopg.connect(self.postgres.url(database)) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[call-overload]

    def _phases(self, wall: float) -> tuple[dict[str, float], dict[str, float]]:
        """Seconds of each asset, without and with Dagster's events, from the events' own times."""
        first, last = {}, {}
        for step, kind, earliest, latest in self.query(_PHASES, "dagster"):
            first[step, kind], last[step, kind] = float(earliest), float(latest)
        # The gate is a step of its own that materializes nothing; it counts as what lies outside.
        steps = [step for step, kind in first if kind == "ASSET_MATERIALIZATION" and (step, "STEP_SUCCESS") in last]
        events = {step: last[step, "STEP_SUCCESS"] - first[step, "ASSET_MATERIALIZATION"] for step in steps}
        stages = {step: last[step, "STEP_SUCCESS"] - first[step, "STEP_START"] - events[step] for step in steps}
        stages[OUTSIDE] = wall - sum(stages.values()) - sum(events.values())
        return stages, events

    def _postgres_cpu(self) -> float:
        times = psutil.Process(self.postgres.process.pid).cpu_times()  # type: ignore[union-attr]
        return times.user + times.system + times.children_user + times.children_system


@contextmanager
def bench(home: Path, releases: Path, mlflow: str) -> Iterator[Bench]:
    """Make an empty platform."""
    with EmbeddedPostgres(home) as postgres:
        migrate(postgres.url("road"))
        settings = PlatformSettings(home=home, releases_dir=releases, first_day=date(FIRST_YEAR, 1, 1))
        environment = platform_environment(Site(settings, PortSettings(), postgres))
        (home / "dagster").mkdir()
        shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster" / "dagster.yaml")
        yield Bench(postgres, {**environment, "MLFLOW_TRACKING_URI": mlflow})


def generate_year(folder: Path, year: int, accidents: int = ACCIDENTS) -> None:
    """Write the four files of a year."""
    (folder / str(year)).mkdir(parents=True)
    for name, content in generate_release(year, accidents=accidents, seed=1).items():
        (folder / str(year) / name).write_bytes(content)


def train_reference(folder: Path, mlflow: str) -> None:
    """Put a model into production, so that there is something to measure drift against."""
    generate_year(folder / "releases", FIRST_YEAR, 4_000)
    first = date(FIRST_YEAR, 1, 1)
    last = str(first + timedelta(days=REFERENCE_DAYS))
    with bench(folder / "home", folder / "releases", mlflow) as platform:
        platform.run(Step("release", "release_job", str(FIRST_YEAR)))
        platform.run(Step("days", "ingest_job", str(first), last))
        platform.run(Step("model", "training_job", last), SMALL_FOREST)


def measure_days(
    platform: Bench, spans: Mapping[int, tuple[date, date]], *, run_per_year: bool
) -> tuple[Measured, Measured]:
    """Read the releases, then bring all their days through the graph.

    Args:
        platform: an empty one.
        spans: first and last day of each year.
        run_per_year: one run for the days of each year, as releases arrive, instead of one for all.

    Returns:
        What the releases took, and what the days took.
    """
    releases, days = Measured(), Measured()
    for year in spans:
        releases.add(platform.run(Step(f"release of {year}", "release_job", str(year))))
    windows = list(spans.values()) if run_per_year else [(min(spans.values())[0], max(spans.values())[1])]
    for first, last in windows:
        days.add(platform.run(Step(f"days of {first} to {last}", "daily_job", str(first), str(last)), DRAW_NOTHING))
    return releases, days


def report(title: str, platform: Bench, releases: Measured, days: Measured) -> None:
    """Print what was measured of one platform."""
    ((users, count),) = platform.query("SELECT count(*), count(DISTINCT day) FROM accidents")
    ((scored,),) = platform.query("SELECT count(*) FROM drift_scores")
    ((written,),) = platform.query("SELECT pg_total_relation_size('event_logs') / 1e6", "dagster")
    print(f"\n{title}: {users} users on {count} days, {scored} of them scored; Dagster's events: {written:.0f} MB")
    print(f"{'':26} {'seconds':>8} {'share':>6} {'+ events':>9} {'share':>6}")
    for stage, seconds in days.stages.items():
        events = days.events.get(stage, 0.0)
        print(f"{stage:26} {seconds:8.1f} {seconds / days.wall:6.0%} {events:9.1f} {events / days.wall:6.0%}")
    for name, part in (("all days, raw to drift", days), ("before: reading releases", releases)):
        print(f"{name:26} {part.wall:8.1f}   CPU {part.cpu:7.1f} s   memory {part.memory / 2**30:5.2f} GiB", flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, nargs="*", default=[1, 5, 10, 20], help="how many years, for each row")
    parser.add_argument("--run-per-year", action="store_true", help="one run per year, instead of one for all days")
    parser.add_argument("--accidents", type=int, default=ACCIDENTS, help="of each generated year")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres may run as another account
        (folder / "mlflow").mkdir()
        with serve_mlflow(folder / "mlflow") as mlflow:
            train_reference(folder / "reference", mlflow)
            if official := os.environ.get("ROAD_RELEASES_DIR"):
                _measure_official(Path(official), folder / "official", mlflow)
            generate_years(folder / "releases", max(chosen.years, default=0), chosen.accidents)
            rows = dict(measure_years(folder, mlflow, chosen.years, run_per_year=chosen.run_per_year))
    _print_growth(rows)
    return 0


def measure_years(
    folder: Path, mlflow: str, counts: Sequence[int], *, run_per_year: bool = False
) -> Iterator[tuple[int, tuple[Measured, Measured]]]:
    """Bring generated years through the graph, each count of them on an empty platform.

    Args:
        folder: with the years in ``releases``.
        mlflow: its address, with a model in production.
        counts: how many years.
        run_per_year: see ``measure_days``.

    Returns:
        Each count with what its releases and its days took.
    """
    for count in counts:
        spans = {y: (date(y, 1, 1), date(y, 12, 31)) for y in range(FIRST_YEAR, FIRST_YEAR + count)}
        with bench(folder / f"home-{count}", folder / "releases", mlflow) as platform:
            measured = measure_days(platform, spans, run_per_year=run_per_year)
            report(f"{count} generated years", platform, *measured)
        shutil.rmtree(folder / f"home-{count}")
        yield count, measured


def _measure_official(directory: Path, home: Path, mlflow: str) -> None:
    store = ReleaseStore(directory, directory)
    release = store.find_release()
    with bench(home, directory, mlflow) as platform:
        measured = measure_days(platform, {release.year: store.days_of(release)}, run_per_year=False)
        report(f"official release of {release.year}", platform, *measured)


def generate_years(folder: Path, years: int, accidents: int) -> None:
    """In other processes: the memory of this one would be counted as that of the runs it starts."""
    wanted = range(FIRST_YEAR, FIRST_YEAR + years)
    with multiprocessing.get_context("spawn").Pool() as pool:
        pool.map(partial(generate_year, folder, accidents=accidents), wanted)


def _print_growth(rows: Mapping[int, tuple[Measured, Measured]]) -> None:
    print(
        "\nyears  releases s   days s   per year    CPU s  per year  memory GiB   (per year: 1.00 is the first row's)"
    )
    base: tuple[float, float] | None = None
    for years, (releases, days) in rows.items():
        base = base or (days.wall / years, days.cpu / years)
        print(
            f"{years:5} {releases.wall:11.1f} {days.wall:8.1f} {days.wall / years / base[0]:10.2f} {days.cpu:8.1f} "
            f"{days.cpu / years / base[1]:9.2f} {days.memory / 2**30:11.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
