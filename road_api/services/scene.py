"""One question in JSON: the 13 features of one user of an accident."""

from typing import Final

import msgspec
import numpy as np

from road_api.schemas import AllowedCode, FieldError
from road_api.services.codes import CodeError, read_json_code
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, FEATURES, UNKNOWN_CODE, Feature

UNKNOWN: Final = AllowedCode(UNKNOWN_CODE, "Unknown (null says the same)", "Inconnu (null dit la même chose)")


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
        content: JSON object with a value for each of the 13 features.

    Returns:
        Shape (1, 13), NaN where unknown.

    Raises:
        NotJsonError: the content is no JSON, or no object.
        SceneError: fields are missing, unknown or have values that are no codes; all of them are named.
    """
    given = _decode(content)
    row, errors = [], []
    for feature in FEATURES:
        if feature.name not in given:
            errors.append(FieldError(feature.name, "is missing; send null if it is unknown", allowed_codes(feature)))
            continue
        try:
            row.append(read_json_code(feature, given[feature.name]))
        except CodeError as error:
            errors.append(FieldError(feature.name, error.reason, allowed_codes(feature)))
    errors += [_unknown_field(name) for name in given if name not in FEATURE_BY_NAME]
    if errors:
        raise SceneError(errors)
    return np.array([row], dtype=np.float32)


def allowed_codes(feature: Feature) -> list[AllowedCode]:
    """List what a feature may be, "unknown" included."""
    return [*(AllowedCode(code.value, code.en, code.fr) for code in feature.codes), UNKNOWN]


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
    return FieldError(shown, f"is not a field of the question; the fields are {', '.join(FEATURE_NAMES)}")
