"""Days too much of which was set aside are named; the others are not."""

from datetime import date

import pandas as pd

from road_assets.core.day_quality import damaged_days
from road_assets.core.quarantine import QUARANTINE_COLUMNS

GOOD, BAD, LOST = date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)
LIMIT = 0.1


def kept(**rows: int) -> "pd.Series[pd.Timestamp]":
    days = [day for day, name in ((GOOD, "good"), (BAD, "bad")) for _ in range(rows.get(name, 0))]
    return pd.Series(pd.to_datetime(pd.Index(days)), name="day")


def aside(*days: date | None, table: str = "usagers") -> pd.DataFrame:
    rows = [
        {"day": pd.Timestamp(day) if day else pd.NaT, "source_table": table, "file": "f", "line": line, "rule": "r"}
        for line, day in enumerate(days, start=2)
    ]
    return pd.DataFrame(rows, columns=list(QUARANTINE_COLUMNS)).astype({"day": "datetime64[us]"})


def test_a_day_above_the_limit_is_damaged_and_one_at_the_limit_is_not() -> None:
    assert damaged_days(kept(good=90, bad=80), aside(*[GOOD] * 10, *[BAD] * 10), limit=LIMIT) == {BAD}


def test_a_day_lost_as_a_whole_is_damaged() -> None:
    assert damaged_days(kept(good=90), aside(LOST), limit=LIMIT) == {LOST}


def test_without_quarantine_no_day_is_damaged() -> None:
    assert damaged_days(kept(good=90), aside(), limit=LIMIT) == set()


def test_rows_of_other_tables_that_cost_no_user_do_not_count() -> None:
    assert damaged_days(kept(good=9), aside(*[GOOD] * 5, table="vehicules"), limit=LIMIT) == set()


def test_many_rows_that_tell_no_day_make_every_day_suspect() -> None:
    assert damaged_days(kept(good=50, bad=40), aside(*[None] * 9), limit=LIMIT) == set()
    assert damaged_days(kept(good=50, bad=40), aside(*[None] * 20, LOST), limit=LIMIT) == {GOOD, BAD, LOST}
