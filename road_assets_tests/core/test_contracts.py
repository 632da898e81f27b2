"""Frames that keep their contract pass; each way to break it is told with a rule, a count and an example."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from road_assets.core.contracts import Frame, find_violations
from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import scan_table, table_of
from road_assets.core.joining import join_users
from road_assets.core.mixing import MIX_COLUMNS
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURES, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows, make_users

DAYS = days_from(FIRST_DAY, 4)


def raw() -> pd.DataFrame:
    return make_users(DAYS, 20)


def features() -> pd.DataFrame:
    return make_feature_rows(DAYS, 20, data=DATA_DEMONSTRATION)


def mix() -> pd.DataFrame:
    rows = features()
    rows.loc[::3, "lum"] = UNKNOWN_CODE
    return rows


MAKE: dict[Frame, Callable[[], pd.DataFrame]] = {"raw_accidents": raw, "synthetic_mix": mix, "features": features}


@pytest.mark.parametrize("frame", MAKE)
def test_a_frame_as_the_assets_make_it_keeps_its_contract(frame: Frame) -> None:
    assert find_violations(MAKE[frame](), frame) == []


@pytest.mark.parametrize("frame", MAKE)
def test_a_day_without_rows_keeps_every_contract(frame: Frame) -> None:
    assert find_violations(MAKE[frame]().head(0), frame) == []


def test_a_joined_release_keeps_the_contract_of_raw_accidents() -> None:
    files = generate_release(2024, accidents=100, seed=1).items()
    readings = {table_of(name): scan_table(table_of(name), content, name=name) for name, content in files}
    joined, _ = join_users({table: reading.frame for table, reading in readings.items()})
    assert find_violations(joined.assign(data_source=DATA_DEMONSTRATION), "raw_accidents") == []


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("frame", MAKE)
def test_a_code_of_no_codebook_is_told_for_every_feature_and_frame(frame: Frame, feature: Any) -> None:
    rows = MAKE[frame]()
    rows.loc[[3, 5], feature.name] = 77
    (violation,) = find_violations(rows, frame)
    assert (violation.column, violation.rows) == (feature.name, 2)
    assert violation.rule.startswith("a code of the codebook")
    assert violation.example.startswith("77 of 2024-01-01/2024000000")


def test_a_code_that_was_not_recorded_has_no_place_in_the_features() -> None:
    (violation,) = find_violations(mix(), "features")
    assert str(violation).startswith("lum: expected a code of the codebook, broken in 54 rows, as -1 of 2024-01-01/")


def changed(**values: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        for name, value in values.items():
            rows.loc[1, name] = value
        return rows

    return change


def doubled(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, rows.iloc[[0, -1]]])


@pytest.mark.parametrize(
    ("frame", "change", "message"),
    [
        ("raw_accidents", changed(grav=5), "grav: expected a code of the codebook, broken in 1 rows, as 5 of 2024"),
        ("raw_accidents", changed(num_acc="S20240101"), "num_acc: expected an accident number of 12 digits"),
        ("raw_accidents", changed(user_key=None), "user_key: expected a value, broken in 1 rows"),
        ("raw_accidents", changed(data_source="rumour"), "data_source: expected the name of a source of data"),
        ("raw_accidents", lambda rows: rows.drop(columns="atm"), "atm: expected a column of this name"),
        ("raw_accidents", lambda rows: rows.drop(columns="day"), "day: expected a column of this name"),
        ("raw_accidents", doubled, "expected no other row with the same day, num_acc, user_key, broken in 2 rows, as "),
        ("synthetic_mix", doubled, "expected no other row with the same day, num_acc, user_key, broken in 2 rows, as "),
        ("features", changed(severe=2), "severe: expected one of 0, 1, broken in 1 rows, as 2 of"),
        (
            "synthetic_mix",
            lambda rows: rows.iloc[1:],
            "expected as many generated rows as real ones on each day, broken in 39 rows, as 20 generated and 19 real",
        ),
        ("features", lambda rows: rows.astype({TARGET: "float64"}), "severe: expected dtype('int8'), broken, as float"),
        ("features", lambda rows: rows[[n for n in MIX_COLUMNS if n != "synthetic"]], "synthetic: expected a column"),
        ("synthetic_mix", lambda rows: rows.drop(columns="noise"), "noise: expected a column of this name"),
        (
            "features",
            changed(age=121),
            "age: expected 0 to 120 years, or -1 where it was not recorded, broken in 1 rows",
        ),
        ("synthetic_mix", changed(manv=27), "manv: expected a code of the codebook, or -1 where it was not recorded"),
        ("synthetic_mix", lambda rows: rows.drop(columns="vma"), "vma: expected a column of this name"),
        ("features", lambda rows: rows.astype({"nbv": "float32"}), "nbv: expected dtype('int16')"),
        ("features", changed(filled=8192), "filled: expected a bit for each feature, broken in 1 rows, as 8192 of"),
        ("features", changed(dep=None), "dep: expected a value, broken in 1 rows"),
        ("features", changed(noise=1.5), "noise: expected a number from 0 to 1, broken in 1 rows, as 1.5 of 2024"),
        ("features", changed(noise=None), "noise: expected a value, broken in 1 rows"),
    ],
)
def test_what_breaks_a_contract_is_said_with_an_example(
    frame: Frame, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    assert message in "; ".join(map(str, find_violations(change(MAKE[frame]()), frame)))
