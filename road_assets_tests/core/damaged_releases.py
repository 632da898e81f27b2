"""A generated release, ways to damage it, and the sifting of what comes out."""

from collections.abc import Callable

from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import scan_table
from road_assets.core.quarantine import (
    ValidatedRelease,
    validate_release,
)
from road_assets.core.vocabulary import TABLES, Table

Files = dict[Table, bytes]

GENERATED: Files = dict(zip(TABLES, generate_release(2024, accidents=60, seed=11).values(), strict=True))
SMALL: Files = dict(zip(TABLES, generate_release(2024, accidents=12, seed=3).values(), strict=True))


def validate(files: Files, *, year: int = 2024) -> ValidatedRelease:
    readings = {table: scan_table(table, content, name=f"{table}.csv") for table, content in files.items()}
    return validate_release(readings, {table: f"{table}.csv" for table in TABLES}, year=year)


def changed(table: Table, change: Callable[[list[list[str]]], None], files: Files = GENERATED) -> Files:
    """The release with some lines of one file changed; the header is line 0, fields stand without quotes."""
    lines = [line[1:-1].split('";"') for line in files[table].decode().splitlines()]
    change(lines)
    return files | {table: "".join('"' + '";"'.join(line) + '"\n' for line in lines).encode()}


def with_value(table: Table, line: int, column: str, value: str, files: Files = GENERATED) -> Files:
    """The release with one field changed; ``line`` as in the file."""

    def change(lines: list[list[str]]) -> None:
        lines[line - 1][[name.lower() for name in lines[0]].index(column)] = value

    return changed(table, change, files)


def users_of(number: str) -> int:
    return GENERATED["usagers"].decode().count(f'\n"{number}"')


def number_in(table: Table, line: int) -> str:
    return GENERATED[table].decode().splitlines()[line - 1][1:13]


def rules(validated: ValidatedRelease) -> dict[tuple[str, str], int]:
    return validated.quarantine.groupby(["source_table", "rule"]).size().to_dict()
