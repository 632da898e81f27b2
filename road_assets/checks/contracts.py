"""Data contracts as blocking asset checks, evaluated before the frame is stored.

A frame that breaks its contract is not stored, so no later run can read it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

import dagster as dg
import pandas as pd

from road_assets.asset_names import RAW_ACCIDENTS
from road_assets.core.contracts import Frame, find_violations
from road_assets.core.day_quality import DayQuality
from road_assets.reporting.metadata import preview

CONTRACT: Final = "contract"
BAD_ROWS: Final = "bad_rows"

_SHOWN_DAYS: Final = 5

bad_rows_spec = dg.AssetCheckSpec(
    BAD_ROWS,
    asset=RAW_ACCIDENTS,
    blocking=True,
    description="No day has more than a set share of its rows in quarantine (ROAD_MAX_BAD_ROWS_SHARE).",
)


def contract_spec(frame: Frame) -> dg.AssetCheckSpec:
    """The check of an asset's frame against its contract."""
    return dg.AssetCheckSpec(
        CONTRACT,
        asset=frame,
        blocking=True,
        description="Keys, codes and marks are what the vocabulary and the codebook allow.",
    )


def check_contract(rows: pd.DataFrame, frame: Frame) -> dg.AssetCheckResult:
    """Compare rows with their contract.

    Args:
        rows: of any number of days.
        frame: name of the asset.
    """
    violations = find_violations(rows, frame)
    broken = "; ".join(map(str, violations))
    return dg.AssetCheckResult(
        check_name=CONTRACT,
        passed=not violations,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{frame} breaks its contract: {broken}" if violations else f"{len(rows)} rows keep the contract",
        metadata={"rows": len(rows), "rules broken": len(violations)},
    )


def check_bad_rows(
    days: Mapping[date, DayQuality], undated: Mapping[int, DayQuality], limit: float
) -> dg.AssetCheckResult:
    """Fail if too much of a day is in quarantine, or so many rows without a day that no day is known to be complete.

    Args:
        days: quality of each day of the run.
        undated: quality of the rows without a day, per release; their ``kept`` is that of the whole release.
        limit: largest share allowed.
    """
    damaged = {day: quality for day, quality in days.items() if quality.bad_share > limit}
    years = {year: quality for year, quality in undated.items() if quality.bad_share > limit}
    sentences = [_of_day(day, damaged[day], limit) for day in sorted(damaged)[:_SHOWN_DAYS]]
    sentences += [_of_year(year, quality, limit) for year, quality in years.items()]
    if len(damaged) > _SHOWN_DAYS:
        sentences.append(f"{len(damaged) - _SHOWN_DAYS} more days are damaged, the last one {max(damaged)}.")
    if sentences:
        sentences.append(_what_to_do(days, damaged))
    bad = sum(quality.bad for quality in days.values())
    return dg.AssetCheckResult(
        check_name=BAD_ROWS,
        passed=not sentences,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(sentences) or f"{bad} rows of {len(days)} days are in quarantine, no day above the limit",
        metadata={
            "limit": limit,
            "rows kept": sum(quality.kept for quality in days.values()),
            "rows in quarantine": bad,
            "days above the limit": ", ".join(map(str, sorted(damaged))) or "none",
            "worst days": preview(_table(days)),
        },
    )


def store_if_passed(
    output: dg.Output[pd.DataFrame], results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult | dg.Output[pd.DataFrame]]:
    """Yield the check results, and the output only if all of them passed.

    Raises:
        Failure: a check failed; the failure says why.
    """
    failed = []
    for result in results:
        yield result
        if not result.passed:
            failed.append(result.description or "")
    if failed:
        raise dg.Failure(" ".join(failed), allow_retries=False)
    yield output


def _of_day(day: date, quality: DayQuality, limit: float) -> str:
    rows = quality.kept + quality.bad
    return (
        f"{day}: {quality.bad} of {rows} rows ({quality.bad_share:.0%}) are in quarantine, more than the {limit:.0%} "
        f"allowed; most frequent: {quality.rule}, as in {quality.example}."
    )


def _of_year(year: int, quality: DayQuality, limit: float) -> str:
    return (
        f"The release of {year}: {quality.bad} rows ({quality.bad_share:.0%}) are in quarantine and do not tell their "
        f"day, more than the {limit:.0%} allowed, so that no day is known to be whole; most frequent: {quality.rule}, "
        f"as in {quality.example}."
    )


def _what_to_do(days: Mapping[date, DayQuality], damaged: Mapping[date, DayQuality]) -> str:
    others = " Days that are not named can be materialized without these." if len(days) > len(damaged) > 0 else ""
    return (
        "Nothing of this run was stored. Correct the file or get it again, materialize baac_release for its year, then "
        "these days; or raise ROAD_MAX_BAD_ROWS_SHARE. The table quarantine lists every row with its line and rule."
        + others
    )


def _table(days: Mapping[date, DayQuality]) -> pd.DataFrame:
    worst = sorted(days.items(), key=lambda item: -item[1].bad_share)
    return pd.DataFrame(
        [
            {"day": str(day), "kept": quality.kept, "quarantined": quality.bad, "rule": quality.rule}
            for day, quality in worst
            if quality.bad
        ],
        columns=["day", "kept", "quarantined", "rule"],
    )
