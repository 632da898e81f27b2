"""CSV files of questions, as official releases or spreadsheets write them.

A file that cannot be read as a whole is refused. A wrong line is answered with its error, and the others are read.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from road_api.services.csv_text import CsvError, Dialect, detect_dialect, read_records
from road_api.services.field_codes import FIELDS, CodeError, Field, read_cell
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES

KNOWN_CELLS: Final = 1024
"""Different cells cached per column. Usual files have a few dozen; the limit is for files made to fill the memory."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line of the file.

    Attributes:
        line: number of the line where it starts; the header is usually line 1.
        cells: as in the file.
        codes: ``MODEL_FIELDS`` in order, NaN where unknown; empty if there is an error.
        field: the column that is wrong; None if no column is, or the line as a whole is.
        reason: what is wrong, empty if nothing is.
    """

    line: int
    cells: list[str]
    codes: tuple[float, ...] = ()
    field: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose header is valid.

    Attributes:
        dialect: how it is written.
        header: its column names as sent.
        rows: its rows, read lazily.
    """

    dialect: Dialect
    header: list[str]
    rows: Iterator[CsvRow]


def read_csv(file: IO[bytes], max_rows: int) -> CsvFile:
    """Read the questions of a file, one by one.

    Args:
        file: CSV as ``csv_text.detect_dialect`` accepts it. Its header names the 13 features and any of the optional
            fields, in any order, in upper or lower case. Other columns and empty lines are ignored. The file is read
            twice, in pieces.
        max_rows: largest number of rows that is accepted.

    Returns:
        The file, with a row for each of its lines, in their order.

    Raises:
        CsvError: the content is no text, has no header, lacks a column or has it twice, has no row, or breaks off
            inside quotes.
        TooManyRowsError: there are more rows.
    """
    dialect = detect_dialect(file, max_rows)
    records = read_records(file, dialect)
    _, header = next(records)
    columns = [_Column(field, index) for field, index in zip(FIELDS, _find_columns(header), strict=True)]
    if not dialect.rows:
        raise CsvError("the file has a header and no row below it")
    return CsvFile(dialect, header, (_read_row(line, cells, columns, len(header)) for line, cells in records))


@dataclass(frozen=True, slots=True)
class _Column:
    """The column of a field, if there is one, and a cache of its cells: large files repeat a few dozen of them."""

    field: Field
    index: int | None
    known: dict[str, float] = dataclasses.field(default_factory=dict)

    def read(self, cells: list[str]) -> float:
        if self.index is None:
            return math.nan
        cell = cells[self.index]
        code = self.known.get(cell)
        if code is None:
            code = read_cell(self.field, cell)
            if len(self.known) < KNOWN_CELLS:
                self.known[cell] = code
        return code


def _find_columns(header: list[str]) -> list[int | None]:
    """Find the column of each of the model's fields; None for an optional field without one."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in FEATURE_NAMES if name not in names]
    if len(missing) == len(FEATURE_NAMES):
        raise CsvError(f"the first line must be a header with the columns {', '.join(FEATURE_NAMES)}")
    if missing:
        raise CsvError(f"the header lacks {', '.join(missing)}; it must name all of {', '.join(FEATURE_NAMES)}")
    doubled = [name for name in MODEL_FIELDS if names.count(name) > 1]
    if doubled:
        raise CsvError(f"the header names {', '.join(doubled)} more than once; keep one column of each")
    return [names.index(name) if name in names else None for name in MODEL_FIELDS]


def _read_row(line: int, cells: list[str], columns: list[_Column], width: int) -> CsvRow:
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        return CsvRow(line, cells, reason=f"the line has {len(cells)} cells where the header has {width}")
    try:
        codes = [column.read(cells) for column in columns]
    except CodeError as error:
        return CsvRow(line, cells, field=error.field.name, reason=error.reason)
    return CsvRow(line, cells, tuple(codes))
