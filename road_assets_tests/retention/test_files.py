"""Old pages of drift reports, old days of the lake, files never finished, old notes in the tables."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets.resources.database import Database
from road_assets.resources.files import names_in, storage_path
from road_assets.resources.lake import Lake
from road_assets.resources.reports import Reports
from road_assets.retention.files import remove_drafts, remove_lake_days, remove_reports
from road_assets.retention.notices import remove_notices
from road_assets.retention.removal import days_ago
from road_assets_tests.conftest import fresh_database

TWO_DAYS = (date(2024, 1, 1), date(2024, 1, 2))


@pytest.fixture
def reports(tmp_path: Path, mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> Reports:
    """Two days' pages, one of them drawn long ago; in MLflow both were drawn just now."""
    monkeypatch.setattr("road_assets.resources.reports.EXPERIMENT", tmp_path.name)
    reports = Reports(folder=str(tmp_path / "drift"), tracking_uri=mlflow_url, public_url=mlflow_url)
    for day in TWO_DAYS:
        page = cast("Any", SimpleNamespace(html="<p>drift</p>", json="{}"))
        reports.publish(day, page, cast("Any", SimpleNamespace(score=0.1)))
    long_ago = (datetime.now(UTC) - timedelta(days=200)).timestamp()
    for suffix in (".html", ".json"):
        os.utime(Path(reports.folder, f"2024-01-01{suffix}"), (long_ago, long_ago))
    return reports


def names(reports: Reports) -> list[str]:
    return sorted(path.name for path in Path(reports.folder).iterdir())


def test_pages_that_were_drawn_long_ago_go(reports: Reports) -> None:
    told = remove_reports(reports, days_ago(180), dry_run=True)
    assert len(names(reports)) == 4
    done = remove_reports(reports, days_ago(180), dry_run=False)
    assert done.removed == told.removed == ["2024-01-01.html", "2024-01-01.json"]
    assert done.freed_bytes == len("<p>drift</p>{}")
    assert names(reports) == ["2024-01-02.html", "2024-01-02.json"]
    assert remove_reports(reports, days_ago(180), dry_run=False).removed == []


def test_pages_in_mlflow_go_with_their_files(reports: Reports) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(reports.tracking_uri)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    run, name = reports.runs_before(tomorrow)[0]
    assert name.startswith("drift 2024-01-0")
    assert client.list_artifacts(run)

    done = remove_reports(reports, tomorrow, dry_run=False)

    assert sorted(done.removed)[-2:] == ["drift 2024-01-01 in MLflow", "drift 2024-01-02 in MLflow"]
    assert client.list_artifacts(run) == []
    assert reports.runs_before(tomorrow) == []


