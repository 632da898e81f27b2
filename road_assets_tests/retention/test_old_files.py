"""Old pages of drift reports, old days of the lake, old notes in the tables."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.reports import Reports
from road_assets.retention.files import retire_lake_days, retire_reports
from road_assets.retention.notices import retire_notices
from road_assets.retention.settings import days_ago
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
    told = retire_reports(reports, days_ago(180), dry_run=True)
    assert len(names(reports)) == 4
    done = retire_reports(reports, days_ago(180), dry_run=False)
    assert done.removed == told.removed == ["2024-01-01.html", "2024-01-01.json"]
    assert done.freed_bytes == len("<p>drift</p>{}")
    assert names(reports) == ["2024-01-02.html", "2024-01-02.json"]
    assert retire_reports(reports, days_ago(180), dry_run=False).removed == []


def test_pages_in_mlflow_go_with_their_files(reports: Reports) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(reports.tracking_uri)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    run, name = reports.runs_before(tomorrow)[0]
    assert name.startswith("drift 2024-01-0")
    assert client.list_artifacts(run)

    done = retire_reports(reports, tomorrow, dry_run=False)

    assert sorted(done.removed)[-2:] == ["drift 2024-01-01 in MLflow", "drift 2024-01-02 in MLflow"]
    assert client.list_artifacts(run) == []
    assert reports.runs_before(tomorrow) == []


def test_reports_that_were_never_drawn_are_no_error(tmp_path: Path, mlflow_url: str) -> None:
    reports = Reports(folder=str(tmp_path / "none"), tracking_uri=mlflow_url, public_url=mlflow_url)
    assert retire_reports(reports, days_ago(10_000), dry_run=False).removed == []


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    days = [date(2022, 1, 1), date(2024, 1, 1), date(2024, 5, 1)]
    for asset in ("features", "raw_accidents"):
        lake.write_days(asset, pd.DataFrame({"day": pd.to_datetime(days), "lum": 1}), days)
    lake.write_year("baac_release", 2022, pd.DataFrame({"day": pd.to_datetime(days[:1])}))
    return lake


def test_days_far_before_the_newest_one_go_and_releases_stay(lake: Lake) -> None:
    retire_lake_days(lake, 800, dry_run=True)
    assert len(lake.stored_days("features")) == 3
    done = retire_lake_days(lake, 800, dry_run=False)
    assert done.removed == ["features 2022-01-01", "raw_accidents 2022-01-01"]
    assert lake.stored_days("features") == [date(2024, 1, 1), date(2024, 5, 1)]
    assert lake.stored_years("baac_release") == [2022]


def test_without_a_number_every_day_is_kept(lake: Lake) -> None:
    done = retire_lake_days(lake, None, dry_run=False)
    assert (done.removed, len(lake.stored_days("features"))) == ([], 3)
    assert "ROAD_RETENTION_LAKE_DAYS is not set" in done.notes[0]


def test_old_notices_go_and_decisions_stay(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    database = Database(url=fresh_database(postgres, f"notices_{tmp_path.name}"))
    moments = (days_ago(400), days_ago(10))
    with database.connect() as connection:
        for number, moment in enumerate(moments):
            connection.execute("INSERT INTO run_failures VALUES (%s, 'job', '', '', '', '', %s)", (str(number), moment))
            alert = "INSERT INTO alert_reports VALUES ('f', %s, 'HighDataDrift', '2024-01-01', 1, %s, NULL)"
            connection.execute(alert, (moment, moment))
            connection.execute("INSERT INTO noise_settings (noise, since, set_by) VALUES (0.5, %s, 'ann')", (moment,))
    told = retire_notices(database, days_ago(365), dry_run=True)
    done = retire_notices(database, days_ago(365), dry_run=False)
    assert told.removed == done.removed == ["1 rows of run_failures", "1 rows of alert_reports"]
    with database.connect() as connection:
        counts = [
            connection.execute(query).fetchone()
            for query in ("SELECT count(*) FROM run_failures", "SELECT count(*) FROM noise_settings")
        ]
    assert counts == [(1,), (2,)]
