"""Headers that make browsers careful, on every answer. CORS is not among them: no other site may read our answers."""

from collections.abc import Iterable
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
    names = {name.lower() for name, _ in given}
    wanted = (*SAFE_HEADERS, NO_STORE) if path.startswith(PRIVATE_PATHS) else SAFE_HEADERS
    return [*given, *(header for header in wanted if header[0] not in names)]
