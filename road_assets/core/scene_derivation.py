"""Derives the optional scene fields from the joined official rows.

A field has the same meaning in all years. It is unknown where a year did not record it, where entries contradict each
other, and where a code is not in the codebook.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from road_assets.core.columns import ACCIDENT, DAY, VEHICLE, VEHICLE_NUMBER
from road_assets.core.scene_fields import DEPARTMENT, FILLED, SCENE_FIELD_NAMES, SCENE_FIELDS, UNKNOWN_FIELDS
from road_assets.core.vocabulary import UNKNOWN_CODE

_EQUIPMENT_COLUMNS: Final = ("secu1", "secu2", "secu3")
_AS_THEY_ARE: Final = ("catv", "agg", "int", "vma", "manv", "obs", "obsm", "choc", "nbv")
SCENE_SOURCES: Final[tuple[str, ...]] = (
    DAY,
    ACCIDENT,
    VEHICLE,
    VEHICLE_NUMBER,
    "an_nais",
    "hrmn",
    "secu",
    *_EQUIPMENT_COLUMNS,
    *_AS_THEY_ARE,
)
"""Columns of ``raw_accidents`` that the fields are made from."""

_FORMER_VEHICLES: Final = {8: 7, 9: 7, 11: 10, 12: 10, 19: 40}
"""Codes of ``catv`` not used since 2006, with the present code that includes them; the others have no unique one."""

_NONE, _BELT, _HELMET, _GEARED_HELMET, _CHILD_RESTRAINT, _VEST, _OTHER = 0, 1, 2, 3, 4, 5, 9
_USED, _NOT_USED = 1, 2
"""Second digit of ``secu``, which held both equipment and its use until 2018."""

_FORMER_EQUIPMENT: Final = {1: _BELT, 2: _HELMET, 3: _CHILD_RESTRAINT, 4: _VEST, 9: _OTHER}

Values = npt.NDArray[np.int16]
"""Shape (rows,), ``UNKNOWN_CODE`` where unknown."""


def derive_scene(users: pd.DataFrame) -> pd.DataFrame:
    """Derive the optional fields of users.

    Args:
        users: rows of ``raw_accidents`` with ``SCENE_SOURCES``; all users of an accident, since they are counted.

    Returns:
        ``SCENE_FIELD_NAMES`` as int16 with ``UNKNOWN_CODE`` where unknown, under the index of ``users``.
    """
    numbers = {name: _numbers(users[name]) for name in (*_AS_THEY_ARE, "an_nais", "secu", *_EQUIPMENT_COLUMNS)}
    vehicles, people = _counts(users)
    made = {name: numbers[name] for name in _AS_THEY_ARE} | {
        "catv": _renamed(numbers["catv"], _FORMER_VEHICLES),
        "age": _ages(users[DAY], numbers["an_nais"]),
        "heure": _hours(users["hrmn"]),
        "equipement": _equipment([numbers[name] for name in _EQUIPMENT_COLUMNS], numbers["secu"]),
        "nb_vehicules": vehicles,
        "nb_usagers": people,
    }
    return pd.DataFrame({field.name: _allowed(made[field.name], field.values) for field in SCENE_FIELDS}, users.index)


def with_scene(rows: pd.DataFrame) -> pd.DataFrame:
    """Add missing scene columns to a frame of the mix or of features that an earlier version wrote.

    Args:
        rows: of any partitions; those older than the columns lack them, or hold nulls.

    Returns:
        A copy: scene fields as int16 with ``UNKNOWN_CODE``, ``dep`` as text, and ``filled``, if there is one, as int16
        with 0 for rows in which imputed values were not recorded.
    """
    kept = rows.copy(deep=False)
    for name in SCENE_FIELD_NAMES:
        kept[name] = _numbers(rows[name]) if name in rows else np.int16(UNKNOWN_CODE)
    departments = rows[DEPARTMENT].fillna("") if DEPARTMENT in rows else pd.Series("", index=rows.index)
    kept[DEPARTMENT] = departments.astype("string[pyarrow]")
    if FILLED in rows:
        kept[FILLED] = rows[FILLED].fillna(0).astype("int16")
    return kept


def unknown_scene(rows: int) -> pd.DataFrame:
    """Scene columns of generated users, whose optional fields are all unknown.

    Returns:
        ``dep`` and ``SCENE_FIELD_NAMES``, with the given number of rows.
    """
    departments = pd.Series([""], dtype="string[pyarrow]").repeat(rows).reset_index(drop=True)
    unknown = {name: np.full(rows, code, dtype=np.int16) for name, code in UNKNOWN_FIELDS.items()}
    return pd.DataFrame({DEPARTMENT: departments, **unknown})


def _numbers(column: "pd.Series[int]") -> Values:
    return np.asarray(column.to_numpy(dtype=np.int16, na_value=UNKNOWN_CODE), dtype=np.int16)


def _allowed(values: Values, allowed: frozenset[int]) -> Values:
    """Replace values that are not allowed by ``UNKNOWN_CODE``."""
    known = np.array(sorted(allowed), dtype=np.int16)
    table = np.full(known[-1] + 2, UNKNOWN_CODE, dtype=np.int16)  # its last place is for what is beyond
    table[known] = known
    return np.asarray(table[np.where((values < 0) | (values > known[-1]), len(table) - 1, values)], dtype=np.int16)


def _renamed(values: Values, names: dict[int, int]) -> Values:
    renamed = values.copy()
    for old, new in names.items():
        renamed[values == old] = new
    return renamed


def _ages(days: "pd.Series[pd.Timestamp]", born: Values) -> Values:
    years = days.to_numpy().astype("datetime64[Y]").astype(np.int16) + np.int16(1970)
    return np.where(born > 0, years - born, UNKNOWN_CODE).astype(np.int16)


def _hours(clock: "pd.Series[str]") -> Values:
    texts = pa.array(clock, type=pa.string(), from_pandas=True)
    hours = pc.cast(pc.utf8_slice_codeunits(texts, 0, 2), pa.int16()).fill_null(UNKNOWN_CODE)
    return np.asarray(hours.to_numpy(zero_copy_only=False), dtype=np.int16)


def _equipment(columns: list[Values], former: Values) -> Values:
    """Equipment of a user, from up to three entries, or until 2018 from one entry of two digits."""
    has = {code: np.logical_or.reduce([column == code for column in columns]) for code in range(10)}
    gear = has[5] | has[6] | has[7]  # airbag, gloves, both
    cases = [
        (has[1] & has[2], UNKNOWN_CODE),  # nobody wears belt and helmet
        (has[2] & gear, _GEARED_HELMET),
        (has[2], _HELMET),
        (has[3], _CHILD_RESTRAINT),
        (has[1], _BELT),
        (has[4], _VEST),
        (has[9] | gear, _OTHER),
        (has[0] & ~has[8], _NONE),  # 8 cannot be told, so none is not certain either
    ]
    nothing = np.logical_and.reduce([column == UNKNOWN_CODE for column in columns])
    kind, use = np.divmod(np.maximum(former, 0), 10)
    cases += [(nothing & (use == _USED) & (kind == old), new) for old, new in _FORMER_EQUIPMENT.items()]
    cases += [(nothing & (use == _NOT_USED) & (kind > 0), _NONE)]
    conditions, codes = zip(*cases, strict=True)
    return np.asarray(np.select(conditions, codes, UNKNOWN_CODE), dtype=np.int16)


def _counts(users: pd.DataFrame) -> tuple[Values, Values]:
    """Numbers of vehicles and of users in each user's accident."""
    accidents, _ = pd.factorize(users[ACCIDENT])
    vehicles, names = pd.factorize(users[VEHICLE].fillna(users[VEHICLE_NUMBER]))
    known = vehicles >= 0
    pairs = np.unique(accidents[known] * np.int64(len(names) + 1) + vehicles[known])
    per_accident = np.bincount(pairs // (len(names) + 1), minlength=accidents.max(initial=0) + 1)
    return per_accident[accidents].astype(np.int16), np.bincount(accidents)[accidents].astype(np.int16)
