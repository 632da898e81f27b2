"""Which backups this platform may restore."""

from datetime import UTC, datetime

import pytest

from road_assets.backup.manifest import DatabaseEntry, FileEntry, Manifest, reasons_against

HERE = {"road-assets": "0.3.1", "dagster": "1.13.27"}
REVISIONS = ["0001", "0002"]


def manifest(**changes: object) -> Manifest:
    road = DatabaseEntry(file="databases/road.dump", server=180006, revision="0002", rows={"public.accidents": 1200})
    return Manifest.model_validate(
        {
            "made_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "versions": {"road-assets": "0.3.1"},
            "databases": {"road": road},
            "folders": ["home/lake"],
            "left_out": ["logs"],
            "with_secrets": False,
            "champion": 7,
            "files": {"home/lake/day": FileEntry(size=3_000_000, sha256="0")},
            **changes,
        }
    )


@pytest.mark.parametrize("version", ["0.3.1", "0.3", "0.2.9", "0.3.0rc1"])
def test_one_of_this_version_or_an_older_one_is_taken(version: str) -> None:
    assert reasons_against(manifest(versions={"road-assets": version}), HERE, REVISIONS) == []


@pytest.mark.parametrize("version", ["0.3.2", "0.10.0", "1.0"])
def test_one_of_a_newer_version_is_refused_and_both_are_named(version: str) -> None:
    (reason,) = reasons_against(manifest(versions={"road-assets": version}), HERE, REVISIONS)
    assert reason == f"it was written by road-assets {version}, which is newer than 0.3.1 here"


def test_what_is_not_installed_here_is_no_reason() -> None:
    assert reasons_against(manifest(versions={"mlflow": "9.0"}), HERE, REVISIONS) == []


def test_tables_that_this_version_does_not_know_are_refused() -> None:
    (reason,) = reasons_against(manifest(), HERE, ["0001"])
    assert "revision 0002, which this platform does not know" in reason


def test_a_newer_format_is_refused() -> None:
    (reason,) = reasons_against(manifest(format=2), HERE, REVISIONS)
    assert "format 2" in reason


def test_it_says_what_it_is() -> None:
    text = "\n".join(manifest().lines())
    for told in (
        *("2026-01-02 03:04:05 UTC", "road-assets 0.3.1", "road 1,200 rows", "home/lake"),
        *("without secrets", "version 7", "1 files, 3.0 MB", "not in it: logs"),
    ):
        assert told in text
