"""Reading CSV text: detecting encoding and separator, and reading record by record, never the whole file in memory."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

SEPARATORS: Final = (";", ",")

ENCODINGS: Final = ("utf-8-sig", "cp1252")
"""Tried in this order: hardly any cp1252 text with an accent is valid UTF-8."""

RECORD_CHARACTERS: Final = 1024 * 1024
"""Longest record. A file without line ends, or with quotes around them, is one record and could fill the memory."""

LINES_PER_ROW: Final = 4
SPARE_LINES: Final = 1000
"""Lines per row that are accepted, and lines beyond that: a file of nothing but line ends would be read for minutes and
have no row to count. There is room for cells of several lines, and for empty lines between rows."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f]")


class CsvError(ValueError):
    """A file that cannot be read as a whole; the message says why."""


class TooManyRowsError(ValueError):
    """A file with more rows, or lines, than are accepted."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written.

    Attributes:
        encoding: name for ``codecs``; ``utf-8-sig`` where a byte order mark is to be skipped, or written.
        separator: between cells.
        rows: records below the header.
        longest: characters of the longest record.
    """

    encoding: str
    separator: str
    rows: int
    longest: int


def detect_dialect(file: IO[bytes], max_rows: int) -> Dialect:
    """Read a file once from start to end, to know its dialect and to find errors before anything is answered.

    Args:
        file: CSV with ``,`` or ``;``, in UTF-8 (a byte order mark is fine) or cp1252, quoted or not.
        max_rows: largest number of rows below the header that is accepted.

    Raises:
        CsvError: the content is no text, is empty, breaks off inside quotes, or has a record that is too long.
        TooManyRowsError: there are more rows, or many more lines than rows.
    """
    for encoding in ENCODINGS:
        try:
            separator = _separator(file, encoding, max_rows)
            rows, longest = _measure(file, encoding, separator, max_rows)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        marked = file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK
        return Dialect("utf-8" if encoding == "utf-8-sig" and not marked else encoding, separator, rows, longest)
    raise CsvError("the file is no text in UTF-8 or cp1252; save it as CSV in UTF-8")


def read_records(file: IO[bytes], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not a blank line, with the line on which it starts.

    Quotes may hold line ends, so that a record is not always a line.
    """
    with _open_text(file, dialect.encoding) as text:
        for line, cells in _records(text, dialect.separator):
            if not _is_blank(cells):
                yield line, cells


class _Lines:
    """The lines of a text with their line ends; checks that it is text, and not too long.

    Attributes:
        taken: characters read since the caller last set it to 0, which it does at the start of each record.
    """

    def __init__(self, text: io.TextIOWrapper, max_rows: int) -> None:
        self._text = text
        self._left = self._most = LINES_PER_ROW * max_rows + SPARE_LINES
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(RECORD_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self.taken += len(line)
        self._left -= 1
        if self._left < 0:
            raise TooManyRowsError(
                f"the file has more than {self._most} lines; take the empty ones out, or send it in parts"
            )
        if found := _CONTROL_CHARACTERS.search(line):
            raise CsvError(
                f"the file is no text: it holds the control character {found.group()!r}; save it as CSV in UTF-8"
            )
        if self.taken > RECORD_CHARACTERS:
            raise CsvError(f"the file has a record of more than {RECORD_CHARACTERS} characters; is a quote left open?")
        return line


@contextmanager
def _open_text(file: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield text
    finally:
        if not file.closed:  # it is closed if an error ends the request before this generator
            text.detach()  # otherwise the file would be closed with it


def _records(lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    # strict: an unclosed quote would otherwise swallow the rest of the file in silence.
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CsvError(f"the file cannot be read from line {line} on: {error}") from error
        yield line, cells


def _is_blank(cells: list[str]) -> bool:
    return len(cells) <= 1 and not any(cell.strip() for cell in cells)


def _separator(file: IO[bytes], encoding: str, max_rows: int) -> str:
    with _open_text(file, encoding) as text:
        lines = _Lines(text, max_rows)
        for line in lines:
            if line.strip():
                return max(SEPARATORS, key=line.count)
            lines.taken = 0
    raise CsvError("the file is empty")


def _measure(file: IO[bytes], encoding: str, separator: str, max_rows: int) -> tuple[int, int]:
    """Count the rows, and the characters of the longest record."""
    rows, longest = -1, 0  # the header is no row
    with _open_text(file, encoding) as text:
        lines = _Lines(text, max_rows)
        for _, cells in _records(lines, separator):
            longest = max(longest, lines.taken)
            lines.taken = 0
            rows += not _is_blank(cells)
            if rows > max_rows:
                raise TooManyRowsError(
                    f"the file has more than the {max_rows} rows accepted here; send it in parts, each with the header"
                )
    return rows, longest
