"""Runs all benchmarks and prints one table, with the machine on which it ran.

Run: ``ROAD_RELEASES_DIR=... make bench``, or with some parts and fewer years,
``python -m road_assets_tests.benchmarks.side_by_side --parts training drift --years 1 2``. Each baseline is a common
practice, written for this comparison and described in its module: ``year``, ``training``, ``drift``, ``service``.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from road_assets_tests.benchmarks.growth import train_reference
from road_assets_tests.benchmarks.side_by_side import drift, serving, training, year
from road_assets_tests.benchmarks.side_by_side.result_table import Row, as_markdown, machine
from road_assets_tests.conftest import serve_mlflow

PARTS: Final = ("year", "training", "service", "drift", "growth")


def measure(folder: Path, releases: Path, parts: Sequence[str], years: Sequence[int], rounds: int) -> Iterator[Row]:
    """Measure the parts one after the other, never at the same time.

    Args:
        folder: for intermediate files.
        releases: the official files of 2024.
        parts: some of ``PARTS``.
        years: numbers of years whose growth is measured.
        rounds: of load on each server.
    """
    (folder / "mlflow").mkdir()
    with serve_mlflow(folder / "mlflow") as mlflow:
        if {"year", "growth"} & set(parts):
            train_reference(folder / "reference", mlflow)
        measures: Mapping[str, Callable[[], Iterator[Row]]] = {
            "year": lambda: year.measure(folder / "year", releases, mlflow),
            "training": lambda: training.measure(folder / "training", releases),
            "service": lambda: serving.measure(folder / "inputs", rounds, seconds=2.0),
            "drift": drift.measure,
            "growth": lambda: year.measure_growth(folder, mlflow, years),
        }
        for part in parts:
            print(f"{datetime.now(UTC):%H:%M:%S} {part} …", file=sys.stderr, flush=True)
            for row in measures[part]():
                print(row, file=sys.stderr, flush=True)
                yield row


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--years", type=int, nargs="*", default=[1, 2, 5, 10, 20])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    releases = os.environ.get("ROAD_RELEASES_DIR")
    if not releases:
        parser.error("name the official files of 2024: ROAD_RELEASES_DIR=/path/to/2024")
    where = machine()
    with tempfile.TemporaryDirectory(prefix="road-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres may run as another account
        rows = list(measure(folder, Path(releases), chosen.parts, chosen.years, chosen.rounds))
    print(f"\n{where}\n\n{as_markdown(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
