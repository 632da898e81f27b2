"""Valid questions in JSON, decoded in one step for the fast path. Of others, ``scene`` finds and reports the errors."""

import math
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from road_api.services.field_codes import FIELDS, INPUT_BY_CODE
from road_assets.core.quick_scorer import cell_of
from road_assets.core.vocabulary import FEATURE_BY_NAME

_NEEDED: Final = [(field.name, int | float | None) for field in FIELDS if field.name in FEATURE_BY_NAME]
_OPTIONAL: Final = [
    (field.name, int | float | None | msgspec.UnsetType, msgspec.UNSET)
    for field in FIELDS
    if field.name not in FEATURE_BY_NAME
]

_Question: Any = msgspec.defstruct("Question", [*_NEEDED, *_OPTIONAL], forbid_unknown_fields=True)
_DECODER: Final = msgspec.json.Decoder(_Question)
"""Unlike Python, it does not take a boolean for a number."""


def _cells(column: int, name: str) -> dict[Any, int]:
    unknown = cell_of(column, math.nan)
    known = {code: cell_of(column, value) for code, value in INPUT_BY_CODE[name].items()}
    return {None: unknown, msgspec.UNSET: unknown, **known}


_CELLS: Final = tuple(_cells(column, field.name) for column, field in enumerate(FIELDS))
"""Cell of everything that each field may be given as."""


def read_valid_scene(content: bytes) -> npt.NDArray[np.intp] | None:
    """Read a question as ``read_scene`` does, if it is valid.

    Args:
        content: the body.

    Returns:
        Shape (27,), the value of each of ``MODEL_FIELDS`` as ``cell_of`` numbers it; None if it is not valid.
    """
    try:
        given = msgspec.structs.astuple(_DECODER.decode(content))
        if content.count(b":") != len(given) - given.count(msgspec.UNSET):  # a field appears twice
            return None
        return np.array([cells[value] for cells, value in zip(_CELLS, given, strict=True)], dtype=np.intp)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None
