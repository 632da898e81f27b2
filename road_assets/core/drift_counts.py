"""Counts for drift: users per value of each watched variable, and the number of accidents they belong to.

Users of one accident share road, light and weather, so 2,400 users of a window hold less information than 2,400
independent draws. Each count is therefore kept with its number of accidents; ``drift_sampling_noise`` derives the
bounds from both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.columns import ACCIDENT, DAY
from road_assets.core.drift_limits import Kind
from road_assets.core.scene_fields import SCENE_FIELDS, SceneField
from road_assets.core.vocabulary import FEATURES, TARGET, UNKNOWN_CODE

Counts = npt.NDArray[np.int64]
Positions = npt.NDArray[np.intp]
"""Shape (rows,): index of each row's value among the values of a variable; below 0 where unknown, not counted."""

CodeCounts = dict[str, Counts]
"""Rows per code, by feature; "not recorded" first, then the codes in the order of the vocabulary."""

PROBABILITY: Final = "probability"
"""Column with the production model's estimate for a row."""

PREDICTION_BINS: Final = 20
MOST_BINS: Final = 25
"""Bins of a numeric field at most; larger values are counted in the last one."""

_BIN_WIDTHS: Final = {"age": 5, "vma": 10}
"""Ages and speed limits are often rounded; each value of the other fields is a bin of its own."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable whose distribution is watched.

    Attributes:
        name: column of the rows.
        kind: one of the 13 features, a numeric scene field, the model's answer, or the label.
        en: label in English.
        size: number of values or bins.
        low: smallest value, of a numeric field.
        width: of a bin, of a numeric field.
    """

    name: str
    kind: Kind
    en: str
    size: int
    low: int = 0
    width: int = 1


