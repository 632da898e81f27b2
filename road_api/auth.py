"""Who may ask: users, passwords, tokens, and the middleware that reads tokens.

Tokens are made with PyJWT itself: the algorithm is pinned, and every claim we set is required when one is read.
"""

import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

import anyio
import jwt
from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from road_api.settings import Settings

ALGORITHM: Final = "HS256"
ISSUER: Final = "road-api"
AUDIENCE: Final = "road-api"
CLAIMS: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti")
LIFETIME_SECONDS: Final = 30 * 60

DEMO_USERNAME: Final = "johndoe"
DEMO_PASSWORD: Final = "johnsecret"  # noqa: S105 (known on purpose: it opens demonstrations on loopback only)

NOBODYS_PASSWORD: Final = secrets.token_urlsafe()
"""Compared with where the user is unknown, so that the answer takes as long."""

CONCURRENT_HASHES: Final = 2
"""One Argon2 check takes 64 MiB and tens of milliseconds of a core: a flood of log-ins must not take them all."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may ask for estimates.

    Attributes:
        username: the subject of the tokens.
        password_hash: Argon2, with its parameters.
    """

    username: str
    password_hash: str


class UserStore(Protocol):
    """Where users are looked up."""

    async def find(self, username: str) -> User | None:
        """Return the user of that name, None if there is none or the user was disabled."""
        ...


class FixedUsers:
    """Users known at the start."""

    def __init__(self, users: Iterable[User]) -> None:
        """Keep the users in memory."""
        self._users = {user.username: user for user in users}

    async def find(self, username: str) -> User | None:
        """Return the user of that name, None if there is none."""
        return self._users.get(username)

    @classmethod
    def from_settings(cls, settings: Settings) -> "FixedUsers":
        """Make the users that the settings name: the configured one, and in demonstration mode the known one."""
        users = []
        if settings.demo:
            users.append(User(DEMO_USERNAME, _hash_once(DEMO_PASSWORD)))
        if settings.username and settings.password_hash:
            users.append(User(settings.username, settings.password_hash.get_secret_value()))
        return cls(users)


class PasswordCheck:
    """Compares passwords with hashes, in the same time whether or not the user exists."""

    def __init__(self, users: UserStore) -> None:
        """Check against the users of a store."""
        self._users = users
        self._hasher = PasswordHasher()
        self._nobody = User("", _hash_once(NOBODYS_PASSWORD))
        self._limiter = anyio.CapacityLimiter(CONCURRENT_HASHES)

    async def find(self, username: str, password: str) -> User | None:
        """Return the user if the password is right, else None."""
        user = await self._users.find(username)
        candidate = user or self._nobody
        right = await to_thread.run_sync(self._verify, candidate.password_hash, password, limiter=self._limiter)
        return user if right else None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


class Tokens:
    """Makes and reads bearer tokens."""

    def __init__(self, key: str) -> None:
        """Sign with a key."""
        self._key = key

    def make(self, username: str) -> str:
        """Make a token that is good for ``LIFETIME_SECONDS``."""
        now = int(time.time())
        claims = {
            "sub": username,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> dict[str, Any]:
        """Check a token.

        Returns:
            Its claims.

        Raises:
            jwt.InvalidTokenError: wrong signature or algorithm, expired, for another audience, or a claim is missing.
        """
        return jwt.decode(
            token,
            self._key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": list(CLAIMS)},
        )


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Lets a request through if it carries a good token of a user who still exists."""

    def __init__(self, app: ASGIApp, tokens: Tokens, users: UserStore) -> None:
        """Protect an application."""
        super().__init__(app)
        self._tokens = tokens
        self._users = users

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Find out who asks.

        Raises:
            NotAuthorizedException: no token, or one that is not good.
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _refuse("a token is needed: POST /auth/token gives one, send it as 'Authorization: Bearer <token>'")
        try:
            claims = self._tokens.read(token.strip())
        except jwt.ExpiredSignatureError as error:
            raise _refuse("the token has expired; get a new one from POST /auth/token", "invalid_token") from error
        except jwt.InvalidTokenError as error:
            raise _refuse("the token is not valid; get one from POST /auth/token", "invalid_token") from error
        user = await self._users.find(claims["sub"])
        if user is None:
            raise _refuse("the token's user is not known any more", "invalid_token")
        return AuthenticationResult(user=user, auth=claims)


@cache
def _hash_once(password: str) -> str:
    """Hash a password that protects nothing; it takes as long as a real one, so once is enough."""
    return PasswordHasher().hash(password)


def challenge(error: str | None = None) -> dict[str, str]:
    """Make the header that a 401 must have (RFC 6750, section 3)."""
    return {"WWW-Authenticate": 'Bearer realm="road-api"' + (f', error="{error}"' if error else "")}


def _refuse(detail: str, error: str | None = None) -> NotAuthorizedException:
    return NotAuthorizedException(detail, headers=challenge(error))
