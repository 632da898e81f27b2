"""The release of a year: its official files read to one row per user, and compared with the days that are stored."""

import dataclasses
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import dagster as dg
import pandas as pd
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from road_assets.asset_names import BAAC_RELEASE, RAW_ACCIDENTS, RELEASE_DAYS
from road_assets.assets.common import OWNERS
from road_assets.core.day_quality import damaged_days
from road_assets.core.release_changes import NOTHING, Changes, consecutive, digest_days, digest_of, find_changes
from road_assets.days_to_materialize import LABEL, DaysToMaterialize, Span
from road_assets.partitions import DAILY, IN_ITS_YEAR, YEARLY, partition_days, to_key
from road_assets.reporting.metadata import preview, rows_per_day
from road_assets.resources.configuration import QualityLimits
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.releases.history import note_release
from road_assets.resources.releases.release import LoadedRelease
from road_assets.resources.releases.resource import ReleasesResource

QUARANTINE: Final = "quarantine"
"""Folder of the lake with the rows in quarantine, one file per year."""

DIGESTS: Final = RELEASE_DAYS
"""Folder of the lake with the digest of each published day, one file a year; it has the name of the asset."""

release_days = dg.AssetSpec(
    DIGESTS,
    deps=[dg.AssetDep(BAAC_RELEASE, partition_mapping=IN_ITS_YEAR)],
    partitions_def=DAILY,
    group_name="raw",
    owners=OWNERS,
    kinds={"parquet"},
    description=(
        "The content of each published day, as baac_release saw it: the data version is the digest of the day's rows. "
        "A new release makes stale only those days whose rows it changes."
    ),
)


@dg.asset(
    partitions_def=YEARLY,
    group_name="raw",
    owners=OWNERS,
    kinds={"csv", "parquet", "postgres"},
    io_manager_key="parquet",
    description=(
        "The four official files of a year, read in any dialect and joined to one row per user of an accident. "
        "Rows that break a rule are set aside in the table quarantine."
    ),
)
def baac_release(
    context: dg.AssetExecutionContext,
    releases: ReleasesResource,
    lake: Lake,
    database: Database,
    quality: QualityLimits,
) -> dg.Output[pd.DataFrame]:
    """Read the year's release; its data version is the hash of the files' content."""
    store = releases.store()
    loaded = store.load_release(store.find_release(int(context.partition_key)))
    _store_quarantine(loaded, lake, database)
    counts, data, users = loaded.counts, loaded.release.data_label, loaded.rows["usagers"]
    context.log.info("%s: %d users of %d accidents on %d days", data, counts.users, counts.accidents, counts.days)
    if users.quarantined:
        context.log.warning("%d of %d users are in quarantine", users.quarantined, users.rows_in)
    if loaded.unknown_columns:
        context.log.warning("columns that no codebook has, and that are not read: %s", _list_columns(loaded))
    frame = loaded.frame.assign(data_source=data)
    changes = _report_changes(context, frame, loaded.release.year, lake)
    note_release(database, loaded, changes)
    damaged = damaged_days(frame["day"], loaded.quarantine, limit=quality.max_bad_rows_share)
    return dg.Output(
        frame,
        data_version=dg.DataVersion(loaded.content_hash),
        metadata={
            "dagster/row_count": counts.users,
            "accidents": counts.accidents,
            "days": counts.days,
            "data": data,
            "content hash": loaded.content_hash,
            **_change_metadata(changes, damaged),
            "users in": users.rows_in,
            "users kept": users.kept,
            "users quarantined": users.quarantined,
            "later place rows left out": counts.place_rows_dropped,
            "vehicles without a user": counts.vehicles_without_user,
            "users without a vehicle": counts.users_without_vehicle,
            "users who fled (sex unknown)": counts.hit_and_run,
            "users per day": rows_per_day(loaded.frame["day"]),
            "columns not read": _list_columns(loaded) or "none",
            "preview": preview(loaded.frame),
            **_quarantine_metadata(loaded),
        },
    )


