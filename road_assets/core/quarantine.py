"""Which rows of a release go on and which are set aside, each with the rule it breaks. No files, no joining.

A row is set aside when it cannot be read, holds a code that the codebook does not know, repeats another row's key, or
rests on a row that is missing or set aside itself. Nothing is repaired and nothing guessed; a row is in the quarantine
once, with the first rule it breaks, so that rows in = rows kept + rows quarantined for each of the four files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.columns import ACCIDENT, DAY, USER, VEHICLE
from road_assets.core.dialect import Reading
from road_assets.core.vocabulary import FEATURES, GRAVITY, TABLES, Table

TABLE_COLUMN: Final = "source_table"
QUARANTINE_COLUMNS: Final = (DAY, TABLE_COLUMN, "file", "line", ACCIDENT, "column", "rule", "value")
"""``day`` and ``num_acc`` are null where the row does not tell them; ``line`` counts the header as 1."""

UNKNOWN_CODE_RULE: Final = "code not in the codebook"
REPEATED_RULE: Final = "an earlier row of the file has the same key"
OTHER_YEAR_RULE: Final = "the accident is of another year than the release"
NO_USER_RULE: Final = "no row of usagers belongs to this accident"
APART_RULE: Final = "its accident's row in {table} is in quarantine"
MISSING_RULE: Final = "its accident has no row in {table}"

_SHOWN_VALUE: Final = 500
"""Characters of a value that are kept: a broken line may be a whole file."""

_TEXT: Final = "string[pyarrow]"
_TEXTS: Final = {ACCIDENT: _TEXT, "column": _TEXT, "rule": _TEXT, "value": _TEXT}
_CODED: Final = (*FEATURES, GRAVITY)
_KEYS: Final[dict[Table, str]] = {"vehicules": VEHICLE, "usagers": USER}

Rows = npt.NDArray[np.bool_]
"""Shape (rows of a frame,): which of them."""


DERIVED_RULES: Final = frozenset(
    rule.format(table=table) for rule in (APART_RULE, MISSING_RULE) for table in ("caracteristiques", "lieux")
)
"""Rules that a row breaks for the sake of another row."""


class QuarantineError(ValueError):
    """Rows were lost or counted twice, or none of a release could be kept."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of the rows of one file.

    Attributes:
        rows_in: lines of the file that are not blank, without the header.
        kept: rows that go on.
        quarantined: rows set aside.
    """

    rows_in: int
    kept: int
    quarantined: int

    def require_balance(self, what: str) -> None:
        """Check that no row was lost or counted twice.

        Raises:
            QuarantineError: it was.
        """
        if self.rows_in != self.kept + self.quarantined:
            raise QuarantineError(
                f"{what}: {self.rows_in} rows came in, but {self.kept} were kept and {self.quarantined} quarantined; "
                "this is a defect of the platform, please report it"
            )


@dataclass(frozen=True, slots=True)
class Sifted:
    """A release after sifting.

    Attributes:
        tables: the canonical frames without the rows set aside; they fit together.
        quarantine: ``QUARANTINE_COLUMNS``, one row per row set aside, in the order of ``TABLES`` and lines.
        counts: per file.
    """

    tables: dict[Table, pd.DataFrame]
    quarantine: pd.DataFrame
    counts: dict[Table, RowCounts]


def sift_release(readings: Mapping[Table, Reading], files: Mapping[Table, str], *, year: int) -> Sifted:
    """Set aside what breaks the contract.

    Args:
        readings: the four files, as ``scan_table`` gives them.
        files: their names, for the quarantine.
        year: of the release.

    Returns:
        The rows that go on and those set aside.

    Raises:
        QuarantineError: not one user can be kept, so the files as a whole are not usable.
    """
    sieves = {table: _Sieve(table, files[table], readings[table]) for table in TABLES}
    for sieve in sieves.values():
        sieve.set_aside_repeated()
        sieve.set_aside_unknown_codes()
    accidents, users = sieves["caracteristiques"], sieves["usagers"]
    days = accidents.frame[DAY]
    accidents.set_aside((days.dt.year != year).to_numpy(), DAY, OTHER_YEAR_RULE, days.dt.strftime("%Y-%m-%d"))
    for table in ("caracteristiques", "lieux"):
        users.set_aside_without(sieves[table])
    present = pd.concat([users.frame[ACCIDENT], users.unreadable[ACCIDENT]])
    accidents.set_aside(_lacks(present, accidents.frame[ACCIDENT]), ACCIDENT, NO_USER_RULE, accidents.frame[ACCIDENT])

    entries = pd.concat([sieve.entries() for sieve in sieves.values()], ignore_index=True)
    quarantine = entries.assign(**{DAY: _days_of(entries[ACCIDENT], accidents)})[list(QUARANTINE_COLUMNS)]
    counts = {table: sieve.counts(quarantine) for table, sieve in sieves.items()}
    if not counts["usagers"].kept:
        raise QuarantineError(
            f"not one of {counts['usagers'].rows_in} users can be kept; the first rules broken are {_rules(quarantine)}"
        )
    return Sifted({table: sieve.rows_kept() for table, sieve in sieves.items()}, quarantine, counts)


class _Sieve:
    """One file: its readable rows, which of them are still kept, and why the others are not."""

    def __init__(self, table: Table, file: str, reading: Reading) -> None:
        self.table: Table = table
        self.frame = reading.frame
        self.unreadable = reading.unreadable
        self._file = file
        self._lines = reading.lines
        self._kept = np.ones(len(reading.frame), dtype=np.bool_)
        self._entries = [_unreadable_entries(reading)]

    def set_aside(self, rows: Rows, column: str, rule: str, values: "pd.Series[Any]") -> None:
        """Set aside some rows, unless they are already."""
        rows = rows & self._kept
        if not rows.any():
            return
        self._kept = self._kept & ~rows
        found = {"line": self._lines[rows], ACCIDENT: self.frame.loc[rows, ACCIDENT], "column": column, "rule": rule}
        self._entries.append(pd.DataFrame({**found, "value": values[rows]}).astype(_TEXTS))

    def set_aside_repeated(self) -> None:
        """Keep the first of the rows that tell the same accident, vehicle or user.

        Several places of one accident are official. Users without an id are told apart by their position: two alike, as
        passengers of a bus, are two people.
        """
        frame = self.frame
        if self.table == "caracteristiques":
            repeated = frame.duplicated(ACCIDENT).to_numpy() | (self._first_unreadable() < self._lines)
            self.set_aside(repeated, ACCIDENT, REPEATED_RULE, frame[ACCIDENT])
        elif self.table in _KEYS:
            key = _KEYS[self.table]
            known = frame[key].notna().to_numpy()
            if known.any():
                repeated = known & frame.duplicated([ACCIDENT, key]).to_numpy()
                self.set_aside(repeated, key, REPEATED_RULE, frame[key])
            if self.table == "vehicules" and not known.all():
                self.set_aside(~known & frame.duplicated().to_numpy(), ACCIDENT, REPEATED_RULE, frame[ACCIDENT])

    def set_aside_unknown_codes(self) -> None:
        """Set aside rows whose code of a feature or of the gravity is in no codebook; not recorded is not unknown."""
        for feature in _CODED:
            if feature.table == self.table:
                codes = self.frame[feature.name]
                unknown = (codes.notna() & ~codes.isin(list(feature.values))).to_numpy(dtype=np.bool_)
                self.set_aside(unknown, feature.name, UNKNOWN_CODE_RULE, codes)

    def set_aside_without(self, other: "_Sieve") -> None:
        """Set aside rows whose accident has no row in another file that can be used."""
        accidents = self.frame[ACCIDENT]
        for known, rule in ((other.accidents_told(), MISSING_RULE), (other.accidents_usable(), APART_RULE)):
            self.set_aside(_lacks(known, accidents), ACCIDENT, rule.format(table=other.table), accidents)

    def accidents_told(self) -> "pd.Series[str]":
        """Accidents with a row, whatever its state."""
        told: pd.Series[str] = pd.concat([self.frame[ACCIDENT], self.unreadable[ACCIDENT].dropna()])
        return told

    def accidents_usable(self) -> "pd.Series[str]":
        """Accidents whose first row is kept; a later one never takes the place of one that was set aside."""
        first = ~self.frame.duplicated(ACCIDENT).to_numpy() & self._kept
        usable: pd.Series[str] = self.frame.loc[first & (self._first_unreadable() > self._lines), ACCIDENT]
        return usable

    def rows_kept(self) -> pd.DataFrame:
        """The rows that go on."""
        return self.frame if self._kept.all() else self.frame[self._kept].reset_index(drop=True)

    def entries(self) -> pd.DataFrame:
        """The rows set aside, in the order of the file."""
        entries = pd.concat(self._entries).assign(**{TABLE_COLUMN: self.table, "file": self._file})
        return entries.astype({TABLE_COLUMN: _TEXT, "file": _TEXT}).sort_values("line", ignore_index=True)

    def counts(self, quarantine: pd.DataFrame) -> RowCounts:
        """Count the file's rows, and make sure that each is in one place."""
        ours = quarantine.loc[quarantine[TABLE_COLUMN] == self.table, "line"]
        counts = RowCounts(len(self.frame) + len(self.unreadable), int(self._kept.sum()), len(ours))
        counts.require_balance(self._file)
        RowCounts(counts.quarantined, ours.nunique(), 0).require_balance(f"{self._file}, lines in quarantine")
        return counts

    def _first_unreadable(self) -> npt.NDArray[np.float64]:
        """Line of the first unreadable row of each row's accident; infinite where there is none."""
        before = self.unreadable.dropna(subset=[ACCIDENT]).groupby(ACCIDENT)["line"].min()
        if before.empty:
            return np.full(len(self.frame), np.inf)
        first = self.frame[ACCIDENT].map(before.astype("float64").to_dict()).fillna(np.inf)
        return np.asarray(first, dtype=np.float64)


