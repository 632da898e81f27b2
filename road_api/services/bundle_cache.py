"""Checked bundles on disk, so that the service starts while the registry is away, and explains former answers.

Layout: one folder per bundle, named by the hash of its manifest, in which ``version.json`` holds the version; and
``current.json``, which names the folder of the last good bundle. Both are put in place by a rename, so that after a
crash, or with several workers, the state is complete, either the old or the new one.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from road_api.services.model_store import ModelRef
from road_assets.core.bundle import MANIFEST_FILE, BundleError, files_of, read_manifest
from road_assets.core.model_card_labels import HTML_CARDS

POINTER_FILE: Final = "current.json"
VERSION_FILE: Final = "version.json"
KEPT_BUNDLES: Final = 3
"""Folders kept after a swap: another worker may still read an old one, and former bundles explain their answers."""


class BundleCache:
    """Bundles in one directory, which all workers of a service share."""

    def __init__(self, directory: Path) -> None:
        """Use a directory; the first save creates it."""
        self._directory = directory

    def load(self) -> tuple[ModelRef, dict[str, bytes]] | None:
        """Read the last good bundle.

        Returns:
            Its version, and its files with the pages of its card if there are any, not yet checked; None if nothing
            was saved.

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
            return ref, _read(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"the bundle kept in {self._directory} cannot be read: {error}") from error

    def find(self, version: str) -> list[tuple[ModelRef, dict[str, bytes]]]:
        """Read the bundles of a version that are on disk, newest first; those that cannot be read are left out.

        Returns:
            Version and files of each, not yet checked. There may be several if the registry was made anew.
        """
        found = []
        for folder in self._folders():
            with suppress(
                OSError, ValueError, KeyError, TypeError
            ):  # as if it were not there; other workers may remove it
                told = json.loads((folder / VERSION_FILE).read_bytes())
                if told["version"] == version:
                    found.append((ModelRef(told["version"], told["run_id"]), _read(folder)))
        return found

    def save(self, ref: ModelRef, files: dict[str, bytes]) -> None:
        """Save a checked bundle as the last good one.

        Args:
            ref: its version.
            files: its content by file name.

        Raises:
            OSError: the directory cannot be written.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(files[MANIFEST_FILE]).hexdigest()[:16]
        self._place_folder(name, {**files, VERSION_FILE: json.dumps(asdict(ref)).encode()})
        pointer = json.dumps({**asdict(ref), "folder": name}).encode()
        with tempfile.TemporaryDirectory(dir=self._directory) as scratch:
            _write(Path(scratch) / POINTER_FILE, pointer)
            (Path(scratch) / POINTER_FILE).replace(self._directory / POINTER_FILE)
        self._prune(keep=name)

    def save_card(self, ref: ModelRef, card: Mapping[str, bytes]) -> None:
        """Save a card that was loaded after its bundle; nothing is done if another bundle was saved since.

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
            if target.exists():  # the same bundle, which may be damaged
                target.replace(Path(scratch) / "old")
            fresh.replace(target)

    def _prune(self, keep: str) -> None:
        others = [folder for folder in self._folders() if folder.name != keep]
        for folder in others[KEPT_BUNDLES - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)  # another worker may remove it, too

    def _folders(self) -> list[Path]:
        """Folders of bundles, newest first."""
        if not self._directory.is_dir():
            return []
        ages = {}
        for path in self._directory.iterdir():
            with suppress(OSError):  # another worker may remove it meanwhile
                ages[path] = (path / MANIFEST_FILE).stat().st_mtime_ns
        return sorted(ages, key=ages.__getitem__, reverse=True)


def _read(folder: Path) -> dict[str, bytes]:
    manifest = read_manifest({MANIFEST_FILE: (folder / MANIFEST_FILE).read_bytes()})
    card = [name for name in HTML_CARDS.values() if (folder / name).is_file()]
    return {name: (folder / name).read_bytes() for name in (*files_of(manifest), *card)}


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
