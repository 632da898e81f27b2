"""Splits the bytes of a CSV file into records of texts: encoding, separator, header, and lines that are not records.

A record is one line: no official field contains a line break, so an unclosed quote cannot swallow the lines after it.
Usually Arrow parses the whole file at once. Only if the result is not as expected, the lines are checked one by one, to
name the broken ones.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

SEPARATORS: Final = (";", ",", "\t")
"""Separators since 2019, before 2019, and in the characteristics of 2009."""

_BOM: Final = b"\xef\xbb\xbf"
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_UNREADABLE: Final = "\ufffd"
_SHOWN_PROBLEMS: Final = 5
_SHOWN_VALUE: Final = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One place of a file that cannot be read.

    Attributes:
        line: number in the file, the header being 1.
        column: canonical name; empty where the line as a whole is broken.
        value: the text at this place.
        reason: what was expected.
    """

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        """Format it as a part of a message."""
        value = self.value if len(self.value) <= _SHOWN_VALUE else self.value[:_SHOWN_VALUE] + "…"
        return f"line {self.line}{', ' if self.column else ''}{self.column}: {value!r}: {self.reason}"


class DialectError(ValueError):
    """A file that is not one of the official tables, or that is damaged.

    Attributes:
        name: the file's name.
        problems: the places, where they are known.
    """

    def __init__(self, name: str, message: str, problems: Iterable[Problem] = ()) -> None:
        """Compose the message.

        Args:
            name: the file's name.
            message: what is wrong and what to do.
            problems: places; the first few are shown.
        """
        self.name = name
        self.problems = tuple(problems)
        shown = "".join(f"\n  {problem}" for problem in self.problems[:_SHOWN_PROBLEMS])
        more = len(self.problems) - _SHOWN_PROBLEMS
        super().__init__(f"{name}: {message}{shown}" + (f"\n  and {more} more" if more > 0 else ""))


@dataclass(frozen=True, slots=True)
class Records:
    """The well-formed records of a file.

    Attributes:
        header: names as they stand in the file, trimmed.
        columns: one dictionary-encoded array of texts for each name; blanks are still texts.
        lines: shape (records,), line of each record in the file.
        problems: lines that are no records.
    """

    header: tuple[str, ...]
    columns: tuple[pa.DictionaryArray, ...]
    lines: npt.NDArray[np.int64]
    problems: tuple[Problem, ...]


def parse_records(content: bytes, *, name: str) -> Records:
    """Split a file into records.

    Args:
        content: the whole file.
        name: for messages.

    Returns:
        Its records and its broken lines, together all lines that are not blank.

    Raises:
        DialectError: the file is not text, is empty, has a header only, or its first line is not a header.
    """
    body = as_utf8(content, name=name)
    first, _, rest = body.partition(b"\n")
    separator, header = _read_header(first.decode(), name)
    filled = rest.strip(b"\n")
    if not filled:
        raise DialectError(name, "holds a header and no row; get the file again, it was cut off or never filled")
    blank_before = len(rest) - len(rest.lstrip(b"\n"))
    field = re.compile(rf'"(?:[^"]|"")*+"[^{separator}]*+|[^"{separator}][^{separator}]*+|')
    last = filled[filled.rfind(b"\n") + 1 :].decode()
    # Arrow closes a quote that is open at the end of the file, and would accept a truncated value as a whole one.
    if b"\n\n" not in filled and not _what_is_wrong(last, field, separator, len(header)):
        columns = _parse(filled, separator, len(header), filled.count(b"\n") + 1)
        if columns is not None:
            return Records(header, columns, np.arange(len(columns[0]), dtype=np.int64) + 2 + blank_before, ())
    return _parse_by_line(rest, field, separator, header, name)


def as_utf8(content: bytes, *, name: str) -> bytes:
    r"""Decode a text from UTF-8 or cp1252.

    Args:
        content: UTF-8, with or without a byte order mark, or cp1252.
        name: for messages.

    Returns:
        The same in UTF-8 with ``\n`` at line ends.

    Raises:
        DialectError: it is empty, is no text, or is UTF-8 with broken characters.
    """
    body = content.removeprefix(_BOM)
    if not body.strip():
        raise DialectError(name, "is empty; get the file again")
    binary = _BINARY.search(body)
    if binary:
        line = body.count(b"\n", 0, binary.start()) + 1
        raise DialectError(name, f"is no text (byte {binary[0]!r} in line {line}); a CSV file is expected, not packed")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        _refuse_broken_utf8(body, error, name)
        # Python leaves five bytes of cp1252 undefined; browsers read them as control characters, and so does this.
        body = body.decode("cp1252", errors="surrogateescape").encode("utf-8", errors="replace")
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in body else body


def _refuse_broken_utf8(body: bytes, error: UnicodeDecodeError, name: str) -> None:
    """Refuse UTF-8 with a few broken characters. In cp1252, almost no accented letter is valid UTF-8."""
    decoded = body.decode(errors="replace")
    broken = decoded.count(_UNREADABLE)
    beyond_ascii = len(decoded) - len(decoded.encode("ascii", errors="ignore"))
    if beyond_ascii - broken > broken:
        line = body.count(b"\n", 0, error.start) + 1
        raise DialectError(name, f"is UTF-8 with {broken} broken characters, the first in line {line}; get it again")


def _read_header(line: str, name: str) -> tuple[str, tuple[str, ...]]:
    separator = max(SEPARATORS, key=line.count)
    (fields,) = csv.reader([line], delimiter=separator)
    header = tuple(field.strip() for field in fields)
    if len(header) == 1:
        raise DialectError(
            name, f"line 1 {line[:80]!r} is no header of an official table; names with ; or , between them are expected"
        )
    return separator, header


def _parse(body: bytes, separator: str, width: int, rows: int) -> tuple[pa.DictionaryArray, ...] | None:
    """Parse all lines at once; None if they are not all records of ``width`` fields."""
    names = [str(position) for position in range(width)]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(body),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != rows:
        return None
    return tuple(_one_chunk(column) for column in table.unify_dictionaries().columns)


def _one_chunk(column: pa.ChunkedArray) -> pa.DictionaryArray:
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _parse_by_line(rest: bytes, field: re.Pattern[str], separator: str, header: tuple[str, ...], name: str) -> Records:
    kept, lines, problems = [], [], []
    for number, line in enumerate(rest.decode().split("\n"), start=2):
        if not line:
            continue
        reason = _what_is_wrong(line, field, separator, len(header))
        if reason:
            problems.append(Problem(number, "", line, reason))
        else:
            kept.append(line)
            lines.append(number)
    columns = _parse("\n".join(kept).encode(), separator, len(header), len(kept)) if kept else None
    if columns is None:
        raise DialectError(name, "no line, or not each of them, can be read as a record; get the file again", problems)
    return Records(header, columns, np.array(lines, dtype=np.int64), tuple(problems))


def _what_is_wrong(line: str, field: re.Pattern[str], separator: str, width: int) -> str:
    position, found = 0, 0
    while True:
        match = field.match(line, position)
        if match is None or (match.end() < len(line) and line[match.end()] != separator):
            return "a quote is left open, so the line was cut off or damaged"
        found += 1
        if match.end() == len(line):
            break
        position = match.end() + 1
    return "" if found == width else f"{found} fields where the header has {width}; the line was cut off or damaged"
