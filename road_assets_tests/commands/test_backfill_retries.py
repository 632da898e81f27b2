"""A range whose run died is followed to the attempt that repeats it."""

from datetime import date
from typing import Any

import pytest

from road_assets import run_tags
from road_assets.commands.backfill import Backfill, BackfillError, run_backfill

RANGES = Backfill(date(2024, 1, 1), date(2024, 2, 29), months=1)


class Dagster:
    """Answers as a web server whose runs have ended, the first of each name as told."""

    def __init__(self, **endings: dict[str, str]) -> None:
        self.launched: list[str] = []
        self.endings = endings

    def launch(self, _job: str, tags: dict[str, str], assets: Any) -> str:
        self.launched.append(f"{assets[0]} {tags[run_tags.RANGE_START]}")
        return f"run{len(self.launched)}"

    def status(self, run: str) -> str:
        return "FAILURE" if run in self.endings else "SUCCESS"

    def tags(self, run: str) -> dict[str, str]:
        return self.endings[run]


def ingest(dagster: Dagster) -> list[str]:
    said: list[str] = []
    run_backfill(dagster, RANGES, said.append, pause=lambda _: None)  # type: ignore[arg-type]
    return said


def test_a_run_that_dagster_repeats_counts_as_its_last_attempt() -> None:
    dagster = Dagster(run1={run_tags.WILL_RETRY: "true", run_tags.RETRIED_BY: "again1"})
    said = ingest(dagster)
    assert "  2024-01-01 to 2024-01-31: its process died; Dagster tries again, run again1" in said
    assert sum("success" in line for line in said) == 4
    assert len(dagster.launched) == 4


def test_a_run_that_is_not_repeated_stops_what_would_follow() -> None:
    dagster = Dagster(run2={run_tags.WILL_RETRY: "false"})
    with pytest.raises(BackfillError, match=r"1 of 2 ranges were not ingested: 2024-02-01 to 2024-02-29 \(run run2\)"):
        ingest(dagster)
    assert [name.split()[0] for name in dagster.launched] == ["raw_accidents", "raw_accidents"]


def test_an_attempt_that_fails_too_is_the_one_that_is_named() -> None:
    dagster = Dagster(
        run1={run_tags.WILL_RETRY: "true", run_tags.RETRIED_BY: "again1"}, again1={run_tags.WILL_RETRY: "false"}
    )
    with pytest.raises(BackfillError, match=r"run again1"):
        ingest(dagster)
