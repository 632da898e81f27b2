"""How much of a day was set aside, and whether what is left of it can be trusted."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from road_assets.core.columns import DAY
from road_assets.core.quarantine import DERIVED_RULES, NO_USER_RULE, TABLE_COLUMN


@dataclass(frozen=True, slots=True)
class DayQuality:
    """How much of a day was set aside.

    Attributes:
        kept: users that go on.
        bad: users in quarantine, and accidents nobody of whom is known.
        rule: the rule most often broken, the first cause where one row drags others along; empty where none is.
        example: where it is broken: file, line, column and value.
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
    """Tell how much of a day, or of the rows that tell no day, was set aside.

    Args:
        kept: users that go on.
        quarantine: ``QUARANTINE_COLUMNS``, the day's rows only.

    Returns:
        The counts, and what is most often wrong.
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
    """Days of a release too much of which was set aside.

    Args:
        days: the day of each user that goes on.
        quarantine: ``QUARANTINE_COLUMNS``, of the whole release.
        limit: largest share allowed.

    Returns:
        The days above the limit; all days where the rows that do not tell their day are more than that of the release,
        since then no day is known to be whole.
    """
    kept = days.dt.date.value_counts()
    aside = quarantine[DAY].dt.date
    by_day: dict[date, pd.DataFrame] = {day: quarantine[aside == day] for day in aside.dropna().unique()}
    if measure_quality(len(days), quarantine[quarantine[DAY].isna()]).bad_share > limit:
        return {*kept.index, *by_day}
    return {day for day, rows in by_day.items() if measure_quality(int(kept.get(day, 0)), rows).bad_share > limit}
