"""Ranges of days ingested by runs of their own, in any order, against one run over all of them."""

from collections.abc import Callable
from datetime import date
from typing import Final

import pytest

from road_assets import run_tags
from road_assets.definitions import defs
from road_assets.stages import INGEST, LEARNING_STAGE, RAW_STAGE, split_into_ranges
from road_assets_tests.conftest import Platform, failure_of

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 3, 10)
SMALL: Final = {"accidents": 1_000, "first": FIRST_DAY, "last": LAST_DAY, "mlflow": "http://127.0.0.1:9"}
"""Nothing is trained, so no registry is needed."""
ACCIDENTS: Final = "SELECT * FROM accidents ORDER BY num_acc, user_key"


@pytest.fixture(scope="module")
def in_one_run(make_platform: Callable[..., Platform]) -> Platform:
    ready = make_platform(**SMALL)
    assert ready.run("release_job", str(FIRST_DAY.year)).success
    assert ready.run("ingest_job", FIRST_DAY, LAST_DAY).success
    return ready


@pytest.fixture(scope="module")
def in_ranges(make_platform: Callable[..., Platform]) -> Platform:
    """Each stage from its last range to its first, the order that would do most harm."""
    ready = make_platform(**SMALL)
    assert ready.run("release_job", str(FIRST_DAY.year)).success
    for stage in (RAW_STAGE, LEARNING_STAGE):
        for first, last in reversed(split_into_ranges(FIRST_DAY, LAST_DAY, months=1)):
            assert failure_of(ready.run("ingest_job", first, last, only=stage)) == ""
    return ready


def _files(platform: Platform) -> dict[str, bytes]:
    lake = platform.home / "lake"
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for asset in INGEST
        for path in (lake / asset).rglob("*.parquet")
    }


def test_ranges_give_the_very_files_and_rows_of_one_run(in_one_run: Platform, in_ranges: Platform) -> None:
    expected = _files(in_one_run)
    assert len(expected) == 3 * ((LAST_DAY - FIRST_DAY).days + 1)
    assert _files(in_ranges) == expected
    assert in_ranges.query(ACCIDENTS) == in_one_run.query(ACCIDENTS)


def test_a_range_done_again_changes_nothing(in_ranges: Platform) -> None:
    before = _files(in_ranges)
    first, last = date(2024, 2, 1), date(2024, 2, 29)
    for stage in (RAW_STAGE, LEARNING_STAGE):
        assert in_ranges.run("ingest_job", first, last, only=stage).success
    assert _files(in_ranges) == before


@pytest.mark.parametrize("job", ["ingest_job", "daily_job"])
def test_jobs_that_do_both_stages_at_once_wait_for_each_other(job: str) -> None:
    assert defs.resolve_job_def(job).tags[run_tags.ORDER] == run_tags.IN_ORDER


@pytest.mark.parametrize("job", ["release_job", "drift_job", "training_job"])
def test_other_jobs_do_not_wait_for_them(job: str) -> None:
    assert run_tags.ORDER not in defs.resolve_job_def(job).tags
