"""Bearer tokens (JWT) and the roles they carry, made and verified with PyJWT: one algorithm, all claims required.

Who gets one is decided in ``auth``, and by operators on the machine itself (``road token``).
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
"""Claim with the generation of a user's tokens. Raising it revokes all earlier tokens, without comparing clocks."""

KEY_ID: Final = "kid"
NO_KEY_ID: Final = ""
"""Id under which the key of tokens without a ``kid`` is kept."""

CLAIMS: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti", ROLE)
_TIMES: Final = ("exp", "iat", "nbf")
LIFETIME_SECONDS: Final = 30 * 60

CACHED_TOKENS: Final = 4096
"""Size of the cache of verified tokens; the oldest entry is dropped first."""

OPERATOR_PREFIX: Final = "operator:"
"""Begins the subject of tokens that ``road token`` makes: whoever can read the signing secret needs no password."""


class Role(StrEnum):
    """What the bearer of a token may do."""

    USER = "user"
    """Ask for estimates."""
    ADMIN = "admin"
    """Also change what the platform does."""


class Tokens:
    """Makes and reads bearer tokens."""

    def __init__(self, keys: str | Mapping[str, str]) -> None:
        """Prepare.

        Args:
            keys: one key, or several by id: the first one signs, all verify.
        """
        self._keys = {NO_KEY_ID: keys} if isinstance(keys, str) else dict(keys)
        signing_id, self._signing_key = next(iter(self._keys.items()))
        self._headers = _head_of(signing_id)
        self._keys_by_head = {
            jwt.encode({}, key, algorithm=ALGORITHM, headers=_head_of(key_id)).partition(".")[0]: key
            for key_id, key in self._keys.items()
        }
        self._cache: dict[str, Mapping[str, Any]] = {}

    def make(self, subject: str, role: Role = Role.USER, generation: int = 0) -> str:
        """Make a token that is valid for ``LIFETIME_SECONDS``.

        Args:
            subject: name of a user, or ``OPERATOR_PREFIX`` and a name.
            role: what its bearer may do.
            generation: of the user's tokens, as in the table of users.
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
        """Verify a token.

        Keys do not change while the process runs, so of a token that was verified before only the times are checked.

        Returns:
            Its claims, the role among them as a ``Role``.

        Raises:
            jwt.InvalidTokenError: wrong key, signature or algorithm, expired, for another audience, a claim is missing,
                or there is no such role.
        """
        claims = self._cache.get(token)
        if claims is not None and max(claims["nbf"], claims["iat"]) <= time.time() < claims["exp"]:
            return claims
        self._cache.pop(token, None)
        claims = MappingProxyType(self._verify(token))
        if all(isinstance(claims[name], int) for name in _TIMES):  # ours are integers; PyJWT accepts other numbers, too
            if len(self._cache) >= CACHED_TOKENS:
                del self._cache[next(iter(self._cache))]
            self._cache[token] = claims
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
        """The key that a token names, which can only be one of ours; if there is a single key, the name is not read."""
        if len(self._keys) == 1:
            return self._signing_key
        if key := self._keys_by_head.get(
            token.partition(".")[0]
        ):  # the head as we write it: nothing needs to be parsed
            return key
        try:
            return self._keys[jwt.get_unverified_header(token).get(KEY_ID, NO_KEY_ID)]
        except KeyError as error:
            raise jwt.InvalidTokenError("there is no such key any more") from error


def _head_of(key_id: str) -> dict[str, str] | None:
    return None if key_id == NO_KEY_ID else {KEY_ID: key_id}


def read_keys(text: str) -> dict[str, str]:
    """Read keys from the text of an environment variable.

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