def _numeric(field: SceneField) -> Variable:
    width = _BIN_WIDTHS.get(field.name, 1)
    bins = min(MOST_BINS, (field.high - field.low) // width + 1)
    return Variable(field.name, "numeric", field.en, bins, field.low, width)


FEATURE_VARIABLES: Final = tuple(
    Variable(feature.name, "feature", feature.en, len(feature.codes) + 1) for feature in FEATURES
)
NUMERIC_VARIABLES: Final = tuple(_numeric(field) for field in SCENE_FIELDS if field.kind == "number")
PREDICTION: Final = Variable(PROBABILITY, "prediction", "Answers of the model", PREDICTION_BINS)
LABEL: Final = Variable(TARGET, "label", "Severe cases", 2)
VARIABLES: Final = (*FEATURE_VARIABLES, *NUMERIC_VARIABLES, PREDICTION, LABEL)
VARIABLE_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
NUMERIC_NAMES: Final = tuple(variable.name for variable in NUMERIC_VARIABLES)

_CODES: Final = {feature.name: [UNKNOWN_CODE, *(code.value for code in feature.codes)] for feature in FEATURES}


def positions_of(column: "pd.Series[Any]", variable: Variable) -> Positions:
    """Index of each row's value among the values of a variable.

    Args:
        column: codes, numbers or probabilities; ``UNKNOWN_CODE`` or null where unknown.
        variable: what the column holds.

    Returns:
        Shape (rows,). For features, "not recorded" is a value of its own; other unknown values have an index below 0.

    Raises:
        ValueError: a code that the vocabulary does not know.
    """
    if variable.kind == "feature":
        return _positions_of_codes(column, _CODES[variable.name])
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values >= variable.low  # false for null, and for UNKNOWN_CODE
    scaled = values * variable.size if variable.kind == "prediction" else (values - variable.low) / variable.width
    places = np.minimum(np.where(known, scaled, -1), variable.size - 1)
    return np.floor(places).astype(np.intp)


def _positions_of_codes(column: "pd.Series[Any]", codes: list[int]) -> Positions:
    positions = pd.Index(codes).get_indexer(pd.Index(column))
    if (positions < 0).any():
        strange = sorted(set(column[positions < 0]))
        raise ValueError(f"feature {column.name!r} holds the codes {strange}, which the codebook does not have")
    return positions


def count_codes(rows: pd.DataFrame) -> CodeCounts:
    """Count each feature's codes.

    Args:
        rows: at least the 13 columns, ``UNKNOWN_CODE`` where not recorded.

    Returns:
        Counts per feature.

    Raises:
        ValueError: a code that the vocabulary does not know.
    """
    return {
        variable.name: np.bincount(positions_of(rows[variable.name], variable), minlength=variable.size)
        for variable in FEATURE_VARIABLES
    }


def add_counts(counts: Sequence[CodeCounts]) -> CodeCounts:
    """Sum the counts of one or several days."""
    return {variable.name: np.sum([day[variable.name] for day in counts], axis=0) for variable in FEATURE_VARIABLES}


def accidents_of(rows: pd.DataFrame) -> Positions:
    """Number the accidents of some rows.

    Args:
        rows: with ``num_acc`` and, for several days, ``day``: the same accident replayed on another day counts as
            another one. Without ``num_acc`` every row counts as an accident of its own.

    Returns:
        Shape (rows,), numbers from 0 on without gaps.
    """
    if ACCIDENT not in rows:
        return np.arange(len(rows))
    numbers, known = pd.factorize(rows[ACCIDENT])
    if DAY in rows:
        days, _ = pd.factorize(rows[DAY])
        numbers, _ = pd.factorize(days.astype(np.int64) * (len(known) + 1) + numbers)
    return numbers


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one variable.

    Attributes:
        counts: users per value.
        accidents: accidents that these users belong to.
    """

    counts: Counts
    accidents: int

    @property
    def rows(self) -> int:
        """Users whose value is known."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class WindowTally:
    """Counts of the days of a window together.

    Attributes:
        variables: by name, for the variables that the rows have.
        severe_squares: shape (3,), sums over accidents of severe², severe * users and users²; ``severe_share`` computes
            its interval from them.
    """

    variables: Mapping[str, Tally]
    severe_squares: npt.NDArray[np.int64]


class DayTallies:
    """Counts of each day, which are added up for any window of days."""

    def __init__(self, rows: pd.DataFrame) -> None:
        """Count every row once.

        Args:
            rows: of any days, with ``day`` and the 13 features; further variables where their columns are there.
        """
        moments, known = pd.factorize(rows[DAY], sort=True)
        self._days = {moment.date(): number for number, moment in enumerate(pd.DatetimeIndex(known))}
        accidents = accidents_of(rows)
        self._tallies = {
            variable.name: _tally_days(positions_of(rows[variable.name], variable), variable, moments, accidents)
            for variable in VARIABLES
            if variable.name in rows
        }
        self._squares = _severe_squares(rows, moments, accidents, len(self._days))

    def of_window(self, window: Sequence[date]) -> WindowTally:
        """Counts of a window; days without rows add nothing."""
        places = [self._days[day] for day in window if day in self._days]
        variables = {
            name: Tally(counts[places].sum(axis=0), int(accidents[places].sum()))
            for name, (counts, accidents) in self._tallies.items()
        }
        return WindowTally(variables, self._squares[places].sum(axis=0))


def _tally_days(
    positions: Positions, variable: Variable, days: Positions, accidents: Positions
) -> tuple[Counts, Counts]:
    """Users per day and value, and accidents per day; shapes (days, values) and (days,)."""
    count = int(days.max(initial=-1)) + 1
    known = positions >= 0
    counts = np.bincount(days[known] * variable.size + positions[known], minlength=count * variable.size)
    first_rows = np.unique(accidents[known], return_index=True)[1]
    return counts.reshape(count, variable.size), np.bincount(days[known][first_rows], minlength=count)


def _severe_squares(rows: pd.DataFrame, days: Positions, accidents: Positions, count: int) -> npt.NDArray[np.int64]:
    """Per day; shape (days, 3)."""
    squares = np.zeros((count, 3), dtype=np.int64)
    if TARGET in rows and len(rows):
        users = np.bincount(accidents)
        severe = np.bincount(accidents, weights=rows[TARGET].to_numpy()).astype(np.int64)
        day = np.empty(len(users), dtype=np.intp)
        day[accidents] = days
        np.add.at(squares, day, np.stack([severe * severe, severe * users, users * users], axis=1))
    return squares
