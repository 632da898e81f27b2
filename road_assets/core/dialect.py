"""Reads one official file, in any dialect published for 2005 to 2024, into a canonical frame.

Here: recognising the table from the file name, checking the columns, making the day of the accident from three columns,
and collecting the cells that cannot be read. ``records`` splits files into records, and ``cells`` parses cells. Codes
are compared with the codebook in ``quarantine``, not here.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from road_assets.core.cells import ARROW_TYPES, READERS, REASONS
from road_assets.core.columns import ACCIDENT, ALIASES, DAY, FIRST_YEAR_OF_NEW_DIALECT, TABLE_COLUMNS, Column
from road_assets.core.records import DialectError, Problem, Records, parse_records
from road_assets.core.vocabulary import Table

__all__ = ["DialectError", "Problem", "Reading", "scan_table", "table_of", "year_of"]

_FILE_NAME: Final = re.compile(
    r"(?:ech[_-])?(?:(?P<caracteristiques>cara?ct\w*?)|(?P<lieux>lieux)|(?P<vehicules>vehicules)|(?P<usagers>usagers))"
    r"(?:[_-](?P<year>20\d\d))?\.csv"
)
_ACCIDENT_NUMBER: Final = re.compile(r"(?<!\d)20\d{10}(?!\d)")
"""An accident number anywhere in a line that is not a record."""

_PANDAS_TYPES: Final = {
    pa.int16(): pd.Int16Dtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}
_DATE_PARTS: Final = ("an", "mois", "jour")
_CENTURY: Final = 2000
_SHORT_YEAR: Final = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """The contents of a file.

    Attributes:
        frame: one row per readable record in the order of the file, with every column of ``TABLE_COLUMNS[table]`` (null
            where the year lacks it) and, for the accidents, ``day`` at midnight. Codes are Int16, texts strings, ``pr``
            and ``pr1`` float64 (7.5 occurs), coordinates float64 in degrees, widths float64 in metres.
        lines: shape (rows,), the line of each row in the file.
        problems: every place that cannot be read; records with one are not in the frame.
        unknown_columns: names in the header that no codebook knows; their content is not read.
        unreadable: ``line``, ``num_acc`` and ``day`` of the lines with a problem, null where not readable either; one
            row per line, ordered by line.
    """

    frame: pd.DataFrame
    lines: npt.NDArray[np.int64]
    problems: tuple[Problem, ...]
    unknown_columns: tuple[str, ...]
    unreadable: pd.DataFrame


def table_of(filename: str) -> Table | None:
    """Recognise the table of a file named like ``carcteristiques-2021.csv``, ``caract-2024.csv`` or ``ech_lieux.csv``.

    Args:
        filename: the last part of a path; case and accents do not matter.

    Returns:
        The table, or None for a file that is none of the four.
    """
    match = _FILE_NAME.fullmatch(_plain(filename))
    for table in TABLE_COLUMNS:
        if match and match[table]:
            return table
    return None


def year_of(filename: str) -> int | None:
    """The year in the name of one of the four files; None if the name has none."""
    match = _FILE_NAME.fullmatch(_plain(filename))
    return int(match["year"]) if match and match["year"] else None


def scan_table(table: Table, content: bytes, *, name: str) -> Reading:
    """Read one file as far as possible, and report what cannot be read, for the caller to decide.

    Args:
        table: which of the four it is.
        content: the whole file.
        name: for messages.

    Returns:
        The readable rows and the problems: each line that is not blank is in one of the two.

    Raises:
        DialectError: the file as a whole is not this table.
    """
    records = parse_records(content, name=name)
    positions, unknown = _find_columns(table, records.header, name)
    reader = _RecordReader(records, positions)
    columns = {column.name: reader.read(column) for column in TABLE_COLUMNS[table]}
    if table == "caracteristiques":
        columns["an"], columns[DAY] = reader.make_days(columns)
        columns["com"] = _full_communes(columns["com"], columns["dep"])
    read, unreadable = pa.table(columns), reader.unreadable
    frame = read.filter(pa.array(~unreadable)).to_pandas(types_mapper=_PANDAS_TYPES.get)
    problems = sorted((*records.problems, *reader.problems), key=lambda problem: problem.line)
    keys = _keys_of_unreadable(read.filter(pa.array(unreadable)), records.lines[unreadable], records.problems)
    return Reading(frame, records.lines[~unreadable], tuple(problems), unknown, keys)


class _RecordReader:
    """Reads the columns of some records and collects what cannot be read."""

    def __init__(self, records: Records, positions: dict[str, int]) -> None:
        self._records = records
        self._positions = positions
        self.problems: list[Problem] = []
        self.unreadable = np.zeros(len(records.lines), dtype=np.bool_)
        self._old = np.zeros(len(records.lines), dtype=np.bool_)
        accidents = self.read(Column(ACCIDENT, "accident"), required=True)
        self._years = pc.cast(pc.utf8_slice_codeunits(accidents, 0, 4), pa.int16()).fill_null(0).to_numpy()
        self._old = (self._years > 0) & (self._years < FIRST_YEAR_OF_NEW_DIALECT)
        self._seen_accidents = accidents

    def read(self, column: Column, *, required: bool = False) -> pa.Array:
        """Read one column.

        Returns:
            Canonical values, null where not recorded, unreadable, or where the file lacks the column.
        """
        if column.name == ACCIDENT and not required:
            return self._seen_accidents
        if column.name not in self._positions:
            return pa.nulls(len(self._old), ARROW_TYPES[column.kind])
        texts = self._records.columns[self._positions[column.name]]
        codes = texts.indices.to_numpy(zero_copy_only=False)
        values: pa.Array = pa.nulls(len(codes), ARROW_TYPES[column.kind])
        wrong = np.zeros(len(codes), dtype=np.bool_)
        for old in (False, True):
            ours = self._old == old
            if not ours.any():
                continue
            cells = READERS[column.kind](texts.dictionary, column, old=old)
            values = pc.if_else(pa.array(ours), cells.canonical.take(texts.indices), values)
            wrong |= cells.unreadable[codes] & ours
        self.refuse(wrong, column.name, REASONS[column.kind])
        if required:
            self.refuse(values.is_null().to_numpy(zero_copy_only=False) & ~wrong, column.name, REASONS[column.kind])
        return values

    def make_days(self, columns: dict[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
        """Make the day of each accident from its parts.

        Returns:
            The years with four digits, and the days as timestamps in microseconds.
        """
        year, month, day = (columns[part].fill_null(0).to_numpy().astype(np.int64) for part in _DATE_PARTS)
        year = np.where((year > 0) & (year < _SHORT_YEAR), year + _CENTURY, year)
        in_range = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004 - months of a year
        months = np.where(in_range, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + np.where(in_range, day - 1, 0)
        exists = in_range & (days.astype("datetime64[M]") == months)
        show = self._show(_DATE_PARTS)
        already = self.unreadable.copy()
        self.refuse(~exists & ~already, "/".join(_DATE_PARTS), "there is no such date", show)
        self.refuse(
            exists & (year != self._years) & ~already,
            "/".join(_DATE_PARTS),
            "the year is not the one the accident number begins with",
            show,
        )
        stamps = pa.array(days.astype("datetime64[us]"), mask=~exists)
        return pa.array(year.astype(np.int16), mask=~exists), stamps

    def refuse(
        self, rows: npt.NDArray[np.bool_], column: str, reason: str, show: Callable[[int], str] | None = None
    ) -> None:
        """Note rows whose value in a column cannot be read."""
        show = show or self._show((column,))
        self.unreadable |= rows
        self.problems += [
            Problem(int(self._records.lines[row]), column, show(int(row)), reason) for row in np.flatnonzero(rows)
        ]

    def _show(self, names: tuple[str, ...]) -> Callable[[int], str]:
        columns = [self._records.columns[self._positions[name]] for name in names]
        return lambda row: "/".join(str(column[row].as_py()) for column in columns)


def _keys_of_unreadable(read: pa.Table, lines: npt.NDArray[np.int64], broken: tuple[Problem, ...]) -> pd.DataFrame:
    """Accident and day of unreadable lines, so that rows which depend on them can be quarantined, too."""
    numbers = [match[0] if (match := _ACCIDENT_NUMBER.search(problem.value)) else None for problem in broken]
    known = read[ACCIDENT].to_pylist() if len(read) else []
    days = read[DAY].to_pandas() if len(read) and DAY in read.column_names else [pd.NaT] * len(read)
    keys = pd.DataFrame(
        {
            "line": pd.Series([*lines, *(problem.line for problem in broken)], dtype="int64"),
            ACCIDENT: pd.Series([*known, *numbers], dtype=_PANDAS_TYPES[pa.string()]),
            DAY: pd.Series([*days, *[pd.NaT] * len(broken)], dtype="datetime64[us]"),
        }
    )
    return keys.sort_values("line", ignore_index=True)


def _find_columns(table: Table, header: tuple[str, ...], name: str) -> tuple[dict[str, int], tuple[str, ...]]:
    known = {column.name for column in TABLE_COLUMNS[table]}
    positions: dict[str, int] = {}
    unknown = []
    for position, written in enumerate(header):
        column = ALIASES.get(written.lower(), written.lower())
        if column not in known:
            unknown.append(written)
        elif column in positions:
            raise DialectError(name, f"line 1 names the column {written!r} twice; which one counts cannot be told")
        else:
            positions[column] = position
    missing = [column.name for column in TABLE_COLUMNS[table] if column.required and column.name not in positions]
    if table in {"vehicules", "usagers"} and not {"id_vehicule", "num_veh"} & positions.keys():
        missing.append("id_vehicule or num_veh")
    if missing:
        raise DialectError(
            name,
            f"line 1 lacks the columns {', '.join(missing)} of the table {table}; it names {', '.join(header)}. "
            "Is it another table, or was the header lost? Get the official file",
        )
    return positions, tuple(unknown)


def _full_communes(communes: pa.Array, departments: pa.Array) -> pa.Array:
    """Prefix communes of three digits with the department, as INSEE and the files since 2019 write them."""
    overseas = pc.equal(pc.utf8_length(departments), 3)
    own_digits = pc.if_else(overseas, pc.utf8_slice_codeunits(communes, 1, 3), communes)
    joined = pc.binary_join_element_wise(departments, own_digits, "")
    return pc.if_else(pc.equal(pc.utf8_length(communes), 3), joined, communes)


def _plain(filename: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", filename.lower()) if not unicodedata.combining(c))
