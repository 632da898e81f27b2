"""Client of data.gouv.fr's public API: which files of official releases there are. ``download`` fetches them."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from road_assets.core.dialect import table_of, year_of
from road_assets.core.vocabulary import TABLES, Table
from road_assets.resources.releases.download import (
    TRANSIENT,
    NoNetworkError,
    Patience,
    RemoteFile,
    check_status,
    download,
)
from road_assets.resources.releases.files import ReleaseError

API_URL: Final = "https://www.data.gouv.fr/api/1/"
DATASET_ID: Final = "53698f4ca3a729239d2036df"
"""Stays the same, while the dataset's title and slug name the newest year and change with it."""

DATASET_TITLE: Final = "Bases de données annuelles des accidents corporels de la circulation routière"

_GONE: Final = (404, 410)
_API_ATTEMPTS: Final = 3
_NO_DATASET: Final[Mapping[str, Any]] = {}

_log = logging.getLogger(__name__)


class DataGouv:
    """Client of the public API for the one dataset this project needs."""

    def __init__(self, api_url: str | None = None, patience: Patience | None = None) -> None:
        """Remember where the API is.

        Args:
            api_url: its base; ``API_URL`` if not given.
            patience: how long to try.
        """
        self._api_url = (api_url or API_URL).rstrip("/") + "/"
        self._patience = patience or Patience()

    def releases(self) -> dict[int, dict[Table, RemoteFile]]:
        """Look up which files are published.

        Returns:
            Files by year, newest year first; only years with all four.

        Raises:
            NoNetworkError: nobody answered within ``answer_seconds``.
            ReleaseError: the dataset is gone or holds no complete year.
        """
        # In a thread, because no socket timeout bounds a name server that does not answer.
        resources = _within(self._patience.answer_seconds, self._resources, self._api_url)
        by_year: dict[int, dict[Table, RemoteFile]] = {}
        # Of two files for one table the one changed last counts.
        for file in sorted(filter(None, map(_as_file, resources)), key=lambda file: file.modified):
            by_year.setdefault(file.year, {})[file.table] = file
        complete = {
            year: by_year[year] for year in sorted(by_year, reverse=True) if by_year[year].keys() >= set(TABLES)
        }
        for year in sorted(by_year.keys() - complete.keys()):
            lacking = [table for table in TABLES if table not in by_year[year]]
            _log.info("the release of %d is not complete at %s: %s missing", year, self._api_url, ", ".join(lacking))
        if not complete:
            raise ReleaseError(
                f"the dataset {DATASET_ID} at {self._api_url} holds no year with all four tables; "
                "name a directory with the four files by ROAD_RELEASES_DIR"
            )
        return complete

    def download(self, file: RemoteFile, target: Path) -> str:
        """Download one of the files, see ``download.download``."""
        return download(file, target, self._patience)

    def _resources(self) -> list[Any]:
        try:
            with self._patience.client() as client:
                dataset = self._get(client, f"datasets/{DATASET_ID}/") or self._search(client)
        except TRANSIENT as error:
            raise NoNetworkError(f"{self._api_url} does not answer: {error!r}") from error
        resources = dataset.get("resources")
        if not isinstance(resources, list):
            raise ReleaseError(f"{self._api_url} describes the dataset without its files; was the API changed?")
        return resources

    def _search(self, client: httpx.Client) -> Mapping[str, Any]:
        found = self._get(client, "datasets/", {"q": DATASET_TITLE, "page_size": "20"})
        for dataset in found.get("data", []):
            if _words(str(dataset.get("title", ""))).startswith(_words(DATASET_TITLE)):
                return self._get(client, f"datasets/{dataset['id']}/")
        raise ReleaseError(
            f"{self._api_url} knows neither the dataset {DATASET_ID} nor one titled {DATASET_TITLE!r}; "
            "name a directory with the four files by ROAD_RELEASES_DIR"
        )

    def _get(self, client: httpx.Client, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Request a path of the API; an empty mapping if the API does not know it."""
        url = self._api_url + path
        for attempt in self._patience.tries(_API_ATTEMPTS, self._patience.answer_seconds):
            with attempt:
                response = client.get(url, params=query)
                if response.status_code in _GONE:
                    return _NO_DATASET
                check_status(response, url)
        try:
            answer = response.json()
        except ValueError as error:
            raise ReleaseError(
                f"{url} answered no JSON: {response.text[:80]!r}; is another server in between?"
            ) from error
        if not isinstance(answer, dict):
            raise ReleaseError(f"{url} answered {type(answer).__name__} where an object was expected")
        return answer


def _as_file(resource: Mapping[str, Any]) -> RemoteFile | None:
    """Recognize one of the four files among all others of the dataset, such as descriptions or registered vehicles."""
    url, title = str(resource.get("url") or ""), str(resource.get("title") or "")
    if urlsplit(url).scheme not in {"http", "https"}:
        return None
    for name in (unquote(PurePosixPath(urlsplit(url).path).name), title, f"{title}.csv"):
        table, year = table_of(name), year_of(name)
        if table and year:
            size = resource.get("filesize")
            return RemoteFile(
                table,
                year,
                url,
                size if isinstance(size, int) and size > 0 else None,
                _checksum(resource.get("checksum") or {}),
                str(resource.get("last_modified") or ""),
            )
    return None


def _checksum(published: Mapping[str, Any]) -> tuple[str, str] | None:
    algorithm, value = str(published.get("type") or "").lower(), published.get("value")
    return (algorithm, str(value).lower()) if value and algorithm in hashlib.algorithms_guaranteed else None


def _within(seconds: float, call: Callable[[], list[Any]], what: str) -> list[Any]:
    answers: list[list[Any]] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as error:  # noqa: BLE001 - handed over to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, name="data-gouv", daemon=True)
    thread.start()
    thread.join(seconds)
    for error in errors:
        raise error
    if not answers:
        raise NoNetworkError(f"{what} did not answer within {seconds:g} s")
    return answers[0]


def _words(title: str) -> str:
    return " ".join(title.casefold().split())
