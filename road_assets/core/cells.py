"""Parses the cells of official files, in any dialect, to canonical values.

A column is parsed by its distinct texts, which are few compared with its rows: each reader gets the distinct texts of a
column and whether they were published before 2019, and returns the values and which texts it could not parse. A text
that cannot be parsed never becomes "not recorded": that is only for the marks that the files use for it.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from road_assets.core.columns import Column, Kind

MISSING_MARKS: Final = frozenset({"", "-1", "-1.0", "n/a", "na", "nan", "none", "null", "-", "."})
"""Texts for "not recorded", trimmed and in lower case; the codebook mentions blank, dot and -1."""

SPREADSHEET_ERROR: Final = "#"
"""``lieux`` of 2022 and 2023 hold ``#VALEURMULTI`` and ``#ERREUR`` in number columns, which means "not recorded"."""

_BLANKS: Final = "[\\s\u00a0\u202f\u00c2]"
"""Thousands separators: no-break spaces. Copies that were encoded twice have an additional ``Â``."""

_WHOLE: Final = re.compile(r"[+-]?\d{1,9}(?:\.0+)?")
_GROUPED: Final = re.compile(rf"[+-]?\d{{1,3}}(?:{_BLANKS}+\d{{3}})+")
_IN_BRACKETS: Final = re.compile(r"\((\d+)\)")
_DECIMAL: Final = re.compile(r"[+-]?\d{1,9}(?:\.\d*)?(?:e-?\d{1,2})?", re.IGNORECASE)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")
_WHOLE_TAIL: Final = re.compile(r"\.0+$")
_DEPARTMENT: Final = re.compile(r"\d{2}|2[AB]|9[78]\d")
_COMMUNE: Final = re.compile(r"\d{5}|2[AB]\d{3}")
_ACCIDENT: Final = r"^\d{12}$"
_ID: Final = rf"^(?:\d{{1,3}}(?:{_BLANKS}+\d{{3}})+|\d+)(?:\.0+)?$"

CODE_RANGE: Final = np.iinfo(np.int16)


class UnreadableCellError(ValueError):
    """A text that is neither a value of its column nor a mark for "not recorded"."""


class Cells(NamedTuple):
    """The distinct texts of a column, parsed.

    Attributes:
        canonical: Arrow array of shape (texts,), null where not recorded or not readable.
        unreadable: shape (texts,), true where the text is neither a value nor a mark for "not recorded".
    """

    canonical: pa.Array
    unreadable: npt.NDArray[np.bool_]


class Reader(Protocol):
    """Parses the distinct texts of a column."""

    def __call__(self, texts: pa.Array, column: Column, *, old: bool) -> Cells:
        """Parse them.

        Args:
            texts: distinct texts as in the file.
            column: the column that they are from.
            old: whether they were published before 2019.
        """


def is_missing(text: str) -> bool:
    """Tell whether a trimmed text is one of the marks for "not recorded"."""
    return text.lower() in MISSING_MARKS


def whole(text: str) -> int:
    """Read a whole number: padded (``07``), saved as a float (``50.0``), with thousands separators, or in brackets.

    Raises:
        UnreadableCellError: it is none of these.
    """
    bracketed = _IN_BRACKETS.fullmatch(text)
    if bracketed:  # a spreadsheet's way to write negatives: (1) in 2019 is the -1 of every other year
        return -int(bracketed[1])
    if _WHOLE.fullmatch(text):
        return int(_WHOLE_TAIL.sub("", text))
    if _GROUPED.fullmatch(text):
        return int(re.sub(_BLANKS, "", text))
    raise UnreadableCellError


def _code(text: str, column: Column, *, old: bool) -> int | None:
    if text.startswith(SPREADSHEET_ERROR):
        return None
    value = whole(text)
    if value == -1 or (value == 0 and old and column.zero_was_unknown):
        return None
    if not CODE_RANGE.min <= value <= CODE_RANGE.max:
        raise UnreadableCellError
    return value


def _number(text: str, _column: Column, *, old: bool) -> float | None:
    del old  # a zero is a place on the road in every year
    if text.startswith(SPREADSHEET_ERROR):
        return None
    value = _decimal(text) if _DECIMAL.fullmatch(text.replace(",", ".")) else whole(text)
    return None if value == -1 else value


def _metres(text: str, _column: Column, *, old: bool) -> float | None:
    if text.startswith(SPREADSHEET_ERROR):
        return None
    value = _decimal(text)
    if value == -1 or (old and value == 0):
        return None
    return value / 10 if old and value.is_integer() else value  # ``061`` stood for 6.1 m


def _degrees(text: str, _column: Column, *, old: bool) -> float | None:
    value = _decimal(text)
    if value == 0:  # no accident lies on the equator, and a meridian hit to eight decimals is a blank
        return None
    return value / 100_000 if old and value.is_integer() else value


