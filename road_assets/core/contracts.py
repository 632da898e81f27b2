"""Data contracts of the frames between the assets: Pandera schemas derived from the vocabulary.

Importing Pandera takes most of a second, so it is imported where a frame is checked, and schemas are made once.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from road_assets.core.columns import ACCIDENT, DAY
from road_assets.core.joining import USER_KEY
from road_assets.core.noise import NOISE
from road_assets.core.scene_fields import DEPARTMENT, FILLED, SCENE_FIELDS, SceneField
from road_assets.core.vocabulary import (
    DATA_DEMONSTRATION,
    DATA_OFFICIAL,
    FEATURE_NAMES,
    FEATURES,
    GRAVITY,
    OUTCOMES,
    TARGET,
    UNKNOWN_CODE,
    Feature,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

Frame = Literal["raw_accidents", "synthetic_mix", "features"]
"""The frames that have a contract, by the name of the asset that makes them."""

KEY: Final = (DAY, ACCIDENT, USER_KEY)
CODE_RULE: Final = "a code of the codebook"
CODE_OR_UNKNOWN_RULE: Final = f"a code of the codebook, or {UNKNOWN_CODE} where it was not recorded"
KEY_RULE: Final = f"no other row with the same {', '.join(KEY)}"
HALVES_RULE: Final = "as many generated rows as real ones on each day"
TARGET_RULE: Final = f"one of {', '.join(map(str, OUTCOMES))}"
NUMBER_RULE: Final = "an accident number of 12 digits"
SOURCE_RULE: Final = "the name of a source of data"
FILLED_RULE: Final = "a bit for each feature"
NOISE_RULE: Final = "a number from 0 to 1"

_NO_COLUMN: Final = "column_in_dataframe"
_PANDERA_RULES: Final = {"not_nullable": "a value"}
_DATA_SOURCES: Final = (DATA_OFFICIAL, DATA_DEMONSTRATION)


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a frame breaks.

    Attributes:
        column: which column breaks it; empty where it is the frame as a whole.
        rule: what was expected.
        rows: number of rows that break it; 0 if unknown.
        example: a value that breaks it, and the key of its row.
    """

    column: str
    rule: str
    rows: int
    example: str

    def __str__(self) -> str:
        """Say it as part of a message."""
        column = f"{self.column}: " if self.column else ""
        rows = f" in {self.rows} rows" if self.rows else ""
        return f"{column}expected {self.rule}, broken{rows}, as {self.example}"


def find_violations(frame: pd.DataFrame, kind: Frame) -> list[Violation]:
    """Compare a frame with its contract.

    Args:
        frame: rows of any number of days.
        kind: which contract.

    Returns:
        One violation for each broken rule; empty if the frame keeps its contract. Rules on the frame as a whole are
        only checked if it has all columns.
    """
    import pandera.errors

    # Pandera copies its input, so it only gets the columns of the contract.
    frame = frame[[name for name in frame.columns if name in _schema(kind).columns]].reset_index(drop=True)
    try:
        _schema(kind).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.assign(column=error.failure_cases["column"].fillna("").astype(str))
        if (cases["check"] == _NO_COLUMN).any():
            cases = cases[~cases["check"].isin(list(_OF_THE_FRAME))]
        groups = cases.groupby(["column", "check"], sort=False)
        return [_violation(frame, str(column), str(rule), group) for (column, rule), group in groups]
    return []


def _violation(frame: pd.DataFrame, column: str, rule: str, cases: pd.DataFrame) -> Violation:
    if rule in _OF_THE_FRAME:
        return Violation("", rule, *_OF_THE_FRAME[rule](frame))
    positions = cases["index"].dropna().unique()
    if len(positions):
        row = frame.loc[positions[0]]
        whose = "/".join(_shown(row[name]) for name in KEY if name in frame.columns)
        return Violation(column, _PANDERA_RULES.get(rule, rule), len(positions), f"{_shown(row[column])} of {whose}")
    found = str(cases["failure_case"].iloc[0])
    if rule == _NO_COLUMN:
        return Violation(found, "a column of this name", 0, "there is none")
    return Violation(column, rule, 0, found)


