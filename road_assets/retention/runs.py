"""Removes finished runs of Dagster: events, logs and outputs. What its pages need stays.

Dagster's own ``delete_run`` takes the materializations along, and with them the knowledge that a partition exists. So a
run goes as a whole only if nothing of it is current: no event of it is the last of its kind about a partition, and no
check of it the last of that check. Other runs keep those events, and lose the thousands beside them.
"""

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from road_assets.dagster_instance.event_log_storage import BatchingEventLogStorage
from road_assets.retention.removal import Removal

_RUNS_AT_ONCE: Final = 100


class RetentionError(RuntimeError):
    """Something old cannot be removed; the message says what and why."""


def remove_runs(instance: dg.DagsterInstance, oldest: datetime, *, dry_run: bool) -> Removal:
    """Remove runs that ended before a moment, or what is superfluous of them.

    Args:
        instance: whose storage is the one of ``dagster.yaml``.
        oldest: runs that ended since then stay whole.
        dry_run: only say what would be done.

    Raises:
        RetentionError: the storage is another one.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, BatchingEventLogStorage):
        raise RetentionError(
            f"Dagster's events are kept by {type(storage).__name__}, and not as dagster.yaml says; nothing was removed"
        )
    removal = Removal("runs")
    finished = dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=oldest)
    events = 0
    for part in _in_parts(instance.run_storage.get_run_ids(finished)):
        current = storage.runs_with_current_events(part)
        events += storage.remove_superseded_events(part, dry_run=dry_run)
        for run in part:
            removal.freed_bytes += _remove_files(instance, run, dry_run=dry_run)
            if run in current:
                continue
            removal.removed.append(run)
            if not dry_run:
                instance.delete_run(run)
        removal.kept += len(current)
    removal.notes.append(f"{events} events")
    return removal


def _in_parts(runs: Sequence[str]) -> list[list[str]]:
    return [list(runs[start : start + _RUNS_AT_ONCE]) for start in range(0, len(runs), _RUNS_AT_ONCE)]


def _remove_files(instance: dg.DagsterInstance, run: str, *, dry_run: bool) -> int:
    """Remove the logs and outputs of a run's steps.

    Returns:
        Their size in bytes.
    """
    storage = Path(instance.storage_directory())
    size = 0
    for folder in (storage / run, storage.parent / run):
        if folder.is_dir():
            size += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            if not dry_run:
                shutil.rmtree(folder, ignore_errors=True)
    return size
