"""Downloads one published file over an unreliable network: resumed, retried, compared with the published checksum.

Transient errors (no connection, a connection that breaks, 5xx, 429) are retried with growing pauses. After that they
become a ``NoNetworkError``; a later attempt may succeed. Errors that remain become a ``ReleaseError``.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import stamina
from stamina import Attempt

from road_assets.core.vocabulary import Table
from road_assets.resources.releases.files import ReleaseError

_CHUNK: Final = 1 << 18
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_PARTIAL: Final = 206
_RANGE_NOT_SATISFIABLE: Final = 416
_LONGEST_PAUSE_SECONDS: Final = 8.0


class NoNetworkError(RuntimeError):
    """data.gouv.fr cannot be reached reliably; a later attempt may succeed."""


class TransientError(Exception):
    """An answer of the server that may be another one later."""


TRANSIENT: Final = (httpx.TransportError, TransientError)


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts and retries.

    Attributes:
        connect_seconds: for one connection.
        read_seconds: without a byte arriving.
        answer_seconds: for the whole look-up, name resolution and retries included.
        attempts: for one file; those that made progress count too.
        first_pause_seconds: doubled after each attempt.
    """

    connect_seconds: float = 3.0
    read_seconds: float = 20.0
    answer_seconds: float = 10.0
    attempts: int = 6
    first_pause_seconds: float = 0.5

    def client(self) -> httpx.Client:
        """Open an HTTP client."""
        # Ranges and sizes are those of the stored file, so it must not be compressed in transit.
        return httpx.Client(
            timeout=httpx.Timeout(self.read_seconds, connect=self.connect_seconds),
            follow_redirects=True,
            headers={"Accept-Encoding": "identity"},
        )

    def tries(self, attempts: int, seconds: float | None = None) -> Iterator[Attempt]:
        """The attempts of a block that is to be retried on transient errors."""
        return stamina.retry_context(
            on=TRANSIENT,
            attempts=attempts,
            timeout=seconds,
            wait_initial=self.first_pause_seconds,
            wait_jitter=self.first_pause_seconds / 2,
            wait_max=_LONGEST_PAUSE_SECONDS,
        )


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One published file.

    Attributes:
        table: which of the four.
        year: of the accidents.
        url: to fetch it from.
        size: in bytes, None where not published.
        checksum: algorithm and hexadecimal digest, None where not published.
        modified: when it was last changed, as the API says it.
    """

    table: Table
    year: int
    url: str
    size: int | None
    checksum: tuple[str, str] | None
    modified: str


def download(file: RemoteFile, target: Path, patience: Patience) -> str:
    """Download a file, continuing where an earlier attempt stopped.

    Args:
        file: what to fetch.
        target: path to write; an incomplete file stays beside it with ``.part`` at the end.
        patience: how long to try.

    Returns:
        SHA-256 of the content, in hexadecimal.

    Raises:
        NoNetworkError: the connection broke too often; what was received is kept.
        ReleaseError: the server refuses the file, or size or checksum are not those published.
    """
    if file.checksum and target.exists():  # complete since an earlier try that broke off at another file
        digest, wrong = _compare(file, target)
        if not wrong:
            return digest
    part = target.with_name(target.name + ".part")
    try:
        for attempt in patience.tries(patience.attempts):
            with attempt, patience.client() as client:
                _receive(client, file, part)
    except TRANSIENT as error:
        raise NoNetworkError(f"{file.url} broke off after {patience.attempts} attempts: {error!r}") from error
    _tag_path(part).unlink(missing_ok=True)
    digest, wrong = _compare(file, part)
    if wrong:
        part.unlink()
        raise ReleaseError(f"{file.url} is not the published file: {wrong}; try again later or use ROAD_RELEASES_DIR")
    part.replace(target)
    return digest


def check_status(response: httpx.Response, url: str) -> None:
    """Raise if an answer is no success.

    Raises:
        TransientError: a retry may succeed.
        ReleaseError: it will not.
    """
    if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY:
        raise TransientError(f"{url} answered {response.status_code}")
    if not response.is_success:
        raise ReleaseError(
            f"{url} answered {response.status_code} {response.reason_phrase}; trying again will not help. "
            "Name a directory with the four files by ROAD_RELEASES_DIR"
        )


def _receive(client: httpx.Client, file: RemoteFile, part: Path) -> None:
    tag = _tag_path(part)
    have = part.stat().st_size if part.exists() and tag.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": tag.read_text()} if have else {}
    with client.stream("GET", file.url, headers=headers) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE:  # nothing is left to fetch, or the file was shortened since
            if have != file.size:
                part.unlink(missing_ok=True)
                raise TransientError(f"{file.url} has no byte {have}; starting anew")
            return
        check_status(response, file.url)
        etag = response.headers.get("etag", "")
        if etag.startswith('"'):  # only a strong tag tells that the rest belongs to what is here
            tag.write_text(etag)
        else:
            tag.unlink(missing_ok=True)
        with part.open("ab" if response.status_code == _PARTIAL else "wb") as sink:
            for chunk in response.iter_raw():  # with a chunk size, httpx would lose what it had gathered at a break
                sink.write(chunk)


def _compare(file: RemoteFile, path: Path) -> tuple[str, str]:
    """The SHA-256 of a file, and what is wrong with it; an empty text if nothing is."""
    size = path.stat().st_size
    digests = {name: hashlib.new(name) for name in {"sha256", *(file.checksum or ())[:1]}}
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            for digest in digests.values():
                digest.update(chunk)
    wrong = ""
    if file.size is not None and size != file.size:
        wrong = f"{size} bytes came, {file.size} are published"
    elif file.checksum and digests[file.checksum[0]].hexdigest() != file.checksum[1]:
        wrong = f"its {file.checksum[0]} is {digests[file.checksum[0]].hexdigest()}, {file.checksum[1]} is published"
    return digests["sha256"].hexdigest(), wrong


def _tag_path(part: Path) -> Path:
    return part.with_name(part.name + ".etag")
