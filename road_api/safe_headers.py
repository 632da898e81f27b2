"""Headers that make browsers careful, on every answer. CORS is not among them: no other site may read our answers."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Header = tuple[bytes, bytes]

SAFE_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)
"""No type guessed, no address told, no frame around it; a page that says more about itself keeps what it says."""

NO_STORE: Final[Header] = (b"cache-control", b"no-store")
PRIVATE_PATHS: Final = ("/auth/", "/protected/", "/config/")
"""Tokens, estimates about people, and what only admins see: kept by no browser and no proxy."""


def with_safe_headers(headers: Iterable[Header], path: str) -> list[Header]:
    """Add the headers that an answer does not have.

    Args:
        headers: of the answer.
        path: of the request.

    Returns:
        All headers.
    """
    given = list(headers)
    return [*given, *_missing(tuple([name for name, _ in given]), path.startswith(PRIVATE_PATHS))]


@lru_cache(maxsize=256)
def _missing(names: tuple[bytes, ...], private: bool) -> tuple[Header, ...]:  # noqa: FBT001 (a key of the cache)
    """What is to be added to headers of these names; a service has a few dozen such lists."""
    there = {name.lower() for name in names}
    wanted = (*SAFE_HEADERS, NO_STORE) if private else SAFE_HEADERS
    return tuple(header for header in wanted if header[0] not in there)
