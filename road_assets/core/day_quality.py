"""The share of a day's rows in quarantine, and the days that are damaged by it."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from road_assets.core.columns import DAY
from road_assets.core.quarantine import DERIVED_RULES, NO_USER_RULE, TABLE_COLUMN


@dataclass(frozen=True, slots=True)
class DayQuality:
    """Rows of a day that were kept and quarantined.

    Attributes:
        kept: users kept.
        bad: users in quarantine, and accidents without any user.
        rule: the rule broken most often, not counting rows quarantined because of another row; empty if none.
        example: file, line, column and value of a row that breaks it.
    """

    kept: int
    bad: int
    rule: str
    example: str

    @property
    def bad_share(self) -> float:
        """Share of the day's rows that is in quarantine; 0 for a day without rows."""
        return self.bad / (self.kept + self.bad) if self.bad else 0.0


def measure_quality(kept: int, quarantine: pd.DataFrame) -> DayQuality:
    """Measure a day, or the rows whose day is not known.

    Args:
        kept: users kept.
        quarantine: ``QUARANTINE_COLUMNS``, the day's rows only.

    Returns:
        The counts, and the rule broken most often.
    """
    lost = (quarantine[TABLE_COLUMN] == "usagers") | (quarantine["rule"] == NO_USER_RULE)
    causes = quarantine[~quarantine["rule"].isin(DERIVED_RULES)]
    causes = quarantine if causes.empty else causes
    if causes.empty:
        return DayQuality(kept, 0, "", "")
    rule = causes["rule"].value_counts().index[0]
    first = causes[causes["rule"] == rule].iloc[0]
    column = "" if pd.isna(first["column"]) else f", {first['column']}"
    return DayQuality(kept, int(lost.sum()), rule, f"{first['file']}, line {first['line']}{column}: {first['value']!r}")


def damaged_days(days: "pd.Series[pd.Timestamp]", quarantine: pd.DataFrame, *, limit: float) -> set[date]:
    """Days of a release with too large a share of rows in quarantine.

    Args:
        days: the day of each user kept.
        quarantine: ``QUARANTINE_COLUMNS``, of the whole release.
        limit: largest share allowed.

    Returns:
        The days above the limit; all days if the rows without a day exceed the limit for the whole release, since then
        no day is known to be complete.
    """
    kept = days.dt.date.value_counts()
    aside = quarantine[DAY].dt.date
    by_day: dict[date, pd.DataFrame] = {day: quarantine[aside == day] for day in aside.dropna().unique()}
    if measure_quality(len(days), quarantine[quarantine[DAY].isna()]).bad_share > limit:
        return {*kept.index, *by_day}
    return {day for day, rows in by_day.items() if measure_quality(int(kept.get(day, 0)), rows).bad_share > limit}
