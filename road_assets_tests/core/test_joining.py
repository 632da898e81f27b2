"""Four tables to one row per user, nobody multiplied or lost."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import table_of
from road_assets.core.joining import JOINED_COLUMNS, JoinError, join_users
from road_assets.core.vocabulary import TABLES, Table
from road_assets_tests.core.official_rows import read_table

Tables = dict[Table, pd.DataFrame]


@pytest.fixture
def tables() -> Tables:
    return read_all(generate_release(2024, accidents=200, seed=5))


def read_all(files: dict[str, bytes]) -> Tables:
    found = {table_of(name): (name, content) for name, content in files.items()}
    return {table: read_table(table, found[table][1], name=found[table][0]) for table in TABLES}


def test_every_user_becomes_one_row(tables: Tables) -> None:
    joined, counts = join_users(tables)
    assert len(joined) == len(tables["usagers"]) == counts.users
    assert joined.columns.tolist() == list(JOINED_COLUMNS)
    assert not joined.duplicated(["num_acc", "user_key"]).any()
    assert counts.accidents == 200
    assert counts.days == joined["day"].nunique()
    assert counts.place_rows_dropped == len(tables["lieux"]) - 200 > 0


def test_every_user_gets_its_own_vehicle_accident_and_first_place(tables: Tables) -> None:
    joined, _ = join_users(tables)
    by_key = joined.set_index(["num_acc", "user_key"])
    vehicles = tables["vehicules"].set_index("id_vehicule")
    accidents = tables["caracteristiques"].set_index("num_acc")
    for user in tables["usagers"].sample(60, random_state=1).itertuples():
        row = by_key.loc[(user.num_acc, user.id_usager)]
        assert row["catv"] == vehicles.loc[user.id_vehicule, "catv"]
        assert row["hrmn"] == accidents.loc[user.num_acc, "hrmn"]
        places = tables["lieux"][tables["lieux"]["num_acc"] == user.num_acc]
        assert row["catr"] == places["catr"].iloc[0]


def test_rows_are_ordered_by_day_accident_and_position_in_the_file(tables: Tables) -> None:
    joined, _ = join_users(tables)
    assert joined["day"].is_monotonic_increasing
    positions = {user: position for position, user in enumerate(tables["usagers"]["id_usager"])}
    order = list(zip(joined["day"], joined["num_acc"], joined["user_key"].map(positions), strict=True))
    assert order == sorted(order)


def test_without_user_ids_the_position_in_the_accident_is_the_key(tables: Tables) -> None:
    tables["usagers"]["id_usager"] = pd.NA
    tables["usagers"] = tables["usagers"].astype({"id_usager": "string[pyarrow]"})
    joined, _ = join_users(tables)
    largest = joined["num_acc"].value_counts().index[0]
    keys = joined.loc[joined["num_acc"] == largest, "user_key"].tolist()
    assert keys == [f"p{number:03d}" for number in range(1, len(keys) + 1)]


def test_without_vehicle_ids_the_vehicle_number_joins(tables: Tables) -> None:
    expected, _ = join_users(tables)
    for table in ("vehicules", "usagers"):
        tables[table] = tables[table].assign(id_vehicule=pd.NA).astype({"id_vehicule": "string[pyarrow]"})
    joined, counts = join_users(tables)
    assert counts.users_without_vehicle == 0
    pd.testing.assert_series_equal(joined["catv"], expected["catv"])


def test_the_id_tells_two_vehicles_of_one_number_apart(tables: Tables) -> None:
    vehicles = tables["vehicules"]
    accident = vehicles["num_acc"].value_counts().index[0]
    ours = vehicles["num_acc"] == accident
    tables["vehicules"] = vehicles.assign(num_veh=vehicles["num_veh"].mask(ours, "B01"))
    joined, counts = join_users(tables)
    assert counts.users_without_vehicle == 0
    expected = vehicles.set_index("id_vehicule")["catv"]
    rows = joined[joined["num_acc"] == accident]
    assert rows["catv"].tolist() == expected.loc[rows["id_vehicule"]].tolist()


def test_a_vehicle_that_cannot_be_told_is_not_guessed_but_counted(tables: Tables) -> None:
    for table in ("vehicules", "usagers"):
        tables[table] = tables[table].assign(id_vehicule=pd.NA).astype({"id_vehicule": "string[pyarrow]"})
    vehicles = tables["vehicules"]
    accident = vehicles["num_acc"].value_counts().index[0]
    tables["vehicules"] = vehicles.assign(num_veh=vehicles["num_veh"].mask(vehicles["num_acc"] == accident, "A01"))
    joined, counts = join_users(tables)
    rows = joined["num_acc"] == accident
    assert joined.loc[rows, "catv"].isna().all()
    assert counts.users_without_vehicle == rows.sum()
    assert counts.users == len(tables["usagers"])


def test_vehicles_and_accidents_without_a_user_are_counted(tables: Tables) -> None:
    gone = tables["caracteristiques"]["num_acc"].iloc[0]
    before = join_users(tables)[1]
    vehicles = (tables["vehicules"]["num_acc"] == gone).sum()
    tables["usagers"] = tables["usagers"][tables["usagers"]["num_acc"] != gone]
    _, counts = join_users(tables)
    assert counts.accidents_without_user == 1
    assert counts.accidents == before.accidents - 1
    assert counts.vehicles_without_user == before.vehicles_without_user + vehicles


def test_users_whose_sex_was_not_recorded_are_counted_as_fled(tables: Tables) -> None:
    tables["usagers"]["sexe"] = tables["usagers"]["sexe"].mask(tables["usagers"].index < 7)
    assert join_users(tables)[1].hit_and_run == tables["usagers"]["sexe"].isna().sum() >= 7


def doubled(table: Table) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table] = pd.concat([tables[table], tables[table].head(1)], ignore_index=True)

    return change


def shortened(table: Table) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        lost = tables[table]["num_acc"].iloc[0]
        tables[table] = tables[table][tables[table]["num_acc"] != lost]

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (doubled("caracteristiques"), r"caracteristiques has 1 keys \(num_acc\) more than once, as 202400000001"),
        (doubled("vehicules"), r"vehicules has 1 keys \(num_acc, id_vehicule\) more than once"),
        (doubled("usagers"), r"usagers has 1 keys \(num_acc, user_key\) more than once"),
        (shortened("caracteristiques"), "1 accidents of usagers have no row in caracteristiques, as 202400000001"),
        (shortened("lieux"), "1 accidents of usagers have no row in lieux, as 202400000001"),
        (lambda tables: tables.pop("lieux"), "the tables lieux are missing"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused_with_examples(
    tables: Tables, damage: Callable[[Tables], None], message: str
) -> None:
    damage(tables)
    with pytest.raises(JoinError, match=message):
        join_users(tables)


@pytest.mark.real_data
def test_the_provisional_release_of_2024_has_its_known_counts() -> None:
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        pytest.skip("ROAD_RELEASES_DIR is not set; it names the official files")
    files = {path.name: path.read_bytes() for path in Path(named).glob("*-2024.csv")}
    if len(files) != len(TABLES):
        pytest.skip("ROAD_RELEASES_DIR does not hold the four files of 2024")
    joined, counts = join_users(read_all(files))
    assert (counts.users, counts.accidents, counts.days) == (104_669, 45_551, 305)
    assert counts.users_without_vehicle == 0
    assert counts.hit_and_run == 1_973
    assert not joined.duplicated(["num_acc", "user_key"]).any()
