"""Bearer tokens and the roles they carry. Who may have one is decided in ``auth``, and by operators on the machine.

Tokens are made with PyJWT itself: the algorithm is pinned, and every claim we set is required when one is read.
"""

import time
import uuid
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import jwt

ALGORITHM: Final = "HS256"
ISSUER: Final = "road-api"
AUDIENCE: Final = "road-api"
ROLE: Final = "role"
GENERATION: Final = "gen"
"""Of the user's tokens: when those given so far must be refused, it is raised. No clocks are compared for that."""

KEY_ID: Final = "kid"
NO_KEY_ID: Final = ""
"""Names the key of tokens that name none."""

CLAIMS: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti", ROLE)
_TIMES: Final = ("exp", "iat", "nbf")
LIFETIME_SECONDS: Final = 30 * 60

REMEMBERED: Final = 4096
"""Tokens whose signature need not be computed again; the one first seen goes first."""

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

    def __init__(self, keys: str | Mapping[str, str]) -> None:
        """Sign with a key.

        Args:
            keys: a key, or several by their ids: the first signs, all verify.
        """
        self._keys = {NO_KEY_ID: keys} if isinstance(keys, str) else dict(keys)
        signing_id, self._signing_key = next(iter(self._keys.items()))
        self._headers = _head_of(signing_id)
        self._keys_by_head = {
            jwt.encode({}, key, algorithm=ALGORITHM, headers=_head_of(key_id)).partition(".")[0]: key
            for key_id, key in self._keys.items()
        }
        self._remembered: dict[str, Mapping[str, Any]] = {}

    def make(self, subject: str, role: Role = Role.USER, generation: int = 0) -> str:
        """Make a token that is good for ``LIFETIME_SECONDS``.

        Args:
            subject: name of a user, or ``OPERATOR_PREFIX`` and a name.
            role: what its bearer may do.
            generation: of the user's tokens.
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
            GENERATION: generation,
        }
        return jwt.encode(claims, self._signing_key, algorithm=ALGORITHM, headers=self._headers)

    def read(self, token: str) -> Mapping[str, Any]:
        """Check a token.

        A token that was good before has the same signature and the same claims now, and our keys do not change while
        we run, so for it only the clock is looked at.

        Returns:
            Its claims, the role among them as a ``Role``.

        Raises:
            jwt.InvalidTokenError: wrong key, signature or algorithm, expired, for another audience, a claim is missing,
                or there is no such role.
        """
        claims = self._remembered.get(token)
        if claims is not None and max(claims["nbf"], claims["iat"]) <= time.time() < claims["exp"]:
            return claims
        self._remembered.pop(token, None)
        claims = MappingProxyType(self._verify(token))
        if all(isinstance(claims[name], int) for name in _TIMES):  # ours are; PyJWT takes others, too
            if len(self._remembered) >= REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[token] = claims
        return claims

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(CLAIMS)},
            )
        except RecursionError as error:
            raise jwt.InvalidTokenError("the token is nested too deeply") from error
        try:
            claims[ROLE] = Role(claims[ROLE])
        except ValueError as error:
            raise jwt.InvalidTokenError("there is no such role") from error
        return claims

    def _key_of(self, token: str) -> str:
        """The key that a token names. It only chooses among ours; where there is one, it need not be looked at."""
        if len(self._keys) == 1:
            return self._signing_key
        if key := self._keys_by_head.get(token.partition(".")[0]):  # as we write it, so nothing need be parsed
            return key
        try:
            return self._keys[jwt.get_unverified_header(token).get(KEY_ID, NO_KEY_ID)]
        except KeyError as error:
            raise jwt.InvalidTokenError("there is no such key any more") from error


def _head_of(key_id: str) -> dict[str, str] | None:
    return None if key_id == NO_KEY_ID else {KEY_ID: key_id}


def read_keys(text: str) -> dict[str, str]:
    """Read keys as the environment holds them.

    Args:
        text: ``id:secret`` for each, separated by commas.

    Returns:
        Secrets by their ids, in the order given.

    Raises:
        ValueError: a key has no id or no secret, or two have the same id; the message repeats no secret.
    """
    keys: dict[str, str] = {}
    for number, part in enumerate(text.split(","), start=1):
        key_id, _, secret = part.strip().partition(":")
        if not key_id or not secret:
            raise ValueError(f"key {number} is not id:secret; separate keys by commas")
        if key_id in keys:
            raise ValueError(f"key {number} has the id of another one")
        keys[key_id] = secret
    return keys