def _unreadable_entries(reading: Reading) -> pd.DataFrame:
    """One entry per line that could not be read, with the first place in it."""
    problems = {problem.line: problem for problem in reversed(reading.problems)}
    first = [problems[line] for line in reading.unreadable["line"]]
    return pd.DataFrame(
        {
            "line": reading.unreadable["line"],
            ACCIDENT: reading.unreadable[ACCIDENT],
            "column": [problem.column or None for problem in first],
            "rule": [problem.reason for problem in first],
            "value": [problem.value[:_SHOWN_VALUE] for problem in first],
        }
    ).astype(_TEXTS)


def _days_of(numbers: "pd.Series[str]", accidents: _Sieve) -> "pd.Series[pd.Timestamp]":
    """Day of each accident, also of one whose own row was set aside."""
    wanted = set(numbers.dropna())
    told = pd.concat([accidents.frame[[ACCIDENT, DAY]], accidents.unreadable[[ACCIDENT, DAY]].dropna()])
    ours = told[told[ACCIDENT].isin(wanted)].drop_duplicates(ACCIDENT) if wanted else told.head(0)
    days = dict(zip(ours[ACCIDENT], ours[DAY], strict=True))
    return pd.Series([days.get(number, pd.NaT) for number in numbers], index=numbers.index, dtype="datetime64[us]")


def _lacks(known: "pd.Series[str]", wanted: "pd.Series[str]") -> Rows:
    """Tell which accidents are not among the known; ``isin`` is twenty times slower on Arrow strings."""
    return np.asarray(pd.Index(known.dropna().unique()).get_indexer(pd.Index(wanted)) < 0)


def _rules(quarantine: pd.DataFrame) -> str:
    return "; ".join(f"{rule} ({count})" for rule, count in quarantine["rule"].value_counts().head(3).items())
