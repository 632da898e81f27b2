"""Security headers of every answer. There are no CORS headers: scripts of other sites may not read our answers."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Header = tuple[bytes, bytes]

SECURITY_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)
"""No guessing of media types, no Referer, no framing. A header that the answer has already is kept."""

NO_STORE: Final[Header] = (b"cache-control", b"no-store")
PRIVATE_PATHS: Final = ("/auth/", "/protected/", "/config/")
"""Tokens, estimates about people, and what only admins see: neither browsers nor proxies may store them."""


def with_security_headers(headers: Iterable[Header], path: str) -> list[Header]:
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
    """What to add to headers of these names; the service sends a few dozen different lists, so all are cached."""
    there = {name.lower() for name in names}
    wanted = (*SECURITY_HEADERS, NO_STORE) if private else SECURITY_HEADERS
    return tuple(header for header in wanted if header[0] not in there)
