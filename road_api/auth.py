"""Authentication and authorisation: users, password checks, and the middleware and guards that check bearer tokens."""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, Protocol

import anyio
import jwt
from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, ServiceUnavailableException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp
from pydantic import SecretStr

from road_api.settings import Settings
from road_api.tokens import GENERATION, OPERATOR_PREFIX, ROLE, Role, Tokens

DEMO_USERNAME: Final = "johndoe"
DEMO_PASSWORD: Final = "johnsecret"  # noqa: S105 (public on purpose: valid in demonstrations on loopback only)

DUMMY_PASSWORD: Final = secrets.token_urlsafe()
"""Its hash is checked if the user is unknown, so that the answer takes as long as for a known one."""

CONCURRENT_HASHES: Final = 2
"""Argon2 checks at once: each takes 64 MiB and tens of milliseconds of a core, and log-ins must not take them all."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may ask for estimates.

    Attributes:
        username: the subject of the tokens.
        password_hash: Argon2 hash with its parameters.
        role: what the user may do; in a request the role of the token, which never exceeds the user's.
        generation: of the tokens that are valid; tokens of earlier generations are revoked.
    """

    username: str
    password_hash: str = field(repr=False)
    role: Role = Role.USER
    generation: int = 0


class UserStore(Protocol):
    """Looks up users."""

    async def find(self, username: str) -> User | None:
        """Return the user of that name, None if there is none or the user was disabled."""
        ...


class FixedUsers:
    """Users that are known at start-up."""

    def __init__(self, users: Iterable[User]) -> None:
        """Keep the users in memory."""
        self._users = {user.username: user for user in users}

    @property
    def empty(self) -> bool:
        """Whether there is no user."""
        return not self._users

    async def find(self, username: str) -> User | None:
        """Return the user of that name, None if there is none."""
        return self._users.get(username)

    @classmethod
    def from_settings(cls, settings: Settings) -> "FixedUsers":
        """Make the user of the settings, and in demonstration mode the demonstration user."""
        users = []
        if settings.demo:
            users.append(User(DEMO_USERNAME, _hash_once(DEMO_PASSWORD)))
        if settings.username and settings.password_hash:
            users.append(User(settings.username, settings.password_hash.get_secret_value()))
        return cls(users)


class PasswordCheck:
    """Checks passwords, in the same time whether or not the user exists."""

    def __init__(self, users: UserStore) -> None:
        """Check against the users of a store."""
        self._users = users
        self._hasher = PasswordHasher()
        self._nobody = User("", _hash_once(DUMMY_PASSWORD))
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


class TokenCheck:
    """Finds the user of a token, if it is valid and not revoked."""

    def __init__(self, tokens: Tokens, users: UserStore) -> None:
        """Check tokens, and look up their users each time."""
        self._tokens = tokens
        self._users = users

    async def find(self, token: str) -> tuple[User, Mapping[str, Any]]:
        """Return the user of a token, and its claims.

        Raises:
            NotAuthorizedException: the token is missing, invalid, expired or revoked.
        """
        if not token:
            raise _refuse("a token is needed: POST /auth/token gives one, send it as 'Authorization: Bearer <token>'")
        try:
            claims = self._tokens.read(token)
        except jwt.ExpiredSignatureError as error:
            raise _refuse("the token has expired; get a new one from POST /auth/token", "invalid_token") from error
        except jwt.InvalidTokenError as error:
            raise _refuse("the token is not valid; get one from POST /auth/token", "invalid_token") from error
        return await self._bearer(claims["sub"], claims[ROLE], claims.get(GENERATION, 0)), claims

    async def _bearer(self, subject: str, role: Role, generation: int) -> User:
        if subject.startswith(OPERATOR_PREFIX):
            return User(subject, "", role)
        user = await self._users.find(subject)
        if user is None:
            raise _refuse("the token's user was disabled or is not known any more", "invalid_token")
        if generation != user.generation:
            raise _refuse("the token was revoked; get a new one from POST /auth/token", "invalid_token")
        if user.role is role:
            return user
        if role is Role.ADMIN:
            raise _refuse("the token's user is no admin any more", "invalid_token")
        return replace(user, role=role)


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Middleware that lets a request pass if it has a valid token of a user who still exists."""

    def __init__(self, app: ASGIApp, check: TokenCheck) -> None:
        """Protect an application."""
        super().__init__(app)
        self._check = check

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Find the user of the request.

        Raises:
            NotAuthorizedException: there is no token, or no valid one.
        """
        user, claims = await self._check.find(bearer_token(connection))
        return AuthenticationResult(user=user, auth=claims)


def require_admin(connection: ASGIConnection[Any, User, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of routes that change what the platform does.

    Raises:
        PermissionDeniedException: the token is valid, but not an admin's.
    """
    if connection.user.role is not Role.ADMIN:
        raise PermissionDeniedException(
            "an admin's token is needed here; on the machine of the platform, `road token --admin` prints one"
        )


class SharedSecret:
    """Guard of routes that a program calls with a shared secret."""

    def __init__(self, secret: SecretStr | None) -> None:
        """Accept this secret as the bearer token; without a secret, accept nobody."""
        self._secret = secret.get_secret_value().encode() if secret else None

    def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Compare in constant time.

        Raises:
            NotAuthorizedException: there is no token, or another one.
            ServiceUnavailableException: the service has no secret.
        """
        if self._secret is None:
            raise ServiceUnavailableException("the service takes no alerts: ROAD_API_ALERT_TOKEN is not set")
        given = bearer_token(connection)
        if not hmac.compare_digest(given.encode(), self._secret):
            raise _refuse(
                "this is for Alertmanager, which sends ROAD_API_ALERT_TOKEN as its bearer token",
                "invalid_token" if given else None,
            )


def bearer_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The token of the Authorization header, empty if there is none."""
    return token_of(connection.headers.get("authorization", ""))


def token_of(header: str) -> str:
    """The token in an Authorization header, empty if there is none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@cache
def _hash_once(password: str) -> str:
    """Hash a password that protects nothing. Hashing is slow on purpose, so it is done once per process."""
    return PasswordHasher().hash(password)


def challenge(error: str | None = None) -> dict[str, str]:
    """Make the header that every 401 must have (RFC 6750, section 3)."""
    return {"WWW-Authenticate": 'Bearer realm="road-api"' + (f', error="{error}"' if error else "")}


def _refuse(detail: str, error: str | None = None) -> NotAuthorizedException:
    return NotAuthorizedException(detail, headers=challenge(error))
