"""Finds and reads releases: in the user's directory, among those fetched, on data.gouv.fr, or a generated one.

Nothing of Dagster here; ``resource`` makes a resource of it.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from road_assets.core.columns import DAY
from road_assets.core.demonstration import FILE_STEMS, generate_release
from road_assets.core.dialect import DialectError, scan_table
from road_assets.core.joining import JoinError, join_users
from road_assets.core.quarantine import QuarantineError, RowCounts, validate_release
from road_assets.core.vocabulary import DATA_DEMONSTRATION, DATA_OFFICIAL, TABLES, Table
from road_assets.resources.files import file_lock
from road_assets.resources.releases.data_gouv import DataGouv
from road_assets.resources.releases.download import NoNetworkError, RemoteFile
from road_assets.resources.releases.files import ReleaseError, ReleaseFiles, find_files, require_complete
from road_assets.resources.releases.release import LoadedRelease, Release, Source

FETCHED_FOLDER: Final = "releases"
DEMONSTRATION_FOLDER: Final = "releases-demo"
RECORD_FILE: Final = "release.json"

DEMONSTRATION_ACCIDENTS: Final = 20_000
"""Accidents of a generated year: enough for a model to learn from, few enough to be quick."""

DEMONSTRATION_SEED: Final = 1


_log = logging.getLogger(__name__)


class ReleaseStore:
    """Finds, fetches and reads releases."""

    def __init__(
        self,
        home: Path,
        releases_dir: Path | None = None,
        remote: DataGouv | None = None,
        report: Callable[[str], None] = _log.info,
    ) -> None:
        """Prepare a store; nothing is read yet.

        Args:
            home: directory of the platform's state.
            releases_dir: directory of the user's; where given, nothing else is looked at.
            remote: client of data.gouv.fr.
            report: called with a line before anything that takes long.
        """
        self._home = home
        self._directory = releases_dir
        self._remote = remote or DataGouv()
        self._report = report

    def find_release(self, year: int | None = None) -> Release:
        """Find a release, fetching or generating it where needed.

        Args:
            year: which one; None for the newest. The newest of those already fetched is taken before data.gouv.fr is
                asked for newer ones.

        Returns:
            The release, its files on this machine.

        Raises:
            ReleaseError: the user's directory is wrong or lacks a file, a kept file was altered, data.gouv.fr lacks the
                year or gave something else than it published, or there is no network and other years were fetched.
        """
        if self._directory is not None:
            return self._from_directory(self._directory, year)
        fetched = self._kept_years(FETCHED_FOLDER)
        wanted = year or max(fetched, default=None)
        if wanted in fetched:
            return self._kept(FETCHED_FOLDER, wanted, "fetched")
        try:
            return self._fetch(year)
        except NoNetworkError as error:
            if fetched:
                raise ReleaseError(
                    f"the release of {year} is not here and cannot be fetched ({error}); fetched are {fetched}"
                ) from error
            self._report(f"no network ({error}): going on with {DATA_DEMONSTRATION}")
            return self._demonstration(year)

    def load_release(self, release: Release) -> LoadedRelease:
        """Read the four files, set aside the rows that break the contract, join the others.

        Args:
            release: as ``find_release`` gave it.

        Returns:
            The users with all that is known of them, and what was set aside.

        Raises:
            ReleaseError: a file as a whole is no CSV of its table, not one row of it can be kept, or it changed
                meanwhile.
        """
        contents = {table: release.files[table].read_bytes() for table in TABLES}
        if _hash(contents) != release.content_hash:
            raise ReleaseError(f"the files of {release.year} changed while they were being read; start again")
        try:
            readings = {
                table: scan_table(table, contents.pop(table), name=str(release.files[table])) for table in TABLES
            }
            names = {table: release.files[table].name for table in TABLES}
            validated = validate_release(readings, names, year=release.year)
            frame, counts = join_users(validated.tables)
            users = validated.counts["usagers"]
            RowCounts(users.rows_in, len(frame), users.quarantined).require_balance(f"users of {release.year}")
        except (DialectError, JoinError, QuarantineError) as error:
            raise ReleaseError(f"the release of {release.year} cannot be read: {error}") from error
        unknown = {table: reading.unknown_columns for table, reading in readings.items() if reading.unknown_columns}
        return LoadedRelease(release, frame, counts, validated.quarantine, validated.counts, unknown)

    def days_of(self, release: Release) -> tuple[date, date]:
        """Tell the first and last day of a release, from the table of accidents alone.

        Raises:
            ReleaseError: it cannot be read.
        """
        path = release.files["caracteristiques"]
        try:
            days = scan_table("caracteristiques", path.read_bytes(), name=str(path)).frame[DAY]
        except DialectError as error:
            raise ReleaseError(f"the release of {release.year} cannot be read: {error}") from error
        days = days[days.dt.year == release.year]
        if days.empty:
            raise ReleaseError(f"{path} holds no readable accident of {release.year}; get the file again")
        return days.min().date(), days.max().date()

    def _from_directory(self, directory: Path, year: int | None) -> Release:
        found = find_files(directory)
        year = year or max(found)
        if year not in found:
            raise ReleaseError(f"{directory} holds no release of {year}; it holds {sorted(found)}")
        require_complete(year, found[year])
        return _release(year, found[year], "directory")

    def _fetch(self, year: int | None) -> Release:
        published = self._remote.releases()
        year = year or next(iter(published))
        if year not in published:
            raise ReleaseError(f"data.gouv.fr has no complete release of {year}; it has {sorted(published)}")
        folder = self._home / FETCHED_FOLDER
        with file_lock(folder / ".lock"):
            if year not in self._kept_years(FETCHED_FOLDER):  # somebody else may have fetched it meanwhile
                self._download(folder / f".partial-{year}", published[year])
                (folder / f".partial-{year}").replace(folder / str(year))
        return self._kept(FETCHED_FOLDER, year, "fetched")

    def _download(self, folder: Path, files: Mapping[Table, RemoteFile]) -> None:
        folder.mkdir(exist_ok=True)
        records = {}
        for table in TABLES:
            file = files[table]
            target = folder / f"{FILE_STEMS[table]}-{file.year}.csv"
            size = f" ({file.size / 1e6:.1f} MB)" if file.size else ""
            self._report(f"fetching {target.name}{size} from {file.url}")
            digest = self._remote.download(file, target)
            records[table] = {
                "name": target.name,
                "sha256": digest,
                "bytes": target.stat().st_size,
                "url": file.url,
                "modified": file.modified,
                "fetched_at": datetime.now(UTC).isoformat(),
            }
        _write_record(folder, records)

    def _demonstration(self, year: int | None) -> Release:
        kept = self._kept_years(DEMONSTRATION_FOLDER)
        # The year before this one, as with the official releases, so that live days have something to replay.
        year = year or max(kept, default=datetime.now(UTC).year - 1)
        folder = self._home / DEMONSTRATION_FOLDER
        with file_lock(folder / ".lock"):
            if year not in self._kept_years(DEMONSTRATION_FOLDER):
                partial = folder / f".partial-{year}"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                files = generate_release(year, accidents=DEMONSTRATION_ACCIDENTS, seed=DEMONSTRATION_SEED)
                records = {}
                for table, (name, content) in zip(TABLES, files.items(), strict=True):
                    (partial / name).write_bytes(content)
                    digest = hashlib.sha256(content).hexdigest()
                    records[table] = {"name": name, "sha256": digest, "bytes": len(content), "generated": True}
                _write_record(partial, records)
                partial.replace(folder / str(year))
        return self._kept(DEMONSTRATION_FOLDER, year, "demonstration")

    def _kept_years(self, folder: str) -> list[int]:
        return sorted(
            int(path.parent.name) for path in (self._home / folder).glob(f"[12][0-9][0-9][0-9]/{RECORD_FILE}")
        )

    def _kept(self, folder: str, year: int, source: Source) -> Release:
        place = self._home / folder / str(year)
        record: dict[str, dict[str, Any]] = json.loads((place / RECORD_FILE).read_text())["files"]
        files: dict[Table, Path] = {table: place / record[table]["name"] for table in TABLES}
        for table, path in files.items():
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != record[table]["sha256"]:
                raise ReleaseError(
                    f"{path} is gone or is not what was kept ({RECORD_FILE} beside it says which); "
                    f"remove {place} and start again to get it anew"
                )
        return _release(year, files, source)


def _release(year: int, files: ReleaseFiles, source: Source) -> Release:
    label = DATA_DEMONSTRATION if source == "demonstration" else DATA_OFFICIAL
    return Release(year, files, _hash({table: files[table].read_bytes() for table in TABLES}), source, label)


def _hash(contents: Mapping[Table, bytes]) -> str:
    digest = hashlib.sha256()
    for table in TABLES:
        digest.update(contents[table])
    return digest.hexdigest()


def _write_record(folder: Path, files: Mapping[Table, Mapping[str, object]]) -> None:
    (folder / RECORD_FILE).write_text(json.dumps({"files": files}, indent=2) + "\n")
