"""The generated release: official in form, reproducible, and something to learn from."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from road_assets.core.demonstration import generate_release
from road_assets.core.demonstration_draws import draw_codes
from road_assets.core.dialect import table_of
from road_assets.core.joining import JoinCounts, join_users
from road_assets.core.scene_derivation import derive_scene
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, GRAVITY, SEVERE_GRAVITIES, TABLES
from road_assets_tests.core.official_rows import read_table


def join(files: dict[str, bytes]) -> tuple[pd.DataFrame, JoinCounts]:
    found = {table_of(name): content for name, content in files.items()}
    return join_users({table: read_table(table, found[table], name=table) for table in TABLES})


@pytest.fixture(scope="module")
def users() -> pd.DataFrame:
    return join(generate_release(2023, accidents=12_000, seed=11))[0]


def test_files_have_the_official_names_and_dialect() -> None:
    files = generate_release(2024, accidents=400, seed=1)
    assert list(files) == ["caract-2024.csv", "lieux-2024.csv", "vehicules-2024.csv", "usagers-2024.csv"]
    users = files["usagers-2024.csv"].decode()
    assert users.startswith('"Num_Acc";"id_usager";"id_vehicule";"num_veh"')
    assert '" -1"' in users
    assert "\u00a0" in users
    assert '""Le Moulin""' in files["caract-2024.csv"].decode()
    assert '" -0,' in files["caract-2024.csv"].decode()


def test_the_same_arguments_give_the_same_bytes_and_others_do_not() -> None:
    first = generate_release(2024, accidents=50, seed=1)
    assert generate_release(2024, accidents=50, seed=1) == first
    assert generate_release(2024, accidents=50, seed=2) != first
    assert generate_release(2023, accidents=50, seed=1)["usagers-2023.csv"] != first["usagers-2024.csv"]


def test_every_code_is_of_the_vocabulary(users: pd.DataFrame) -> None:
    for feature in (*FEATURES, GRAVITY):
        assert set(users[feature.name].dropna()) <= feature.values  # noqa: PD011 - of the vocabulary, no frame
    assert all(users[name].nunique() >= 2 for name in FEATURE_NAMES)


def test_each_day_has_an_accident_and_weekdays_and_hours_differ(users: pd.DataFrame) -> None:
    assert users["day"].nunique() == 365
    accidents = users.drop_duplicates("num_acc")
    weekdays = accidents["day"].dt.weekday.value_counts()
    assert weekdays[4] > 1.2 * weekdays[6]
    hours = accidents["hrmn"].str[:2].astype(int).value_counts()
    assert hours[17] > 5 * hours[3]


def test_there_are_pedestrians_several_places_and_drivers_who_fled_unhurt() -> None:
    users, counts = join(generate_release(2024, accidents=2_000, seed=3))
    assert 0.04 < (users["catu"] == 3).mean() < 0.12
    assert counts.place_rows_dropped > 400
    assert counts.users_without_vehicle == 0
    fled = users[users["sexe"].isna()]
    assert len(fled) == counts.hit_and_run > 20
    assert (fled["grav"] == 1).all()
    assert (fled["catu"] == 1).all()


def test_a_model_learns_from_it_what_holds_on_later_days(users: pd.DataFrame) -> None:
    severe = users["grav"].isin(SEVERE_GRAVITIES).to_numpy()
    assert 0.18 <= severe.mean() <= 0.22
    features = users[list(FEATURE_NAMES)].astype("float32").fillna(-1)
    past = (users["day"] < pd.Timestamp(2023, 10, 1)).to_numpy()

    def learned_from(rows: pd.DataFrame) -> float:
        forest = RandomForestClassifier(40, max_depth=12, min_samples_leaf=3, random_state=42)
        forest.fit(rows[past], severe[past])
        return float(roc_auc_score(severe[~past], forest.predict_proba(rows[~past])[:, 1]))

    score = learned_from(features)
    assert 0.70 <= score <= 0.82
    more = learned_from(pd.concat([features, derive_scene(users)], axis="columns"))
    assert more > score + 0.02, "what else is known of the scene must be worth asking for"


def test_the_optional_fields_are_known_vary_and_fit_the_user(users: pd.DataFrame) -> None:
    scene = derive_scene(users)
    assert (scene.nunique() >= 2).all()
    assert (scene != -1).mean().min() > 0.8
    on_two_wheels, on_foot = scene["catv"].isin([1, 2, 30, 33, 50]), users["catu"] == 3
    assert not scene.loc[on_two_wheels | on_foot, "equipement"].isin([1]).any()
    assert not scene.loc[~on_two_wheels | on_foot, "equipement"].isin([2, 3]).any()


def test_days_can_be_limited() -> None:
    users, _ = join(
        generate_release(2024, accidents=40, seed=1, first_day=date(2024, 2, 28), last_day=date(2024, 3, 1))
    )
    assert sorted(users["day"].dt.date.unique()) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accidents": 0}, "at least 1"),
        ({"first_day": date(2023, 12, 31)}, "all of 2024"),
        ({"first_day": date(2024, 5, 2), "last_day": date(2024, 5, 1)}, "not in order"),
    ],
)
def test_what_cannot_be_generated_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate_release(**{"year": 2024, "accidents": 5, "seed": 1, **changes})


def test_a_single_accident_can_be_generated() -> None:
    assert join(generate_release(2024, accidents=1, seed=9))[1].accidents == 1


def test_weights_for_codes_that_the_vocabulary_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lum has no codes \[8\]"):
        draw_codes(np.random.default_rng(1), "lum", np.zeros(3, dtype=np.int64), [{1: 1, 8: 1}])
