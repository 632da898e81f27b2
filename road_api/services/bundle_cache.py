"""The last good bundle on disk, so that the service starts while the registry is away.

Layout: one folder per bundle, named by the hash of its manifest, and ``current.json``, which names the folder in use.
Both appear by a rename, so that a crash or a second worker leaves a whole state, old or new.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from road_api.services.model_store import ModelRef
from road_assets.core.bundle import BUNDLE_FILES, MANIFEST_FILE, BundleError
from road_assets.core.card_words import HTML_CARDS

POINTER_FILE: Final = "current.json"
KEPT_BUNDLES: Final = 3
"""Folders left after a swap; more than one, because another worker may still be reading the one before."""


class BundleCache:
    """Bundles of one service in one directory."""

    def __init__(self, directory: Path) -> None:
        """Use a directory, which is made when something is first saved."""
        self._directory = directory

    def load(self) -> tuple[ModelRef, dict[str, bytes]] | None:
        """Read the last good bundle.

        Returns:
            Its version and files, not yet checked, and the pages of its card if they were saved; None if nothing was.

        Raises:
            BundleError: the pointer or a file is missing or unreadable.
        """
        pointer = self._directory / POINTER_FILE
        if not pointer.exists():
            return None
        try:
            content = json.loads(pointer.read_bytes())
            folder = self._directory / content["folder"]
            ref = ModelRef(content["version"], content["run_id"])
            card = [name for name in HTML_CARDS.values() if (folder / name).is_file()]
            return ref, {name: (folder / name).read_bytes() for name in (*BUNDLE_FILES, *card)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"the bundle kept in {self._directory} cannot be read: {error}") from error

    def save(self, ref: ModelRef, files: dict[str, bytes]) -> None:
        """Keep a checked bundle as the last good one.

        Args:
            ref: its version.
            files: its content by file name.

        Raises:
            OSError: the directory cannot be written.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(files[MANIFEST_FILE]).hexdigest()[:16]
        self._place_folder(name, files)
        pointer = json.dumps({**asdict(ref), "folder": name}).encode()
        with tempfile.TemporaryDirectory(dir=self._directory) as scratch:
            _write(Path(scratch) / POINTER_FILE, pointer)
            (Path(scratch) / POINTER_FILE).replace(self._directory / POINTER_FILE)
        self._prune(keep=name)

    def save_card(self, ref: ModelRef, card: Mapping[str, bytes]) -> None:
        """Keep a card that came after its bundle; nothing is done if another bundle was saved since.

        Args:
            ref: version that it describes.
            card: pages by file name.

        Raises:
            OSError: the directory cannot be written.
            BundleError: the bundle on disk cannot be read.
        """
        kept = self.load()
        if kept is not None and kept[0] == ref:
            self.save(ref, {**kept[1], **card})

    def _place_folder(self, name: str, files: dict[str, bytes]) -> None:
        target = self._directory / name
        with tempfile.TemporaryDirectory(dir=self._directory) as scratch:
            fresh = Path(scratch) / name
            fresh.mkdir()
            for file, content in files.items():
                _write(fresh / file, content)
            if target.exists():  # the same bundle, whole or damaged since
                target.replace(Path(scratch) / "old")
            fresh.replace(target)

    def _prune(self, keep: str) -> None:
        folders = [path for path in self._directory.iterdir() if (path / MANIFEST_FILE).is_file() and path.name != keep]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in folders[KEPT_BUNDLES - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)  # what another worker removes first is gone all the same


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
