"""Parts of SQL that queries share: days in the time range of the dashboard, and codes in words."""

from collections.abc import Iterable
from typing import Final, Literal

from road_assets.core.departments import DEPARTMENTS
from road_assets.core.vocabulary import DATA_IN_FRENCH, FEATURE_BY_NAME, NOT_RECORDED

FRANCE: Final = "Europe/Paris"

_DAYS_ONE_BY_ONE: Final = 731
"""Two years."""

_AXIS_LETTERS: Final = 28

# A condition of its own: within the range it would keep Postgres from working out the range once for all rows.
_PUBLISHED: Final = "day <= (SELECT coalesce(max(last_day), 'infinity') FROM releases)"

_A_MONDAY: Final = "'1970-01-05'::date"

Labelled = Literal["lum", "atm", "catr"]
"""Columns of the vocabulary that ``accident_figures`` tells apart."""


def text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A name of SQL, as a column's in the answer."""
    return '"' + value.replace('"', '""') + '"'


def in_range(column: str) -> str:
    """Condition: a day, in French time, is in the time range of the dashboard."""
    return f"{column} BETWEEN {_day_of('From')} AND {_day_of('To')}"


def in_published_range(column: str) -> str:
    """Whether a day lies in the range, and is no day after the newest release: those repeat days that are counted."""
    return f"{in_range(column)} AND {_PUBLISHED}"


def ends_of_range() -> str:
    """The first and the last day of the range that is looked at, as a table ``ends (day)``."""
    return f"(VALUES ({_day_of('From')}), ({_day_of('To')})) AS ends (day)"


def summed_in_range() -> str:
    """Which rows of ``accident_figures`` add up to the published range: whole months, days before and after them."""
    return f"{_without_overlap(('month', 'day'), _day_of('From'), _day_of('To'))} AND {_PUBLISHED}"


def squares_in_range() -> str:
    """Which rows of ``accident_squares`` add up to the months that the range touches: whole years, and months."""
    first = _first_day_of("month", _day_of("From"))
    last = f"({_first_day_of('month', _day_of('To'))} + interval '1 month - 1 day')::date"
    return _without_overlap(("year", "month"), first, last)


def coarse_day(column: str) -> str:
    """The day itself or, of years, which have more days than a chart has room for, the Monday of its week."""
    step = f"CASE WHEN {_day_of('To')} - {_day_of('From')} > {_DAYS_ONE_BY_ONE} THEN 7 ELSE 1 END"
    return f"{column} - ({column} - {_A_MONDAY}) % {step}"


def _without_overlap(spans: tuple[str, str], first: str, last: str) -> str:
    long, short = spans
    begin = _first_day_of(long, f"{first} + interval '1 {long} - 1 day'")
    end = _first_day_of(long, f"{last} + interval '1 day'")
    return (
        f"(span = '{long}' AND day >= {begin} AND day < {end} OR "
        f"span = '{short}' AND day BETWEEN {first} AND {last} AND (day < {begin} OR day >= {end}))"
    )


def _first_day_of(span: str, day: str) -> str:
    # Of a date, date_trunc takes midnight in the session's time zone, which Postgres then works out for every row.
    return f"date_trunc('{span}', ({day})::timestamp)::date"


def _day_of(end: Literal["From", "To"]) -> str:
    return f"($__time{end}()::timestamptz AT TIME ZONE {text(FRANCE)})::date"


def midnight(column: str) -> str:
    """The beginning of a day of France, as the column ``time``."""
    return f"{column}::timestamp AT TIME ZONE {text(FRANCE)} AS time"


def moment(value: str) -> str:
    """A time with its zone as text of France to the minute: shorter than Grafana's, and sorts as it reads."""
    return f"to_char({value} AT TIME ZONE {text(FRANCE)}, 'YYYY-MM-DD HH24:MI')"


def of_dagster(column: str) -> str:
    """A time of Dagster's tables, which are in UTC and do not say so, with its zone."""
    return f"({column} AT TIME ZONE 'UTC')"


def duration(seconds: str) -> str:
    """Seconds as text, hours:minutes:seconds: a unit of Grafana would hold for every column of the table."""
    return f"to_char(make_interval(secs => ({seconds})), 'HH24:MI:SS')"


def shortened(column: str) -> str:
    """A label as far as an axis has room for it; Grafana cuts off the beginning."""
    short = f"left({column}, {_AXIS_LETTERS - 1}) || '…'"
    return f"CASE WHEN length({column}) > {_AXIS_LETTERS} THEN {short} ELSE {column} END"


def words(labels: Iterable[tuple[object, str]]) -> str:
    """Codes and their words as a table ``label (code, label)`` to join with."""
    rows = ", ".join(f"({text(str(code))}, {text(label)})" for code, label in labels)
    return f"(VALUES {rows}) AS label (code, label)"


def codes_of(column: Labelled) -> str:
    """The codebook's words of a column."""
    codes = (*FEATURE_BY_NAME[column].codes, NOT_RECORDED)
    return words((code.value, code.fr) for code in codes)


def departments() -> str:
    """The names of the départements."""
    return words(DEPARTMENTS.items())


def data_in_french(column: str) -> str:
    """Where the data comes from, in French."""
    cases = " ".join(f"WHEN {text(english)} THEN {text(french)}" for english, french in DATA_IN_FRENCH.items())
    return f"CASE {column} {cases} ELSE {column} END"
