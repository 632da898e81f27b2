"""The whole graph with its files on a real S3 server."""

from collections.abc import Callable
from datetime import date
from typing import Final

import dagster as dg
import pytest

from road_assets.resources.files import storage_path
from road_assets_tests.conftest import SMALL_FOREST, Platform, failure_of
from road_assets_tests.object_storage import SECRET_KEY

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 2, 5)
SMALL: Final = {"accidents": 1_000, "first": FIRST_DAY, "last": LAST_DAY}
FILES = ("raw_accidents", "synthetic_mix", "features")
JOBS = ("release_job", "ingest_job", "training_job", "drift_job")


def _materialize(platform: Platform) -> list[dg.ExecuteInProcessResult]:
    return [
        platform.run("release_job", str(FIRST_DAY.year)),
        platform.run("ingest_job", FIRST_DAY, LAST_DAY),
        platform.run("training_job", LAST_DAY, config=SMALL_FOREST),
        platform.run("drift_job", FIRST_DAY, LAST_DAY),
    ]


def _content(address: str) -> dict[str, str]:
    """Checksums of the daily files as the server has them."""
    place = storage_path(address)
    return {
        name: info["ETag"] for asset in FILES for name, info in place.fs.find((place / asset).path, detail=True).items()
    }


@pytest.fixture(scope="module")
def remote(make_platform: Callable[..., Platform], s3: str) -> Platform:
    ready = make_platform(**SMALL, storage=f"{s3}/platform")
    assert [failure_of(run) for run in _materialize(ready)] == [""] * len(JOBS)
    return ready


@pytest.fixture(scope="module")
def local(make_platform: Callable[..., Platform]) -> Platform:
    """The same release in a folder."""
    ready = make_platform(**SMALL, mlflow="http://127.0.0.1:9")  # nothing is trained there
    assert ready.run("release_job", str(FIRST_DAY.year)).success
    assert ready.run("ingest_job", FIRST_DAY, LAST_DAY).success
    return ready


def test_every_file_is_in_the_bucket_and_none_in_the_home(remote: Platform, s3: str, local: Platform) -> None:
    days = (LAST_DAY - FIRST_DAY).days + 1
    assert len(_content(f"{s3}/platform/lake")) == days * len(FILES)
    assert not list(remote.home.rglob("*.parquet"))
    assert storage_path(f"{s3}/platform/reports/drift/{LAST_DAY}.html").stat().st_size > 100_000
    assert remote.query("SELECT * FROM accidents ORDER BY num_acc, user_key") == local.query(
        "SELECT * FROM accidents ORDER BY num_acc, user_key"
    )


def test_the_same_files_come_out_as_in_a_folder(remote: Platform, local: Platform, s3: str) -> None:
    del remote
    here = local.home / "lake"
    for asset in FILES:
        for path in (here / asset).rglob("*.parquet"):
            there = storage_path(f"{s3}/platform/lake") / path.relative_to(here).as_posix()
            assert there.read_bytes() == path.read_bytes(), path.name


def test_twice_gives_the_same(remote: Platform, s3: str) -> None:
    before, rows = _content(f"{s3}/platform/lake"), remote.query("SELECT count(*) FROM accidents")
    assert remote.run("ingest_job", FIRST_DAY, LAST_DAY).success
    assert _content(f"{s3}/platform/lake") == before
    assert remote.query("SELECT count(*) FROM accidents") == rows


def test_no_event_holds_the_secret_key(remote: Platform) -> None:
    events = [
        str(entry)
        for record in remote.instance.get_run_records()
        for entry in remote.instance.all_logs(record.dagster_run.run_id)
    ]
    assert events
    assert not [event for event in events if SECRET_KEY in event]