def _store_quarantine(loaded: LoadedRelease, lake: Lake, database: Database) -> None:
    """Store the quarantine in the lake, for the checks, and in Postgres, for people, in place of the last one."""
    year = loaded.release.year
    lake.write_year(QUARANTINE, year, loaded.quarantine)
    rows = loaded.quarantine.assign(release_year=year)
    database.replace_rows("quarantine", rows, "release_year", values=[year])


def _list_columns(loaded: LoadedRelease) -> str:
    return "; ".join(f"{table}: {', '.join(names)}" for table, names in loaded.unknown_columns.items())


def _quarantine_metadata(loaded: LoadedRelease) -> dict[str, dg.TableMetadataValue]:
    files = [
        {"file": loaded.release.files[table].name, **dataclasses.asdict(counts)}
        for table, counts in loaded.rows.items()
    ]
    rules = loaded.quarantine.groupby(["file", "rule"]).size().reset_index(name="rows")
    return {
        "rows per file": preview(pd.DataFrame(files)),
        "rules broken": preview(rules.sort_values("rows", ascending=False), rows=len(rules)),
        "quarantine": preview(loaded.quarantine),
    }


def _report_changes(context: dg.AssetExecutionContext, frame: pd.DataFrame, year: int, lake: Lake) -> Changes:
    """Compare the release with the stored days, and report a new data version for days that differ."""
    known = {stored: _digests(lake, stored) for stored in lake.stored_years(DIGESTS)}
    published = {**known, year: digest_days(frame)}
    days = partition_days()
    stored, replays = _stored(lake, year, is_newest=year == max(published), last=max(map(max, published.values())))
    changes = find_changes(year, published, stored, replays, partitions=days)
    before = known.get(year, {})
    versions = {
        **{day: published[year].get(day, NOTHING) for day in {*before, *published[year]}},
        **{day: digest_of(day, published) or NOTHING for day in changes.to_materialize},
    }
    for day, digest in sorted(versions.items()):
        if days[0] <= day <= days[-1] and (before.get(day) != digest or day in changes.to_materialize):
            version = {DATA_VERSION_TAG: digest}
            context.log_event(dg.AssetObservation(DIGESTS, partition=to_key(day), tags=version))
    # Last, so that after a kill the next run reports the changes again.
    lake.write_year(DIGESTS, year, pd.DataFrame(published[year].items(), columns=["day", "digest"]))
    if changes.withdrawn:
        context.log.warning(
            "%d stored days, %s to %s, are not in this release; they stay as they are. Is the file whole?",
            len(changes.withdrawn), changes.withdrawn[0], changes.withdrawn[-1],
        )  # fmt: skip
    return changes


def _digests(lake: Lake, year: int) -> dict[date, str]:
    rows = lake.read_year(DIGESTS, year)
    return {day.date(): digest for day, digest in zip(pd.to_datetime(rows["day"]), rows["digest"], strict=True)}


def _stored(lake: Lake, year: int, *, is_newest: bool, last: date) -> tuple[dict[date, str], set[date]]:
    """Digests of the stored days that the release may change, and which of them are replays."""
    days = [day for day in lake.stored_days(RAW_ACCIDENTS) if day.year == year or (is_newest and day > last)]
    if not days:
        return {}, set()
    rows = lake.read_days(RAW_ACCIDENTS, days)
    replays = rows.loc[rows["replayed_from"].notna(), "day"].dt.date
    return {**dict.fromkeys(days, NOTHING), **digest_days(rows)}, set(replays)


def _change_metadata(changes: Changes, damaged: set[date]) -> dict[str, Any]:
    asked = DaysToMaterialize(
        spans=_spans(day for day in changes.to_materialize if day not in damaged),
        damaged=_spans(day for day in changes.to_materialize if day in damaged),
    )
    return {
        "new days": len(changes.new),
        "changed days": len(changes.changed),
        "unchanged days": changes.unchanged,
        "stored days not in this release, kept": len(changes.withdrawn),
        "damaged days": ", ".join(map(str, sorted(damaged)[:10])) or "none",
        LABEL: dg.MetadataValue.json(asked.model_dump(mode="json")),
    }


def _spans(days: Iterable[date]) -> tuple[Span, ...]:
    return tuple((to_key(first), to_key(last)) for first, last in consecutive(days))
