"""The users of each day's accidents: the release split into days; days after the newest release replay its days."""

from collections.abc import Iterator, Mapping
from datetime import date

import dagster as dg
import pandas as pd

from road_assets.asset_names import BAAC_RELEASE, RAW_ACCIDENTS
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.assets.release import QUARANTINE, release_days
from road_assets.checks.contracts import (
    bad_rows_spec,
    check_bad_rows,
    check_contract,
    contract_spec,
    store_if_passed,
)
from road_assets.core.day_quality import DayQuality, measure_quality
from road_assets.core.replay import source_day
from road_assets.partitions import DAILY, to_days
from road_assets.reporting.metadata import keep_large_for_last_day, preview, rows_per_day
from road_assets.resources.configuration import QualityLimits
from road_assets.resources.lake import Lake


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    deps=[release_days],
    group_name="raw",
    owners=OWNERS,
    kinds={"parquet"},
    io_manager_key="parquet",
    check_specs=[contract_spec(RAW_ACCIDENTS), bad_rows_spec],
    description=(
        "The users of the day's accidents. A day that no release holds yet repeats a published one, and says so."
    ),
)
def raw_accidents(
    context: dg.AssetExecutionContext, lake: Lake, quality: QualityLimits
) -> Iterator[dg.AssetCheckResult | dg.Output[pd.DataFrame]]:
    """Split the releases into days; replay the newest year for days after it."""
    days = to_days(list(context.partition_keys))
    published = {year: lake.days_of_year(BAAC_RELEASE, year) for year in lake.stored_years(BAAC_RELEASE)}
    sources = {day: _source_of(day, published) for day in days}
    frame = _read(lake, sources)
    replayed = {day: source for day, source in sources.items() if day != source}
    output = dg.Output(
        frame,
        metadata={
            "dagster/row_count": len(frame),
            "accidents": int(frame["num_acc"].nunique()),
            "days": len(days),
            "replayed days": len(replayed),
            "replayed_from": ", ".join(f"{day} repeats {source}" for day, source in list(replayed.items())[:10])
            or "none",
            "data": ", ".join(frame["data_source"].unique()),
            "users per day": rows_per_day(frame["day"]),
            "preview": preview(frame),
        },
    )
    measured = _measure_days(lake, frame, sources)
    results = (
        check_contract(frame, RAW_ACCIDENTS),
        check_bad_rows(*measured, limit=quality.max_bad_rows_share),
    )
    yield from store_if_passed(output.with_metadata(keep_large_for_last_day(context, output.metadata)), results)


def _measure_days(
    lake: Lake, frame: pd.DataFrame, sources: Mapping[date, date]
) -> tuple[dict[date, DayQuality], dict[int, DayQuality]]:
    """Quality of each day, and of each release's rows without a day."""
    years = sorted({source.year for source in sources.values()})
    aside = pd.concat([_quarantine_of(lake, year) for year in years], ignore_index=True)
    by_day = {day.date(): rows for day, rows in aside.groupby("day")}
    kept = frame["day"].dt.date.value_counts()
    none = aside.head(0)
    days = {
        # A day whose rows are all in quarantine has no row left, and would look like a day to be replayed.
        day: measure_quality(int(kept.get(day, 0)), by_day.get(source, none))
        if day == source or day not in by_day
        else measure_quality(0, by_day[day])
        for day, source in sources.items()
    }
    undated = aside[aside["day"].isna()].groupby("release_year")
    return days, {
        int(year): measure_quality(lake.rows_of_year(BAAC_RELEASE, int(year)), rows) for year, rows in undated
    }


def _quarantine_of(lake: Lake, year: int) -> pd.DataFrame:
    if year not in lake.stored_years(QUARANTINE):
        raise dg.Failure(
            f"the release of {year} was read without a quarantine; materialize baac_release for {year} again",
            allow_retries=False,
        )
    return lake.read_year(QUARANTINE, year).assign(release_year=year)


def _source_of(day: date, published: dict[int, list[date]]) -> date:
    """The published day whose rows a day gets: itself where a release covers it."""
    if not published:
        raise dg.Failure("no release was materialized; materialize baac_release for a year first", allow_retries=False)
    source = source_day(day, published)
    if source is None:
        raise dg.Failure(
            f"no release holds {day}: the stored ones cover {', '.join(_span(days) for days in published.values())}; "
            f"materialize baac_release for {day.year}, or leave the day out",
            allow_retries=False,
        )
    return source


def _span(days: list[date]) -> str:
    return f"{days[0]} to {days[-1]}"


def _read(lake: Lake, sources: dict[date, date]) -> pd.DataFrame:
    years = sorted({source.year for source in sources.values()})
    targets = pd.DataFrame({"source": list(sources.values()), "target": list(sources)}).astype("datetime64[us]")
    parts = [_placed(lake.read_year(BAAC_RELEASE, year, days=set(sources.values())), targets) for year in years]
    rows = pd.concat(parts, ignore_index=True)
    # Many years without replays are sorted already; sorting would copy them.
    return rows if rows["day"].is_monotonic_increasing else rows.sort_values("day", kind="stable", ignore_index=True)


def _placed(rows: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Move rows of published days to the days that they are replayed on."""
    placed = rows.merge(targets, left_on="day", right_on="source", how="inner")
    placed["replayed_from"] = placed["source"].where(placed["source"] != placed["target"])
    placed["day"] = placed["target"]
    return placed.drop(columns=["source", "target"])