def test_pages_in_mlflow_whose_removal_was_killed_go_the_next_time(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    runs = [run for run, _ in reports.runs_before(tomorrow)]
    with monkeypatch.context() as patch:
        patch.setattr(HttpArtifactRepository, "delete_artifacts", die)
        with pytest.raises(KeyboardInterrupt):
            remove_reports(reports, tomorrow, dry_run=False)
    remove_reports(reports, tomorrow, dry_run=False)
    assert reports.runs_before(tomorrow) == []
    client = MlflowClient(reports.tracking_uri)
    assert [client.list_artifacts(run) for run in runs] == [[], []]


def test_a_page_that_is_being_drawn_is_not_looked_at(reports: Reports) -> None:
    Path(reports.folder, ".2024-01-03-x.tmp").symlink_to("renamed-since")  # listed, and gone when it is looked at
    assert remove_reports(reports, days_ago(180), dry_run=True).removed == ["2024-01-01.html", "2024-01-01.json"]


def test_reports_that_were_never_drawn_are_no_error(tmp_path: Path, mlflow_url: str) -> None:
    reports = Reports(folder=str(tmp_path / "none"), tracking_uri=mlflow_url, public_url=mlflow_url)
    assert remove_reports(reports, days_ago(10_000), dry_run=False).removed == []


def test_pages_in_an_object_storage_go(reports: Reports, s3: str, tmp_path: Path) -> None:
    remote = reports.model_copy(update={"folder": f"{s3}/{tmp_path.name}/drift"})
    page = cast("Any", SimpleNamespace(html="<p>drift</p>", json="{}"))
    published = remote.publish(TWO_DAYS[0], page, cast("Any", SimpleNamespace(score=0.1)))
    assert published.page == f"{remote.folder}/2024-01-01.html"
    assert remove_reports(remote, days_ago(1), dry_run=False).removed == []
    done = remove_reports(remote, datetime.now(UTC) + timedelta(minutes=1), dry_run=False)
    assert done.removed[:2] == ["2024-01-01.html", "2024-01-01.json"]
    assert done.freed_bytes == len("<p>drift</p>{}")
    assert names_in(storage_path(remote.folder)) == []
    assert len(names(reports)) == 4, "those in the folder are others"


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    remote = request.param == "s3"
    lake = Lake(root=f"{request.getfixturevalue('s3')}/{tmp_path.name}" if remote else str(tmp_path / "lake"))
    days = [date(2022, 1, 1), date(2024, 1, 1), date(2024, 5, 1)]
    for asset in ("features", "raw_accidents"):
        lake.write_days(asset, pd.DataFrame({"day": pd.to_datetime(days), "lum": 1}), days)
    lake.write_year("baac_release", 2022, pd.DataFrame({"day": pd.to_datetime(days[:1])}))
    return lake


def test_days_far_before_the_newest_one_go_and_releases_stay(lake: Lake) -> None:
    remove_lake_days(lake, 800, dry_run=True)
    assert len(lake.stored_days("features")) == 3
    done = remove_lake_days(lake, 800, dry_run=False)
    assert done.removed == ["features 2022-01-01", "raw_accidents 2022-01-01"]
    assert lake.stored_days("features") == [date(2024, 1, 1), date(2024, 5, 1)]
    assert lake.stored_years("baac_release") == [2022]


def test_without_a_number_every_day_is_kept(lake: Lake) -> None:
    done = remove_lake_days(lake, None, dry_run=False)
    assert (done.removed, len(lake.stored_days("features"))) == ([], 3)
    assert "ROAD_RETENTION_LAKE_DAYS is not set" in done.notes[0]


_BEGIN_TO_WRITE = """
import sys, time
from pathlib import Path
from road_assets.resources.files import replacing
with replacing(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(600)
"""


def _kill_while_writing(target: Path) -> Path:
    """The draft that a writer leaves behind."""
    command = [sys.executable, "-c", _BEGIN_TO_WRITE, str(target)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:  # noqa: S603 - our own
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        writer.send_signal(signal.SIGKILL)
    (draft,) = target.parent.glob(".*.tmp")
    return draft


def test_what_a_killed_writer_left_goes_a_day_later(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    day = TWO_DAYS[0]
    lake.write_days("features", pd.DataFrame({"day": pd.to_datetime([day]), "lum": 1}), [day])
    draft = _kill_while_writing(tmp_path / "lake" / "features" / "2024" / f"{day}.parquet")
    places = [lake.root, str(tmp_path / "no such folder")]
    assert remove_drafts(places, dry_run=False).removed == [], "its writer may still be at work"
    yesterday = (datetime.now(UTC) - timedelta(hours=25)).timestamp()
    os.utime(draft, (yesterday, yesterday))
    told = remove_drafts(places, dry_run=True)
    assert draft.exists()
    done = remove_drafts(places, dry_run=False)
    assert done.removed == told.removed == [draft.name]
    assert done.freed_bytes == len(b"half")
    assert [path.name for path in draft.parent.iterdir()] == [f"{day}.parquet"]
    assert len(lake.read_days("features", [day])) == 1


def test_an_object_storage_is_not_searched_for_unfinished_files(s3: str, tmp_path: Path) -> None:
    assert remove_drafts([f"{s3}/{tmp_path.name}"], dry_run=False).removed == []


def test_old_notices_go_and_decisions_stay(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    database = Database(url=fresh_database(postgres, f"notices_{tmp_path.name}"))
    moments = (days_ago(400), days_ago(10))
    with database.connect() as connection:
        for number, moment in enumerate(moments):
            connection.execute("INSERT INTO run_failures VALUES (%s, 'job', '', '', '', '', %s)", (str(number), moment))
            alert = "INSERT INTO alert_reports VALUES ('f', %s, 'HighDataDrift', '2024-01-01', 1, %s, NULL)"
            connection.execute(alert, (moment, moment))
            connection.execute("INSERT INTO noise_settings (noise, since, set_by) VALUES (0.5, %s, 'ann')", (moment,))
    told = remove_notices(database, days_ago(365), dry_run=True)
    done = remove_notices(database, days_ago(365), dry_run=False)
    assert told.removed == done.removed == ["1 rows of run_failures", "1 rows of alert_reports"]
    with database.connect() as connection:
        counts = [
            connection.execute(query).fetchone()
            for query in ("SELECT count(*) FROM run_failures", "SELECT count(*) FROM noise_settings")
        ]
    assert counts == [(1,), (2,)]
