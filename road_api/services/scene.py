"""One question in JSON: the 13 features of one user of an accident, and what else is known of the scene."""

from typing import Final

import msgspec
import numpy as np

from road_api.schemas import AllowedCode, FieldError
from road_api.services.codes import FIELDS, CodeError, Field, is_number, read_json_code
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, UNKNOWN_CODE

UNKNOWN: Final = AllowedCode(UNKNOWN_CODE, "Unknown (null says the same)", "Inconnu (null dit la même chose)")

_NAMES: Final = frozenset(MODEL_FIELDS)
_LISTED: Final = f"{', '.join(FEATURE_NAMES)}, and optionally {', '.join(SCENE_FIELD_NAMES)}"


class NotJsonError(ValueError):
    """A body that is no JSON object."""


class SceneError(ValueError):
    """A question with wrong fields.

    Attributes:
        errors: one entry for each wrong, missing or unknown field.
    """

    def __init__(self, errors: list[FieldError]) -> None:
        """Keep what is wrong with each field."""
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = errors


def read_scene(content: bytes) -> FeatureMatrix:
    """Read one question.

    Args:
        content: JSON object with a value for each of the 13 features, and for any of the optional fields.

    Returns:
        Shape (1, 27), columns ``MODEL_FIELDS``, NaN where unknown.

    Raises:
        NotJsonError: the content is no JSON, or no object.
        SceneError: fields are missing, unknown or have values that are not allowed; all of them are named.
    """
    given = _decode(content)
    row, errors = [], []
    for field in FIELDS:
        if field.name in FEATURE_BY_NAME and field.name not in given:
            errors.append(FieldError(field.name, "is missing; send null if it is unknown", allowed_codes(field)))
            continue
        try:
            row.append(read_json_code(field, given.get(field.name)))
        except CodeError as error:
            errors.append(FieldError(field.name, error.reason, allowed_codes(field)))
    errors += [_unknown_field(name) for name in given if name not in _NAMES]
    if errors:
        raise SceneError(errors)
    return np.array([row], dtype=np.float32)


def allowed_codes(field: Field) -> list[AllowedCode]:
    """List what a field may be, "unknown" included; the range of a quantity stands in the reason alone."""
    return [] if is_number(field) else [*(AllowedCode(code.value, code.en, code.fr) for code in field.codes), UNKNOWN]


def _decode(content: bytes) -> dict[str, object]:
    try:
        given = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError(f"the body is no readable JSON: {error}") from error
    if not isinstance(given, dict):
        raise NotJsonError(f"the body must be a JSON object with the fields {', '.join(FEATURE_NAMES)}")
    return given


def _unknown_field(name: str) -> FieldError:
    shown = name if len(name) <= 80 else f"{name[:80]}…"  # noqa: PLR2004 (enough to recognise it)
    return FieldError(shown, f"is not a field of the question; the fields are {_LISTED}")
