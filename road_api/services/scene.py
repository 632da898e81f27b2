"""Reading questions in JSON: the fields of one user of an accident, or of all its users, with all errors reported."""

from typing import Final

import msgspec
import numpy as np

from road_api.schemas.responses import AllowedCode, FieldError
from road_api.services.field_codes import FIELDS, CodeError, Field, is_number, read_json_code
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, UNKNOWN_CODE

UNKNOWN: Final = AllowedCode(UNKNOWN_CODE, "Unknown (null says the same)", "Inconnu (null dit la même chose)")

_NAMES: Final = frozenset(MODEL_FIELDS)
_LISTED: Final = f"{', '.join(FEATURE_NAMES)}, and optionally {', '.join(SCENE_FIELD_NAMES)}"


ACCIDENT_FIELD: Final = "users"
"""Name of the list of users in a question about an accident."""

SHOWN_ERRORS: Final = 50
"""Errors listed in one answer: there may be thousands, and each one lists the allowed codes."""


class NotJsonError(ValueError):
    """A body that is not a JSON object, or not the expected one."""


class TooManyUsersError(ValueError):
    """A question about more users than are accepted."""


class SceneError(ValueError):
    """A question with wrong fields.

    Attributes:
        errors: one entry for each wrong, missing or unknown field.
    """

    def __init__(self, errors: list[FieldError]) -> None:
        """Keep the errors that are shown."""
        self.errors = errors[:SHOWN_ERRORS]
        left = len(errors) - len(self.errors)
        shown = "; ".join(map(_describe, self.errors))
        super().__init__(f"{shown}; and {left} more like these" if left else shown)


def read_scene(content: bytes) -> FeatureMatrix:
    """Read one question.

    Args:
        content: JSON object with a value for each of the 13 features, and for any of the optional fields.

    Returns:
        Shape (1, 27), columns ``MODEL_FIELDS``, NaN where unknown.

    Raises:
        NotJsonError: the content is not a JSON object, or has a field more than once.
        SceneError: fields are missing, unknown, or have values that are not allowed; all of them are listed.
    """
    given = _decode(content)
    row, errors = _read_user(given)
    if errors:
        raise SceneError(errors)
    _refuse_duplicates(content, len(given))
    return np.array([row], dtype=np.float32)


def read_accident(content: bytes, max_users: int) -> FeatureMatrix:
    """Read a question about all users of one accident.

    Args:
        content: JSON object with the list ``users``, each an object as ``read_scene`` reads it.
        max_users: largest number of users that is accepted.

    Returns:
        Shape (users, 27), columns ``MODEL_FIELDS``, NaN where unknown.

    Raises:
        NotJsonError: the content is not a JSON object with a list of at least one user and nothing else, or has a field
            more than once.
        TooManyUsersError: there are more users.
        SceneError: fields of users are wrong; each error has the user's index in the list, from 0.
    """
    users = _decode_users(content)
    if len(users) > max_users:
        raise TooManyUsersError(f"{len(users)} users are more than the {max_users} of one accident accepted here")
    rows, errors = [], []
    for index, given in enumerate(users):
        if not isinstance(given, dict):
            raise NotJsonError(f"user {index} must be a JSON object with the fields {', '.join(FEATURE_NAMES)}")
        row, wrong = _read_user(given)
        rows.append(row)
        errors += [msgspec.structs.replace(error, user=index) for error in wrong]
    if errors:
        raise SceneError(errors)
    _refuse_duplicates(content, 1 + sum(len(given) for given in users if isinstance(given, dict)))
    return np.array(rows, dtype=np.float32)


def _refuse_duplicates(content: bytes, fields: int) -> None:
    """Refuse a question with a field more than once, of which the decoder keeps the last.

    The question is otherwise valid, so no name or value contains a colon, and counting them (0.1 µs) is enough.
    """
    if content.count(b":") != fields:
        raise NotJsonError("the body has a field more than once; which value is meant?")


def _read_user(given: dict[str, object]) -> tuple[list[float], list[FieldError]]:
    row: list[float] = []
    errors: list[FieldError] = []
    for field in FIELDS:
        if field.name in FEATURE_BY_NAME and field.name not in given:
            errors.append(FieldError(field.name, "is missing; send null if it is unknown", allowed_codes(field)))
            continue
        try:
            row.append(read_json_code(field, given.get(field.name)))
        except CodeError as error:
            errors.append(FieldError(field.name, error.reason, allowed_codes(field)))
    errors += [_unknown_field(name) for name in given if name not in _NAMES]
    return row, errors


def allowed_codes(field: Field) -> list[AllowedCode]:
    """List the codes of a field, "unknown" included; none for a quantity, whose range is in the error's reason."""
    return [] if is_number(field) else [*(AllowedCode(code.value, code.en, code.fr) for code in field.codes), UNKNOWN]


def _decode(content: bytes, wanted: str = f"the fields {', '.join(FEATURE_NAMES)}") -> dict[str, object]:
    try:
        given = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError(f"the body is no readable JSON: {error}") from error
    if not isinstance(given, dict):
        raise NotJsonError(f"the body must be a JSON object with {wanted}")
    return given


def _decode_users(content: bytes) -> list[object]:
    given = _decode(content, f"the list {ACCIDENT_FIELD!r}, which holds an object for each user of the accident")
    users = given.get(ACCIDENT_FIELD)
    if not isinstance(users, list) or not users or len(given) > 1:
        raise NotJsonError(f"the object must hold {ACCIDENT_FIELD!r}, a list of at least one user, and nothing else")
    return users


def _describe(error: FieldError) -> str:
    user = "" if error.user is None else f"user {error.user}, "
    return f"{user}{error.field}: {error.reason}"


def _unknown_field(name: str) -> FieldError:
    shown = name if len(name) <= 80 else f"{name[:80]}…"  # noqa: PLR2004 (enough to recognise it)
    return FieldError(shown, f"is not a field of the question; the fields are {_LISTED}")
