"""Validates the rows of a release: which are kept, and which go into quarantine with the rule they break.

A row goes into quarantine when it cannot be read, holds a code that the codebook does not have, repeats another row's
key, or refers to a row that is missing or in quarantine itself. Nothing is repaired and nothing guessed. A row is in
the quarantine once, with the first rule it breaks, so that for each of the four files rows in = rows kept + rows
quarantined. Files are read in ``dialect``, and joined in ``joining``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.accident_lookup import lacks
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
"""Rules that a row breaks because of another row."""


class QuarantineError(ValueError):
    """Rows were lost or counted twice, or none of a release could be kept."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Numbers of rows of one file.

    Attributes:
        rows_in: lines of the file that are not blank, without the header.
        kept: rows that passed.
        quarantined: rows in quarantine.
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
class ValidatedRelease:
    """A release after validation.

    Attributes:
        tables: the canonical frames without the rows in quarantine; they fit together.
        quarantine: ``QUARANTINE_COLUMNS``, one row per row in quarantine, in the order of ``TABLES`` and lines.
        counts: per file.
    """

    tables: dict[Table, pd.DataFrame]
    quarantine: pd.DataFrame
    counts: dict[Table, RowCounts]


def validate_release(readings: Mapping[Table, Reading], files: Mapping[Table, str], *, year: int) -> ValidatedRelease:
    """Put the rows that break a rule into quarantine.

    Args:
        readings: the four files, as ``scan_table`` gives them.
        files: their names, for the quarantine.
        year: of the release.

    Returns:
        The rows that passed and those in quarantine.

    Raises:
        QuarantineError: not one user can be kept, so the files as a whole are not usable.
    """
    validators = {table: _TableValidator(table, files[table], readings[table]) for table in TABLES}
    for validator in validators.values():
        validator.quarantine_repeated()
        validator.quarantine_unknown_codes()
    accidents, users = validators["caracteristiques"], validators["usagers"]
    days = accidents.frame[DAY]
    accidents.quarantine((days.dt.year != year).to_numpy(), DAY, OTHER_YEAR_RULE, days.dt.strftime("%Y-%m-%d"))
    for table in ("caracteristiques", "lieux"):
        users.quarantine_without(validators[table])
    present = pd.concat([users.frame[ACCIDENT], users.unreadable[ACCIDENT]])
    accidents.quarantine(lacks(present, accidents.frame[ACCIDENT]), ACCIDENT, NO_USER_RULE, accidents.frame[ACCIDENT])

    entries = pd.concat([validator.entries() for validator in validators.values()], ignore_index=True)
    quarantine = entries.assign(**{DAY: _days_of(entries[ACCIDENT], accidents)})[list(QUARANTINE_COLUMNS)]
    counts = {table: validator.counts(quarantine) for table, validator in validators.items()}
    if not counts["usagers"].kept:
        raise QuarantineError(
            f"not one of {counts['usagers'].rows_in} users can be kept; the first rules broken are {_rules(quarantine)}"
        )
    tables = {table: validator.rows_kept() for table, validator in validators.items()}
    return ValidatedRelease(tables, quarantine, counts)


