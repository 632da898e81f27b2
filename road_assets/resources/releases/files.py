"""Finds the four files of a release in a user's directory: which file is which table of which year.

Only names are looked at, unless they tell no year. What the files hold is checked when they are read.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from road_assets.core.demonstration import FILE_STEMS
from road_assets.core.dialect import table_of, year_of
from road_assets.core.vocabulary import TABLES, Table

_ACCIDENT_YEAR: Final = re.compile(rb'^[" ]*((?:19|20)\d\d)\d{8}\b', re.MULTILINE)
_ACCEPTED: Final[dict[Table, str]] = {
    "caracteristiques": "caracteristiques-YYYY.csv or caract-YYYY.csv",
    "lieux": "lieux-YYYY.csv",
    "vehicules": "vehicules-YYYY.csv",
    "usagers": "usagers-YYYY.csv",
}

ReleaseFiles = Mapping[Table, Path]


class ReleaseError(RuntimeError):
    """A release cannot be found, fetched or read. The message says which file and what to do."""


def find_files(directory: Path) -> dict[int, dict[Table, Path]]:
    """Sort the official files of a directory, and of the folders right below it, by year and table.

    Args:
        directory: holds the four files, or one folder per year.

    Returns:
        Files by year; a year may be incomplete.

    Raises:
        ReleaseError: the directory does not exist, is a file, holds nothing that looks like a release, or holds two
            files for one table of one year.
    """
    if not directory.exists():
        raise ReleaseError(f"ROAD_RELEASES_DIR names {directory}, which does not exist; correct it or unset it")
    if not directory.is_dir():
        raise ReleaseError(
            f"ROAD_RELEASES_DIR names {directory}, which is a file; name the directory that holds the four files"
        )
    found: dict[int, dict[Table, Path]] = {}
    for folder in (directory, *sorted(path for path in directory.iterdir() if path.is_dir())):
        for year, table, path in _files_of(folder):
            other = found.setdefault(year, {}).setdefault(table, path)
            if other != path:
                raise ReleaseError(
                    f"two files for the table {table} of {year}: {other} and {path}; "
                    "keep the one that is meant, move the other away"
                )
    if not found:
        raise ReleaseError(
            f"{directory} holds no file of a release{_near_misses([directory])}; accepted names are "
            f"{', '.join(_ACCEPTED.values())}, directly or in one folder per year"
        )
    return found


def require_complete(year: int, files: ReleaseFiles) -> None:
    """Check that a release has its four files.

    Raises:
        ReleaseError: some are missing; their accepted names are said.
    """
    missing = [table for table in TABLES if table not in files]
    if missing:
        folders = sorted({path.parent for path in files.values()})
        wanted = "; ".join(f"{table}: {_ACCEPTED[table].replace('YYYY', str(year))}" for table in missing)
        raise ReleaseError(
            f"the release of {year} in {', '.join(map(str, folders))} lacks {len(missing)} of its four files: "
            f"{', '.join(missing)}{_near_misses(folders)}. Put there {wanted}"
        )


def _files_of(folder: Path) -> list[tuple[int, Table, Path]]:
    paths = [(table, path) for path in sorted(folder.iterdir()) if path.is_file() and (table := table_of(path.name))]
    unnamed = None
    rows = []
    for table, path in paths:
        year = year_of(path.name)
        if year is None:  # copies whose names tell no year: the accidents do
            unnamed = unnamed or _newest_accident(path for _, path in paths)
            year = unnamed
        rows.append((year, table, path))
    return rows


def _newest_accident(paths: Iterable[Path]) -> int:
    years = [int(year) for path in paths for year in set(_ACCIDENT_YEAR.findall(path.read_bytes()))]
    return max(years, default=0)


def _near_misses(folders: Iterable[Path]) -> str:
    stems = (*TABLES, *FILE_STEMS.values())
    others = [
        path.name
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.is_file() and not table_of(path.name) and any(stem in path.name.lower() for stem in stems)
    ]
    return (
        f" (there is {', '.join(others)}, but only plain .csv files with the official names are read)" if others else ""
    )
