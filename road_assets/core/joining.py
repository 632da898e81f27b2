"""Joins the four tables to one row per user. Every join is verified to be many-to-one, so no user is doubled or lost.

An accident may have several ``lieux`` rows (in 2024 up to 5). The first one is used; the others are counted and left
out. A plain join with all of them would nearly double the users.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from road_assets.core.accident_lookup import lacks
from road_assets.core.columns import ACCIDENT, DAY, TABLE_COLUMNS, USER, VEHICLE, VEHICLE_NUMBER
from road_assets.core.vocabulary import TABLES, Table

USER_KEY: Final = "user_key"
"""Key of a user within an accident: ``id_usager``, or the position in the file (``p001``) in years without ids."""

JOINED_COLUMNS: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        [ACCIDENT, USER_KEY, DAY]
        + [
            column.name
            for table in ("usagers", "vehicules", "caracteristiques", "lieux")
            for column in TABLE_COLUMNS[table]
        ]
    )
)
"""Columns of a joined frame, in order; columns that two tables share occur once."""

_EXAMPLES: Final = 5


class JoinError(ValueError):
    """The four tables do not fit together: a row would be doubled, lost or left without its accident."""


@dataclass(frozen=True, slots=True)
class JoinCounts:
    """Counts of what a join kept and left out.

    Attributes:
        users: rows of the joined frame, as many as rows of ``usagers``.
        accidents: accidents with at least one user.
        days: days with at least one accident.
        place_rows_dropped: second and later ``lieux`` rows of an accident.
        accidents_without_user: left out, since there is nobody to estimate for.
        vehicles_without_user: left out for the same reason.
        users_without_vehicle: kept, with the vehicle's columns null: none matches, or two do and neither is guessed.
        hit_and_run: users whose sex was not recorded, which are drivers that fled.
    """

    users: int
    accidents: int
    days: int
    place_rows_dropped: int
    accidents_without_user: int
    vehicles_without_user: int
    users_without_vehicle: int
    hit_and_run: int


def join_users(tables: Mapping[Table, pd.DataFrame]) -> tuple[pd.DataFrame, JoinCounts]:
    """Join users with their own vehicle, their accident and its place.

    Args:
        tables: the four canonical frames of one release, rows in the order of the files.

    Returns:
        The joined frame and the counts. The frame has ``JOINED_COLUMNS``, one row per row of ``usagers``, unique in
        (``num_acc``, ``user_key``), ordered by day, accident and position in the file.

    Raises:
        JoinError: a table is missing, an accident stands twice in the characteristics or not at all, has no place, a
            vehicle's id or a user's key stands twice. Examples are named.
    """
    lacking = [table for table in TABLES if table not in tables]
    if lacking:
        raise JoinError(f"the tables {', '.join(lacking)} are missing; a release has all four: {', '.join(TABLES)}")
    users, vehicles = tables["usagers"], tables["vehicules"]
    accidents = tables["caracteristiques"]
    places = tables["lieux"].drop_duplicates(ACCIDENT, keep="first")
    _refuse_repeated(accidents, [ACCIDENT], "caracteristiques")
    _refuse_unmatched(users, accidents, "caracteristiques")
    _refuse_unmatched(users, places, "lieux")

    keyed = users.copy(deep=False)
    keyed[USER_KEY] = _user_keys(users)
    _refuse_repeated(keyed, [ACCIDENT, USER_KEY], "usagers")
    vehicle_rows = _vehicle_rows(users, vehicles)
    joined = _with_vehicle(keyed, vehicles, vehicle_rows)
    for table in (accidents, places):
        joined = joined.merge(table, on=ACCIDENT, how="left", validate="many_to_one")
    if len(joined) != len(users):
        raise JoinError(f"{len(users)} users became {len(joined)} rows; this is a defect of the join, please report it")
    # A stable sort keeps the users of an accident in the order of the file.
    joined = joined.sort_values([DAY, ACCIDENT], kind="stable", ignore_index=True)[list(JOINED_COLUMNS)]
    counts = JoinCounts(
        users=len(joined),
        accidents=int(joined[ACCIDENT].nunique()),
        days=int(joined[DAY].nunique()),
        place_rows_dropped=len(tables["lieux"]) - len(places),
        accidents_without_user=int(lacks(users[ACCIDENT], accidents[ACCIDENT]).sum()),
        vehicles_without_user=len(vehicles) - vehicle_rows[vehicle_rows >= 0].nunique(),
        users_without_vehicle=int((vehicle_rows < 0).sum()),
        hit_and_run=int(joined["sexe"].isna().sum()),
    )
    return joined, counts


def _user_keys(users: pd.DataFrame) -> "pd.Series[str]":
    position = users.groupby(ACCIDENT, sort=False).cumcount() + 1
    # Built once per position, of which there are few, instead of once per user.
    names = position.map({number: f"p{number:03d}" for number in position.unique()}).astype(users[USER].dtype)
    return users[USER].fillna(names)


def _vehicle_rows(users: pd.DataFrame, vehicles: pd.DataFrame) -> "pd.Series[int]":
    """Find each user's vehicle, by id where both tables have ids, else by number.

    Returns:
        Row number in ``vehicles`` for each user, -1 where none or more than one fits.
    """
    by_id = _unique_rows(vehicles, VEHICLE)
    _refuse_repeated(vehicles[vehicles[VEHICLE].notna()], [ACCIDENT, VEHICLE], "vehicules")
    found = _look_up(users, by_id, VEHICLE)
    without_id = users[VEHICLE].isna() | (by_id.empty)
    return found.where(~without_id, _look_up(users, _unique_rows(vehicles, VEHICLE_NUMBER), VEHICLE_NUMBER))


def _unique_rows(vehicles: pd.DataFrame, key: str) -> pd.DataFrame:
    rows = vehicles[[ACCIDENT, key]].assign(row=range(len(vehicles))).dropna(subset=[key])
    return rows.drop_duplicates([ACCIDENT, key], keep=False)


def _look_up(users: pd.DataFrame, rows: pd.DataFrame, key: str) -> "pd.Series[int]":
    matched = users[[ACCIDENT, key]].merge(rows, on=[ACCIDENT, key], how="left", validate="many_to_one")
    return matched["row"].fillna(-1).astype("int64").set_axis(users.index)


def _with_vehicle(users: pd.DataFrame, vehicles: pd.DataFrame, rows: "pd.Series[int]") -> pd.DataFrame:
    own = vehicles.drop(columns=ACCIDENT).reset_index(drop=True).reindex(rows).set_axis(users.index)
    shared = [VEHICLE, VEHICLE_NUMBER]
    filled = {name: users[name].fillna(own[name]) for name in shared}
    return pd.concat([users.assign(**filled), own.drop(columns=shared)], axis="columns")


def _refuse_repeated(frame: pd.DataFrame, key: list[str], table: str) -> None:
    repeated = frame.loc[frame.duplicated(key), key].drop_duplicates()
    if len(repeated):
        raise JoinError(
            f"{table} has {len(repeated)} keys ({', '.join(key)}) more than once, as {_examples(repeated)}; "
            "rows were doubled, get the official file again"
        )


def _refuse_unmatched(users: pd.DataFrame, other: pd.DataFrame, table: str) -> None:
    unmatched = users.loc[lacks(other[ACCIDENT], users[ACCIDENT]), [ACCIDENT]].drop_duplicates()
    if len(unmatched):
        raise JoinError(
            f"{len(unmatched)} accidents of usagers have no row in {table}, as {_examples(unmatched)}; "
            "the four files are not of one release, or one was cut off"
        )


def _examples(keys: pd.DataFrame) -> str:
    return ", ".join("/".join(map(str, key)) for key in keys.head(_EXAMPLES).itertuples(index=False))