def _repeated_keys(frame: pd.DataFrame) -> tuple[int, str]:
    repeated = frame[frame.duplicated(list(KEY))]
    return len(repeated), "/".join(_shown(repeated[name].iloc[0]) for name in KEY)


def _unequal_halves(frame: pd.DataFrame) -> tuple[int, str]:
    generated = frame.groupby(DAY)["synthetic"].agg(["sum", "size"])
    unequal = generated[2 * generated["sum"] != generated["size"]]
    rows = unequal.iloc[0]
    return (
        int(unequal["size"].sum()),
        f"{rows['sum']} generated and {rows['size'] - rows['sum']} real rows on {_shown(unequal.index[0])}",
    )


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else str(value)


@cache
def _schema(kind: Frame) -> "pa.DataFrameSchema":
    import pandera.pandas as pa

    unknown = {UNKNOWN_CODE} if kind == "synthetic_mix" else set()
    rule = CODE_OR_UNKNOWN_RULE if unknown else CODE_RULE
    raw = kind == "raw_accidents"
    codes = {
        feature.name: pa.Column(None if raw else "int8", _one_of(feature.values | unknown, rule), nullable=raw)  # noqa: PD011 - of the vocabulary, no frame
        for feature in _coded(raw=raw)
    }
    columns = {
        DAY: pa.Column("datetime64[us]"),
        ACCIDENT: pa.Column(None, pa.Check.str_matches(r"^\d{12}$", error=NUMBER_RULE) if raw else None),
        USER_KEY: pa.Column(),
        "data_source": pa.Column(None, _one_of(_DATA_SOURCES, SOURCE_RULE)),
        **codes,
    }
    if not raw:
        columns |= {TARGET: pa.Column("int8", _one_of(OUTCOMES, TARGET_RULE)), "synthetic": pa.Column("bool")}
        columns |= {NOISE: pa.Column("float64", pa.Check.in_range(0, 1, error=NOISE_RULE))}
        columns |= {DEPARTMENT: pa.Column(), **{field.name: _scene_column(field) for field in SCENE_FIELDS}}
    if kind == "features":
        bits = pa.Check.in_range(0, 2 ** len(FEATURE_NAMES) - 1, error=FILLED_RULE)
        columns |= {FILLED: pa.Column("int16", bits)}
    checks = [pa.Check(_keys_are_unique, error=KEY_RULE)]
    if not raw:
        checks.append(pa.Check(_halves_are_equal, error=HALVES_RULE))
    return pa.DataFrameSchema(columns, checks=checks)


def _scene_column(field: SceneField) -> "pa.Column":
    import pandera.pandas as pa

    number = f"{field.describe_codes()}, or {UNKNOWN_CODE} where it was not recorded"
    rule = CODE_OR_UNKNOWN_RULE if field.kind == "code" else number
    return pa.Column("int16", _one_of({UNKNOWN_CODE, *field.values}, rule))  # noqa: PD011 - of the vocabulary, no frame


def _coded(*, raw: bool) -> tuple[Feature, ...]:
    return (*FEATURES, GRAVITY) if raw else FEATURES


def _one_of(values: Collection[Any], rule: str) -> "pa.Check":
    import pandera.pandas as pa

    return pa.Check.isin(list(values), error=rule)


def _keys_are_unique(frame: pd.DataFrame) -> bool:
    return not frame.duplicated(list(KEY)).any()


def _halves_are_equal(frame: pd.DataFrame) -> bool:
    generated = frame.groupby(DAY)["synthetic"].agg(["sum", "size"])
    return bool((2 * generated["sum"] == generated["size"]).all())


_OF_THE_FRAME: Final[dict[str, Callable[[pd.DataFrame], tuple[int, str]]]] = {
    KEY_RULE: _repeated_keys,
    HALVES_RULE: _unequal_halves,
}
"""Number of rows that break a rule on the frame as a whole, and an example."""
