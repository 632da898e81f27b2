"""Removes old drift reports, here and in MLflow, old days of the lake, and files that were never finished."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from road_assets.resources.files import drafts_below, names_in, storage_path
from road_assets.resources.lake import Lake
from road_assets.resources.reports import Reports
from road_assets.retention.removal import Removal, days_ago

_DRAFT_DAYS: Final = 1
"""No write takes so long: the writer of an older unfinished file was killed."""


def remove_reports(reports: Reports, oldest: datetime, *, dry_run: bool) -> Removal:
    """Remove the pages of drift reports that were drawn before a moment. Their figures stay in the tables.

    Args:
        reports: where they are.
        oldest: pages drawn since then stay.
        dry_run: only say what would be done.
    """
    removal = Removal("reports")
    folder = storage_path(reports.folder)
    for name in sorted(names_in(folder)):
        path = folder / name
        if path.suffix not in {".html", ".json"}:
            continue  # such as a draft, which its writer may rename at this moment
        facts = path.stat()
        if datetime.fromtimestamp(facts.st_mtime, UTC) < oldest:
            removal.removed.append(name)
            removal.freed_bytes += facts.st_size
            if not dry_run:
                path.unlink(missing_ok=True)
    for run_id, name in reports.runs_before(oldest):
        removal.removed.append(f"{name} in MLflow")
        if not dry_run:
            reports.remove_run(run_id)
    return removal


def remove_lake_days(lake: Lake, days: int | None, *, dry_run: bool) -> Removal:
    """Remove days that lie further back than so many before the newest one, of every asset. Releases stay.

    Args:
        lake: the folder.
        days: to keep; None keeps all.
        dry_run: only say what would be done.
    """
    removal = Removal("days of the lake")
    if days is None:
        removal.notes.append("all days are kept: ROAD_RETENTION_LAKE_DAYS is not set")
        return removal
    for asset in lake.daily_assets():
        stored = lake.stored_days(asset)
        first_kept = stored[-1] - timedelta(days=days)
        old = [day for day in stored if day < first_kept]
        removal.removed += [f"{asset} {day}" for day in old]
        if not dry_run:
            _remove(lake, asset, old)
    return removal


def _remove(lake: Lake, asset: str, days: list[date]) -> None:
    for day in days:
        lake.remove_day(asset, day)


def remove_drafts(addresses: Sequence[str], *, dry_run: bool) -> Removal:
    """Remove temporary files of writers that were killed. Readers never see such files.

    Args:
        addresses: folders of files that are replaced as a whole.
        dry_run: only say what would be done.
    """
    removal, oldest = Removal("unfinished files"), days_ago(_DRAFT_DAYS)
    for path in (path for address in addresses for path in drafts_below(storage_path(address))):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue  # its writer has just finished
        if datetime.fromtimestamp(facts.st_mtime, UTC) < oldest:
            removal.removed.append(path.name)
            removal.freed_bytes += facts.st_size
            if not dry_run:
                path.unlink(missing_ok=True)
    return removal
