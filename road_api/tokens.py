"""Bearer tokens and the roles they carry. Who may have one is decided in ``auth``, and by operators on the machine.

Tokens are made with PyJWT itself: the algorithm is pinned, and every claim we set is required when one is read.
"""

import time
import uuid
from enum import StrEnum
from typing import Any, Final

import jwt

ALGORITHM: Final = "HS256"
ISSUER: Final = "road-api"
AUDIENCE: Final = "road-api"
ROLE: Final = "role"
CLAIMS: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti", ROLE)
LIFETIME_SECONDS: Final = 30 * 60

OPERATOR_PREFIX: Final = "operator:"
"""Subjects of tokens made on the machine itself (``road token``): who reads the signing secret needs no password."""


class Role(StrEnum):
    """What the bearer of a token may do."""

    USER = "user"
    """Ask for estimates."""
    ADMIN = "admin"
    """Also change what the platform does."""


class Tokens:
    """Makes and reads bearer tokens."""

    def __init__(self, key: str) -> None:
        """Sign with a key."""
        self._key = key

    def make(self, subject: str, role: Role = Role.USER) -> str:
        """Make a token that is good for ``LIFETIME_SECONDS``.

        Args:
            subject: name of a user, or ``OPERATOR_PREFIX`` and a name.
            role: what its bearer may do.
        """
        now = int(time.time())
        claims = {
            "sub": subject,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": uuid.uuid4().hex,
            ROLE: role.value,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> dict[str, Any]:
        """Check a token.

        Returns:
            Its claims, the role among them as a ``Role``.

        Raises:
            jwt.InvalidTokenError: wrong signature or algorithm, expired, for another audience, a claim is missing, or
                there is no such role.
        """
        claims: dict[str, Any] = jwt.decode(
            token,
            self._key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": list(CLAIMS)},
        )
        try:
            claims[ROLE] = Role(claims[ROLE])
        except ValueError as error:
            raise jwt.InvalidTokenError("there is no such role") from error
        return claims