def _decimal(text: str) -> float:
    text = text.replace(",", ".")
    if not _DECIMAL.fullmatch(text):
        raise UnreadableCellError
    return float(text)


def _hour(text: str, _column: Column, *, old: bool) -> str:
    del old  # both forms are told apart by their colon
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes = int(clock[1]), int(clock[2])
    else:
        value = whole(text)
        hours, minutes = divmod(value, 100)
    if not (0 <= hours < 24 and 0 <= minutes < 60):  # noqa: PLR2004 - hours of a day, minutes of an hour
        raise UnreadableCellError
    return f"{hours:02d}:{minutes:02d}"


def _department(text: str, _column: Column, *, old: bool) -> str:
    code = _WHOLE_TAIL.sub("", text).upper()
    if old:  # three digits, the last one a zero but for Corsica (201, 202) and overseas (971 and on)
        code = code.zfill(3)
        code = {"201": "2A", "202": "2B"}.get(code, code[:2] if code.endswith("0") else code)
    else:
        code = code.zfill(2)
    if not _DEPARTMENT.fullmatch(code):
        raise UnreadableCellError
    return code


def _commune(text: str, _column: Column, *, old: bool) -> str:
    code = _WHOLE_TAIL.sub("", text).upper()
    if old and code.isdecimal() and len(code) <= 3:  # noqa: PLR2004 - the commune's digits alone, see ``dialect``
        return code.zfill(3)
    code = code.zfill(5)
    if not _COMMUNE.fullmatch(code):
        raise UnreadableCellError
    return code


def _text(text: str, column: Column, *, old: bool) -> str | None:
    if column.zero_was_unknown and old and not text.strip("0"):
        return None
    return text if column.name == "adr" else _WHOLE_TAIL.sub("", text)


def _each(one: Callable[..., object], kind: pa.DataType) -> Reader:
    def read(texts: pa.Array, column: Column, *, old: bool) -> Cells:
        values: list[object] = []
        unreadable = np.zeros(len(texts), dtype=np.bool_)
        for position, raw in enumerate(texts.to_pylist()):
            text = raw.strip()
            value = None
            if not is_missing(text):
                try:
                    value = one(text, column, old=old)
                except UnreadableCellError:
                    unreadable[position] = True
            values.append(value)
        return Cells(pa.array(values, type=kind), unreadable)

    return read


def _matching(pattern: str) -> Reader:
    """Read ids, of which a file holds as many as rows: all at once, in Arrow."""

    def read(texts: pa.Array, column: Column, *, old: bool) -> Cells:
        del column, old  # identifiers look the same everywhere
        trimmed = pc.utf8_trim_whitespace(texts)
        missing = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(sorted(MISSING_MARKS)))
        plain = pc.replace_substring_regex(trimmed, r"\.0+$", "")
        readable = pc.match_substring_regex(trimmed if pattern == _ID else plain, pattern)
        values = pc.replace_substring_regex(plain, _BLANKS, "")
        unreadable = pc.and_not(pc.invert(readable), missing).to_numpy(zero_copy_only=False)
        return Cells(pc.if_else(readable, values, pa.scalar(None, pa.string())), unreadable)

    return read


READERS: Final[dict[Kind, Reader]] = {
    "accident": _matching(_ACCIDENT),
    "id": _matching(_ID),
    "code": _each(_code, pa.int16()),
    "number": _each(_number, pa.float64()),
    "metres": _each(_metres, pa.float64()),
    "degrees": _each(_degrees, pa.float64()),
    "hour": _each(_hour, pa.string()),
    "department": _each(_department, pa.string()),
    "commune": _each(_commune, pa.string()),
    "text": _each(_text, pa.string()),
}

REASONS: Final[dict[Kind, str]] = {
    "accident": "an accident number has 12 digits, the first four of them the year",
    "id": "an identifier has digits only, in groups of three or together",
    "code": f"a code is a whole number from {CODE_RANGE.min} to {CODE_RANGE.max}",
    "number": "a number is expected",
    "metres": "a width in metres is expected",
    "degrees": "degrees with a decimal comma or, before 2019, a whole number of 1/100000 degrees are expected",
    "hour": "a time from 00:00 to 23:59 is expected, with or without its colon",
    "department": "a department is 01 to 95, 2A, 2B, 971 to 988, or before 2019 those with three digits",
    "commune": "a commune is five characters, or three digits before 2019",
    "text": "a text is expected",
}
"""Why a text of a column was not readable, for messages."""

ARROW_TYPES: Final[dict[Kind, pa.DataType]] = {
    "code": pa.int16(),
    "number": pa.float64(),
    "metres": pa.float64(),
    "degrees": pa.float64(),
    "accident": pa.string(),
    "id": pa.string(),
    "hour": pa.string(),
    "department": pa.string(),
    "commune": pa.string(),
    "text": pa.string(),
}
"""Arrow type of a canonical column, also for years without it."""