class _TableValidator:
    """One file: its readable rows, which of them are still kept, and why the others are not."""

    def __init__(self, table: Table, file: str, reading: Reading) -> None:
        self.table: Table = table
        self.frame = reading.frame
        self.unreadable = reading.unreadable
        self._file = file
        self._lines = reading.lines
        self._kept = np.ones(len(reading.frame), dtype=np.bool_)
        self._entries = [_unreadable_entries(reading)]

    def quarantine(self, rows: Rows, column: str, rule: str, values: "pd.Series[Any]") -> None:
        """Put rows into quarantine, unless they are there already."""
        rows = rows & self._kept
        if not rows.any():
            return
        self._kept = self._kept & ~rows
        found = {"line": self._lines[rows], ACCIDENT: self.frame.loc[rows, ACCIDENT], "column": column, "rule": rule}
        self._entries.append(pd.DataFrame({**found, "value": values[rows]}).astype(_TEXTS))

    def quarantine_repeated(self) -> None:
        """Keep the first of the rows with the same accident, vehicle or user.

        An accident may have several rows in ``lieux``. Users without an id are distinguished by their position in the
        file: two equal rows, as of passengers in a bus, are two people.
        """
        frame = self.frame
        if self.table == "caracteristiques":
            repeated = frame.duplicated(ACCIDENT).to_numpy() | (self._first_unreadable() < self._lines)
            self.quarantine(repeated, ACCIDENT, REPEATED_RULE, frame[ACCIDENT])
        elif self.table in _KEYS:
            key = _KEYS[self.table]
            known = frame[key].notna().to_numpy()
            if known.any():
                repeated = known & frame.duplicated([ACCIDENT, key]).to_numpy()
                self.quarantine(repeated, key, REPEATED_RULE, frame[key])
            if self.table == "vehicules" and not known.all():
                self.quarantine(~known & frame.duplicated().to_numpy(), ACCIDENT, REPEATED_RULE, frame[ACCIDENT])

    def quarantine_unknown_codes(self) -> None:
        """Quarantine rows with a code of a feature or of ``grav`` that no codebook has; "not recorded" is allowed."""
        for feature in _CODED:
            if feature.table == self.table:
                codes = self.frame[feature.name]
                unknown = (codes.notna() & ~codes.isin(list(feature.values))).to_numpy(dtype=np.bool_)
                self.quarantine(unknown, feature.name, UNKNOWN_CODE_RULE, codes)

    def quarantine_without(self, other: "_TableValidator") -> None:
        """Quarantine rows whose accident has no usable row in another file."""
        accidents = self.frame[ACCIDENT]
        for known, rule in ((other.accidents_present(), MISSING_RULE), (other.accidents_usable(), APART_RULE)):
            self.quarantine(lacks(known, accidents), ACCIDENT, rule.format(table=other.table), accidents)

    def accidents_present(self) -> "pd.Series[str]":
        """Accidents with a row, whether it is usable or not."""
        told: pd.Series[str] = pd.concat([self.frame[ACCIDENT], self.unreadable[ACCIDENT].dropna()])
        return told

    def accidents_usable(self) -> "pd.Series[str]":
        """Accidents whose first row is kept; a later row never replaces one in quarantine."""
        first = ~self.frame.duplicated(ACCIDENT).to_numpy() & self._kept
        usable: pd.Series[str] = self.frame.loc[first & (self._first_unreadable() > self._lines), ACCIDENT]
        return usable

    def rows_kept(self) -> pd.DataFrame:
        """The rows that passed."""
        return self.frame if self._kept.all() else self.frame[self._kept].reset_index(drop=True)

    def entries(self) -> pd.DataFrame:
        """The rows in quarantine, in the order of the file."""
        entries = pd.concat(self._entries).assign(**{TABLE_COLUMN: self.table, "file": self._file})
        return entries.astype({TABLE_COLUMN: _TEXT, "file": _TEXT}).sort_values("line", ignore_index=True)

    def counts(self, quarantine: pd.DataFrame) -> RowCounts:
        """Count the file's rows, and check that each is either kept or in quarantine."""
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


def _days_of(numbers: "pd.Series[str]", accidents: _TableValidator) -> "pd.Series[pd.Timestamp]":
    """Day of each accident, also of one whose own row is in quarantine."""
    wanted = set(numbers.dropna())
    told = pd.concat([accidents.frame[[ACCIDENT, DAY]], accidents.unreadable[[ACCIDENT, DAY]].dropna()])
    ours = told[told[ACCIDENT].isin(wanted)].drop_duplicates(ACCIDENT) if wanted else told.head(0)
    days = dict(zip(ours[ACCIDENT], ours[DAY], strict=True))
    return pd.Series([days.get(number, pd.NaT) for number in numbers], index=numbers.index, dtype="datetime64[us]")


def _rules(quarantine: pd.DataFrame) -> str:
    return "; ".join(f"{rule} ({count})" for rule, count in quarantine["rule"].value_counts().head(3).items())
