"""Files of questions: a CSV as official releases write it, or as somebody's spreadsheet does.

A file that cannot be read as a whole is refused; a wrong line is answered by itself, and the others are read.
"""

import csv
import dataclasses
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from road_api.services.codes import FIELDS, CodeError, Field, read_cell
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES

SEPARATORS: Final = (";", ",")

ENCODINGS: Final = ("utf-8-sig", "cp1252")
"""Tried in this order: hardly any cp1252 text with an accent is valid UTF-8."""

_FIRST_LINE = re.compile(r"\S[^\r\n]*")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f]")


class CsvError(ValueError):
    """A file that cannot be read as a whole; the message says why."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line of the file.

    Attributes:
        line: where it starts, from 1; the header is usually line 1.
        codes: ``MODEL_FIELDS`` in order, NaN where unknown; empty if there is an error.
        field: the column that is wrong, None if none is or the line as a whole is wrong.
        reason: what is wrong, empty if nothing is.
    """

    line: int
    codes: tuple[float, ...] = ()
    field: str | None = None
    reason: str = ""


def read_csv(content: bytes) -> Iterator[CsvRow]:
    """Read the questions of a file, one by one.

    Args:
        content: CSV with ``,`` or ``;``, in UTF-8 (a byte order mark is fine) or cp1252, quoted or not, with a header
            that names the 13 features and any of the optional fields, in any case and order. Other columns are ignored,
            as are empty lines.

    Yields:
        A row for each line of the file, in its order.

    Raises:
        CsvError: the content is no text, has no header, lacks a column or has it twice, has no row, or breaks off
            inside quotes. Raised when the iteration reaches the fault.
    """
    encoding, separator = _recognise(content)
    records = _records(content, encoding, separator)
    _, header = next(records, (0, []))
    columns = [_Column(field, index) for field, index in zip(FIELDS, _find_columns(header), strict=True)]
    empty = True
    for line, cells in records:
        empty = False
        yield _read_row(line, cells, columns, len(header))
    if empty:
        raise CsvError("the file has a header and no row below it")


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a field stands, if anywhere, and what its cells meant so far: a large file repeats a few dozen of them."""

    field: Field
    index: int | None
    known: dict[str, float] = dataclasses.field(default_factory=dict)

    def read(self, cells: list[str]) -> float:
        if self.index is None:
            return math.nan
        cell = cells[self.index]
        code = self.known.get(cell)
        if code is None:
            code = self.known[cell] = read_cell(self.field, cell)
        return code


def _recognise(content: bytes) -> tuple[str, str]:
    """Find a file's encoding and separator."""
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        _refuse_binary(text)
        first_line = _FIRST_LINE.search(text)
        if first_line is None:
            raise CsvError("the file is empty")
        return encoding, max(SEPARATORS, key=first_line.group().count)
    raise CsvError("the file is no text in UTF-8 or cp1252; save it as CSV in UTF-8")


def _refuse_binary(text: str) -> None:
    if found := _CONTROL_CHARACTERS.search(text):
        raise CsvError(
            f"the file is no text: it holds the control character {found.group()!r}; save it as CSV in UTF-8"
        )


def _records(content: bytes, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is no blank line, with the line on which it starts; quotes may hold line ends."""
    # strict: an unclosed quote would otherwise swallow the rest of the file in silence.
    file = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CsvError(f"the file cannot be read from line {line} on: {error}") from error
        if len(cells) > 1 or any(cell.strip() for cell in cells):
            yield line, cells


def _find_columns(header: list[str]) -> list[int | None]:
    """Find where each of the model's fields stands; None for an optional one that is not there."""
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
        return CsvRow(line, reason=f"the line has {len(cells)} cells where the header has {width}")
    try:
        codes = [column.read(cells) for column in columns]
    except CodeError as error:
        return CsvRow(line, field=error.field.name, reason=error.reason)
    return CsvRow(line, tuple(codes))
