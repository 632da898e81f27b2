"""Optional fields from official rows of any year; what is uncertain is unknown."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from road_assets.core.joining import join_users
from road_assets.core.scene_derivation import SCENE_SOURCES, derive_scene, unknown_scene, with_scene
from road_assets.core.scene_fields import DEPARTMENT, FILLED, SCENE_FIELD_NAMES, SCENE_FIELDS
from road_assets.core.vocabulary import TABLES
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows, make_users
from road_assets_tests.core.official_rows import legacy, modern, read_table

UNKNOWN = -1


def derive(**values: Any) -> dict[str, int]:
    """The fields of one user of 1 January 2024, whose official columns are as given."""
    users = make_users([FIRST_DAY], 1)
    kept = {name: pd.array([value], dtype=users[name].dtype) for name, value in values.items()}
    return {str(name): int(value) for name, value in derive_scene(users.assign(**kept)).iloc[0].items()}


def test_a_row_of_the_newest_dialect_becomes_its_fields() -> None:
    joined, _ = join_users({table: read_table(table, modern(table), name=table) for table in TABLES})
    assert derive_scene(joined).iloc[0].to_dict() == {
        "age": 21, "catv": 7, "agg": 1, "int": 1, "vma": 90, "heure": 7, "equipement": 1, "manv": 13, "obs": 0,
        "obsm": 2, "choc": 1, "nbv": 2, "nb_vehicules": 1, "nb_usagers": 1,
    }  # fmt: skip


def test_a_row_of_the_dialect_before_2019_means_the_same_and_lacks_the_speed_limit() -> None:
    joined, _ = join_users({table: read_table(table, legacy(table), name=table) for table in TABLES})
    assert derive_scene(joined).iloc[0].to_dict() == {
        "age": 38, "catv": 7, "agg": 2, "int": 1, "vma": UNKNOWN, "heure": 17, "equipement": 1, "manv": 10, "obs": 0,
        "obsm": 0, "choc": 6, "nbv": 2, "nb_vehicules": 1, "nb_usagers": 1,
    }  # fmt: skip


def test_fields_are_small_integers_within_their_values_under_the_index_of_the_users() -> None:
    users = make_users(days_from(FIRST_DAY, 3), 40).set_index(pd.RangeIndex(7, 127))
    scene = derive_scene(users[list(SCENE_SOURCES)])
    assert scene.columns.tolist() == list(SCENE_FIELD_NAMES)
    assert scene.index.equals(users.index)
    assert {str(kind) for kind in scene.dtypes} == {"int16"}
    for field in SCENE_FIELDS:
        assert set(scene[field.name]) <= {UNKNOWN, *field.values}  # noqa: PD011 - of the vocabulary, no frame


def test_without_users_there_are_no_fields_of_any() -> None:
    assert derive_scene(make_users([FIRST_DAY], 0)).shape == (0, len(SCENE_FIELDS))


@pytest.mark.parametrize(
    ("column", "official", "field", "expected"),
    [
        ("an_nais", 2024, "age", 0),
        ("an_nais", 1904, "age", 120),
        ("an_nais", 1903, "age", UNKNOWN),
        ("an_nais", 2025, "age", UNKNOWN),
        ("an_nais", None, "age", UNKNOWN),
        ("hrmn", "00:05", "heure", 0),
        ("hrmn", "23:59", "heure", 23),
        ("hrmn", None, "heure", UNKNOWN),
        ("vma", 500, "vma", UNKNOWN),
        ("vma", 3, "vma", UNKNOWN),
        ("nbv", 0, "nbv", UNKNOWN),
        ("catv", 0, "catv", UNKNOWN),
        ("catv", 80, "catv", 80),
        ("catv", 9, "catv", 7),
        ("catv", 12, "catv", 10),
        ("catv", 19, "catv", 40),
        ("catv", 18, "catv", UNKNOWN),
        ("manv", 0, "manv", UNKNOWN),
        ("manv", 99, "manv", UNKNOWN),
        ("obs", 0, "obs", 0),
        ("obsm", 3, "obsm", UNKNOWN),
        ("agg", None, "agg", UNKNOWN),
    ],
)
def test_what_is_uncertain_impossible_or_of_no_codebook_is_unknown(
    column: str, official: object, field: str, expected: int
) -> None:
    assert derive(**{column: official})[field] == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((1, None, None), 1),
        ((None, 1, 0), 1),
        ((2, 0, None), 2),
        ((2, 6, 9), 3),
        ((2, 8, 7), 3),
        ((3, 1, None), 4),
        ((4, None, None), 5),
        ((9, None, None), 9),
        ((6, None, None), 9),
        ((0, 0, None), 0),
        ((0, 8, None), UNKNOWN),
        ((8, None, None), UNKNOWN),
        ((1, 2, None), UNKNOWN),
        ((None, None, None), UNKNOWN),
    ],
)
def test_equipment_is_what_its_three_entries_say_together(entries: tuple[int | None, ...], expected: int) -> None:
    assert derive(**dict(zip(("secu1", "secu2", "secu3"), entries, strict=True)))["equipement"] == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [(11, 1), (21, 2), (31, 4), (41, 5), (91, 9), (12, 0), (22, 0), (13, UNKNOWN), (1, UNKNOWN), (0, UNKNOWN)],
)
def test_the_former_entry_counts_only_if_the_equipment_was_used(entry: int, expected: int) -> None:
    assert derive(secu1=None, secu=entry)["equipement"] == expected


def test_a_newer_entry_goes_before_the_former_one() -> None:
    assert derive(secu1=2, secu=11)["equipement"] == 2


def test_vehicles_and_users_are_counted_per_accident_over_its_users() -> None:
    users = make_users([FIRST_DAY], 7).assign(
        num_acc=pd.array(["A", "A", "B", "A", "C", "C", "D"], dtype="string[pyarrow]"),
        id_vehicule=pd.array(["1", "1", "1", "2", None, None, None], dtype="string[pyarrow]"),
        num_veh=pd.array(["A01", "A01", "A01", "B01", "A01", "B01", None], dtype="string[pyarrow]"),
    )
    scene = derive_scene(users)
    assert scene["nb_usagers"].tolist() == [3, 3, 1, 3, 2, 2, 1]
    assert scene["nb_vehicules"].tolist() == [2, 2, 1, 2, 2, 2, UNKNOWN]


def test_partitions_older_than_the_columns_are_read_as_unknown() -> None:
    new = make_feature_rows([FIRST_DAY], 4)
    old = new.drop(columns=[*SCENE_FIELD_NAMES, DEPARTMENT, FILLED])
    both = with_scene(pd.concat([old, new], ignore_index=True))
    pd.testing.assert_series_equal(both.dtypes, new.dtypes[both.columns], check_names=False)
    pd.testing.assert_frame_equal(both.tail(len(new)).reset_index(drop=True)[new.columns], new)
    assert (both.head(len(old))[list(SCENE_FIELD_NAMES)] == UNKNOWN).all(axis=None)
    assert (both.head(len(old))[DEPARTMENT] == "").all()
    assert (both.head(len(old))[FILLED] == 0).all()
    alone = with_scene(old)
    assert (alone[list(SCENE_FIELD_NAMES)] == UNKNOWN).all(axis=None)
    assert FILLED not in alone


def test_a_frame_that_has_the_columns_is_left_as_it_is() -> None:
    rows = make_feature_rows([FIRST_DAY], 6)
    pd.testing.assert_frame_equal(with_scene(rows), rows, check_like=True)


def test_an_unknown_scene_is_unknown_throughout() -> None:
    rows = unknown_scene(3)
    assert rows.columns.tolist() == [DEPARTMENT, *SCENE_FIELD_NAMES]
    assert np.unique(rows[list(SCENE_FIELD_NAMES)].to_numpy()).tolist() == [UNKNOWN]
    assert len(unknown_scene(0)) == 0
