"""Types of settings: absolute paths, addresses of storages, and addresses without passwords."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

STORAGE_SCHEMES: Final = ("s3", "gs")
"""URL schemes of the object storages that are supported."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def holds_password(address: str) -> bool:
    """Whether an address holds a password or a token before its host; a user alone, as in ``git@host``, is allowed."""
    if "://" not in address:
        return False
    parts = urlsplit(address)
    return parts.password is not None or (parts.username is not None and parts.scheme in {"http", "https"})


def _without_password(address: str) -> str:
    if holds_password(address):
        raise ValueError(
            "the address holds a user or a password, which would show in logs, pages and commits; take them out and "
            "set the variables for user name and password (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "ROAD_ARCHIVE_GIT_USERNAME and _TOKEN, ROAD_ARCHIVE_DVC_USERNAME and _TOKEN)"
        )
    return address


def _storage(address: str) -> str:
    if "://" not in address:
        return str(_absolute(Path(address)))
    parts = urlsplit(address)
    if parts.scheme not in STORAGE_SCHEMES or not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "give a directory, s3://bucket/folder or gs://bucket/folder; keys and endpoint belong in the environment "
            "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, or GOOGLE_APPLICATION_CREDENTIALS)"
        )
    return address.rstrip("/")


PublicAddress = Annotated[str, AfterValidator(_without_password)]
"""An address that may be shown: without user and password over HTTP."""

AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""A path that is made absolute when it is read, since child processes may have another working directory."""

StorageAddress = Annotated[str, AfterValidator(_storage)]
"""A directory, made absolute, or a folder of an object storage."""
