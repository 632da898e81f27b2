"""How much sooner a backfill of years is done by several runs side by side than by one after the other.

Real runs of a real Dagster: web server, daemon, code server and a Postgres, on the settings of ``dagster.yaml`` but for
the number of runs at once. Reading the releases comes before and is not counted.

Run: ``python -m road_assets_tests.benchmarks.backfill --years 4 --workers 1 2``
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import psutil

from road_assets.commands.backfill import Backfill, run_backfill
from road_assets.local import services
from road_assets.local.dagster_client import DagsterClient
from road_assets.local.main_job import MainJob, Step
from road_assets.local.platform import prepare_home
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import LOCATION, Site
from road_assets.local.supervisor import Supervisor
from road_assets.local.tasks import prepare_dagster
from road_assets.resources.database import migrate
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.benchmarks.growth import ACCIDENTS, FIRST_YEAR, generate_year
from road_assets_tests.local.conftest import eventually, free_port

_AT_ONCE: Final = "max_concurrent_runs: 2"
_PATIENCE_SECONDS: Final = 300


@contextmanager
def dagster(home: Path, releases: Path, workers: int) -> Iterator[tuple[DagsterClient, Site]]:
    """Run an empty platform's Postgres and Dagster; no MLflow and no service."""
    ports = PortSettings(dagster_port=free_port(), postgres_port=free_port(), code_port=free_port())
    server = EmbeddedPostgres(home, ports.postgres_port)
    settings = PlatformSettings(home=home, releases_dir=releases, first_day=date(FIRST_YEAR, 1, 1))
    site, supervisor = Site(settings, ports, server), Supervisor(print, dict)
    try:
        postgres, code = services.postgres_service(site), services.code_service(site)
        supervisor.launch(postgres)
        supervisor.wait(postgres)
        server.wait_until_ready()
        migrate(server.url("road"))
        prepare_home(site)
        _set_workers(home / "dagster" / "dagster.yaml", workers)
        task = prepare_dagster(site)
        if task is not None:
            eventually(task.is_done, _PATIENCE_SECONDS)
        supervisor.launch(code)
        supervisor.wait(code)
        pages, daemon = services.dagster_service(site), services.daemon_service(site)
        supervisor.launch(pages, daemon)
        supervisor.wait(pages, daemon)
        client = DagsterClient(site.addresses["dagster"], LOCATION)
        eventually(lambda: client.repository() is not None, _PATIENCE_SECONDS)
        yield client, site
        client.close()
    finally:
        supervisor.stop()


def measure(home: Path, releases: Path, years: range, workers: int) -> tuple[float, str]:
    """Ingest years.

    Returns:
        Seconds, and a digest of all files that came out.
    """
    with dagster(home, releases, workers) as (client, site):
        MainJob(client, _quiet).run([Step(f"release of {year}", "release_job", str(year)) for year in years], _quiet)
        wanted = Backfill(date(years[0], 1, 1), date(years[-1], 12, 31), months=12)
        return run_backfill(client, wanted, print), _digest(site.home / "lake")


def in_one_run(home: Path, releases: Path, years: range) -> tuple[float, str]:
    """The same days in a single run, for comparison."""
    with dagster(home, releases, 1) as (client, site):
        MainJob(client, _quiet).run([Step(f"release of {year}", "release_job", str(year)) for year in years], _quiet)
        started = time.monotonic()
        step = Step("all days", "ingest_job", f"{years[0]}-01-01", f"{years[-1]}-12-31")
        MainJob(client, print).launch_and_wait(step)
        return time.monotonic() - started, _digest(site.home / "lake")


def _set_workers(path: Path, workers: int) -> None:
    text = path.read_text()
    if _AT_ONCE not in text:
        raise RuntimeError(f"{path} does not say {_AT_ONCE!r}")
    path.write_text(text.replace(_AT_ONCE, f"max_concurrent_runs: {workers}"))


def _digest(lake: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(lake.rglob("*.parquet")):
        digest.update(path.relative_to(lake).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _quiet(_: object) -> None:
    """Reading the releases is not what is measured."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=4, help="how many generated years")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="runs at once, for each row")
    parser.add_argument("--accidents", type=int, default=ACCIDENTS, help="of each year")
    parser.add_argument("--one-run", action="store_true", help="also all days in a single run")
    chosen = parser.parse_args()
    years = range(FIRST_YEAR, FIRST_YEAR + chosen.years)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres may run as another account
        for year in years:
            generate_year(folder / "releases", year, chosen.accidents)
        rows = {
            f"{workers} at once": measure(folder / f"home-{workers}", folder / "releases", years, workers)
            for workers in chosen.workers
        }
        if chosen.one_run:
            rows["in one run"] = in_one_run(folder / "home-one", folder / "releases", years)
    print(f"\n{chosen.years} years of {chosen.accidents} accidents, {psutil.cpu_count()} processors, load {_load()}")
    print(f"{'ranges':12} {'seconds':>8} {'speed-up':>9}  files")
    base = next(iter(rows.values()))[0]
    for title, (seconds, digest) in rows.items():
        print(f"{title:12} {seconds:8.1f} {base / seconds:9.2f}  {digest[:12]}")
    return 0 if len({digest for _, digest in rows.values()}) == 1 else 1


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
