"""Codes as people send them, turned into numbers for the model. JSON values and cells of a file are judged alike."""

import math
import re
from typing import Final

from road_assets.core.vocabulary import FEATURES, UNKNOWN_CODE, Feature

UNKNOWN_CELLS: Final = frozenset({"", "-", "n/a", "null"})
"""What official files and copies of them write beside -1 where nothing was recorded, in lower case."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.0*)?", re.ASCII)
_SHOWN_CHARACTERS = 40

_INPUT_BY_CODE: Final[dict[str, dict[float, float]]] = {
    feature.name: {UNKNOWN_CODE: math.nan, **{code: float(code) for code in feature.values}} for feature in FEATURES
}


class CodeError(ValueError):
    """A value that is not among a feature's codes.

    Attributes:
        feature: which one.
        reason: what was found and what is allowed.
    """

    def __init__(self, feature: Feature, reason: str) -> None:
        """Say what is wrong with a feature's value."""
        super().__init__(f"{feature.name}: {reason}")
        self.feature = feature
        self.reason = reason


def read_json_code(feature: Feature, value: object) -> float:
    """Read a value of a JSON document.

    Args:
        feature: what the value is for.
        value: as decoded.

    Returns:
        The code, NaN where unknown (null or -1).

    Raises:
        CodeError: it is no whole number, or not a code of the feature.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CodeError(feature, f"{_shorten(value)} is not a whole number; {_allowed(feature)}")
    # A float equal to a code finds it (JSON does not tell 1.0 from 1); 1.5 and infinity find nothing.
    code = _INPUT_BY_CODE[feature.name].get(value)
    if code is None:
        raise CodeError(feature, f"{_shorten(value)} is not one of its codes; {_allowed(feature)}")
    return code


def read_cell(feature: Feature, cell: str) -> float:
    """Read a cell of a file.

    Args:
        feature: what the column is.
        cell: its text; blanks and no-break spaces around it do not count.

    Returns:
        The code, NaN where unknown.

    Raises:
        CodeError: it is no whole number, or not a code of the feature.
    """
    text = cell.strip()
    if text.lower() in UNKNOWN_CELLS:
        return math.nan
    if not _WHOLE_NUMBER.fullmatch(text):
        raise CodeError(feature, f"{_shorten(text)} is not a whole number; {_allowed(feature)}")
    return read_json_code(feature, int(text.partition(".")[0]))


def _allowed(feature: Feature) -> str:
    return f"allowed for {feature.name} ({feature.en}) are {feature.describe_codes()}, or {UNKNOWN_CODE} if unknown"


def _shorten(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
