"""Secrets generated for a platform on one machine, each in a file that only its owner can read."""

import os
import secrets
from pathlib import Path
from typing import Final

from road_assets.errors import UserFacingError

DIRECTORY: Final = "secrets"
BYTES: Final = 32


class SecretError(UserFacingError):
    """A secret cannot be used."""


def secret(home: Path, name: str) -> str:
    """Read a secret; generate it if there is none yet.

    Args:
        home: ``ROAD_HOME``.
        name: file name in its ``secrets`` directory.

    Returns:
        43 letters, digits, ``-`` and ``_``: safe in an address.

    Raises:
        SecretError: the file is there and empty.
    """
    directory = home / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / name
    if not path.exists():
        # Written aside and linked: a crash leaves no empty secret, and of two processes one wins for both.
        draft = directory / f".{name}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode is set at creation
            file.write(secrets.token_urlsafe(BYTES))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was first; its secret is read below
        finally:
            draft.unlink()
    return _read(path)


def existing_secret(home: Path, name: str) -> str | None:
    """Read a secret; None if it was never generated.

    Raises:
        SecretError: the file is there, and empty or not ours to read.
    """
    path = home / DIRECTORY / name
    try:
        return _read(path) if path.exists() else None
    except PermissionError as error:
        raise SecretError(f"{path} can be read by its owner only; ask as the one who started the platform") from error


def _read(path: Path) -> str:
    value = path.read_text().strip()
    if not value:
        raise SecretError(f"{path} is empty; delete it, or put the secret back")
    return value
