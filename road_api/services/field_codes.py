"""From the codes of a question to the model's input, by the same rules for JSON values and cells of a CSV file."""

import math
import re
from typing import Final

from road_assets.core.scene_fields import SCENE_FIELDS, SceneField
from road_assets.core.vocabulary import FEATURES, UNKNOWN_CODE, Feature

Field = Feature | SceneField
"""A field of a question: one of the 13 features, or an optional one."""

FIELDS: Final[tuple[Field, ...]] = (*FEATURES, *SCENE_FIELDS)
"""In the order of the model's input, ``MODEL_FIELDS``."""

UNKNOWN_CELLS: Final = frozenset({"", "-", "n/a", "null"})
"""Cells that mean "not recorded" in official files and copies of them, besides -1; in lower case."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.0*)?", re.ASCII)
_SHOWN_CHARACTERS = 40


def unknown_codes(field: Field) -> tuple[int, ...]:
    """Codes that mean "unknown" for a field: the usual one first, then others of the official files."""
    return (UNKNOWN_CODE, *field.also_unknown) if isinstance(field, SceneField) else (UNKNOWN_CODE,)


INPUT_BY_CODE: Final[dict[str, dict[float, float]]] = {
    field.name: {**dict.fromkeys(unknown_codes(field), math.nan), **{value: float(value) for value in field.values}}
    for field in FIELDS
}
"""For each field, the model's input for each accepted code."""


class CodeError(ValueError):
    """A value that is not allowed for a field.

    Attributes:
        field: the field.
        reason: what was found and what is allowed.
    """

    def __init__(self, field: Field, reason: str) -> None:
        """Keep field and reason."""
        super().__init__(f"{field.name}: {reason}")
        self.field = field
        self.reason = reason


def read_json_code(field: Field, value: object) -> float:
    """Read a value of a JSON document.

    Args:
        field: what the value is for.
        value: as decoded.

    Returns:
        The number, NaN where unknown (null, -1, or another code for "unknown").

    Raises:
        CodeError: it is not a whole number, not a code of the field, or not in its range.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CodeError(field, f"{_shorten(value)} is not a whole number; {_allowed(field)}")
    # A float that equals a code finds it, because JSON does not distinguish 1.0 from 1; 1.5 and infinity find nothing.
    code = INPUT_BY_CODE[field.name].get(value)
    if code is None:
        wrong = "in its range" if is_number(field) else "one of its codes"
        raise CodeError(field, f"{_shorten(value)} is not {wrong}; {_allowed(field)}")
    return code


def read_cell(field: Field, cell: str) -> float:
    """Read a cell of a file.

    Args:
        field: what the column is.
        cell: its text; surrounding blanks, no-break spaces included, are ignored.

    Returns:
        The number, NaN where unknown.

    Raises:
        CodeError: it is not a whole number, not a code of the field, or not in its range.
    """
    text = cell.strip()
    if text.lower() in UNKNOWN_CELLS:
        return math.nan
    if not _WHOLE_NUMBER.fullmatch(text):
        raise CodeError(field, f"{_shorten(text)} is not a whole number; {_allowed(field)}")
    return read_json_code(field, int(text.partition(".")[0]))


def is_number(field: Field) -> bool:
    """Whether the values of a field are a quantity, and not codes."""
    return isinstance(field, SceneField) and field.kind == "number"


def _allowed(field: Field) -> str:
    return f"allowed for {field.name} ({field.en}) are {field.describe_codes()}, or {UNKNOWN_CODE} if unknown"


def _shorten(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
