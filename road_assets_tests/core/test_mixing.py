"""Generated users: like real ones together, copies of none, and the same whenever a day is made again."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from road_assets.core.mixing import (
    CHAIN_COLUMNS,
    LABELLED_COLUMNS,
    MIN_ROWS_PER_LEAF,
    MIX_COLUMNS,
    Chain,
    fit_chain,
    generate_days,
    labelled_codes,
    mix_days,
    uniforms_of,
)
from road_assets.core.scene_derivation import derive_scene
from road_assets.core.scene_fields import SCENE_FIELD_NAMES
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, GRAVITY, TARGET, UNKNOWN_CODE
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, draw_matrix, make_users

CHAIN = fit_chain(draw_matrix(800, seed=1, unknown=0.05), seed=42)
DAYS = days_from(FIRST_DAY, 10)
ASKED = st.dictionaries(st.sampled_from(DAYS), st.integers(0, 12))
ALMOST_ONE = float(np.nextafter(1, 0))


def generate(rows_per_day: Mapping[date, int], *, chain: Chain = CHAIN, seed: int = 42) -> pd.DataFrame:
    return generate_days(chain, rows_per_day, seed=seed, data_source=DATA_DEMONSTRATION)


def rows_of(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    return pd.DataFrame(frame[frame["day"].dt.date == day]).reset_index(drop=True)


def codes_of(frame: pd.DataFrame) -> npt.NDArray[np.int8]:
    return frame[list(CHAIN_COLUMNS)].to_numpy()


# --- labelling


def test_users_killed_or_hospitalised_are_labelled_severe_and_those_unrecorded_left_out() -> None:
    users = make_users([FIRST_DAY], 5).assign(grav=pd.array([1, 2, 3, 4, None], dtype="Int8"))
    assert labelled_codes(users)[TARGET].tolist() == [0, 1, 1, 0]


def test_labelled_users_hold_what_the_model_may_see_and_their_keys() -> None:
    users = make_users(DAYS[:2], 20)
    users.loc[[0, 7], GRAVITY.name] = pd.NA
    labelled = labelled_codes(users)
    kept = users.drop(index=[0, 7]).reset_index(drop=True)
    assert labelled.columns.tolist() == list(MIX_COLUMNS)
    assert not labelled["synthetic"].any()
    for name in FEATURE_NAMES:
        assert labelled[name].dtype == np.int8
        assert labelled[name].tolist() == kept[name].fillna(UNKNOWN_CODE).tolist()
    for key in ("day", "num_acc", "user_key", "data_source"):
        pd.testing.assert_series_equal(labelled[key], kept[key])


def test_a_day_whose_users_all_lack_a_severity_is_empty_and_can_be_mixed() -> None:
    users = make_users(DAYS[:1], 3).assign(grav=pd.array([None] * 3, dtype="Int8"))
    real = labelled_codes(users)
    assert len(real) == 0
    mixed = mix_days(real, [generate({DAYS[0]: len(real)})])
    assert mixed.columns.tolist() == list(MIX_COLUMNS)
    assert len(mixed) == 0


def test_a_day_that_gets_no_row_has_columns_of_the_same_kinds() -> None:
    pd.testing.assert_series_equal(generate({DAYS[0]: 0}).dtypes, generate({DAYS[0]: 2}).dtypes)
    pd.testing.assert_series_equal(generate({}).dtypes, generate({DAYS[0]: 2}).dtypes)


def test_labelled_users_hold_what_is_known_of_the_scene_and_where_it_was() -> None:
    users = make_users(DAYS[:2], 20)
    users.loc[[0, 7], GRAVITY.name] = pd.NA
    users.loc[3, "dep"] = None
    labelled = labelled_codes(users)
    scene = derive_scene(users).drop(index=[0, 7]).reset_index(drop=True)
    pd.testing.assert_frame_equal(labelled[list(SCENE_FIELD_NAMES)], scene)
    assert labelled["dep"].tolist() == ["75"] * 2 + [""] + ["75"] * 35
    assert (labelled["nb_usagers"] == 2).all(), "those without a severity count too"


def test_what_the_generator_learns_from_needs_no_column_of_the_scene() -> None:
    users = make_users(DAYS[:2], 20)
    few = labelled_codes(users.drop(columns=["dep", "hrmn", "catv"]), with_scene=False)
    assert few.columns.tolist() == list(LABELLED_COLUMNS)
    pd.testing.assert_frame_equal(few, labelled_codes(users)[list(LABELLED_COLUMNS)])


def test_of_generated_users_nothing_of_the_scene_is_known() -> None:
    rows = generate({DAYS[0]: 4})
    assert {str(rows[name].dtype) for name in SCENE_FIELD_NAMES} == {"int16"}
    assert (rows[list(SCENE_FIELD_NAMES)] == UNKNOWN_CODE).all(axis=None)
    assert rows["dep"].tolist() == [""] * 4


# --- what depends on what


@settings(max_examples=40)
@given(others=ASKED, day=st.sampled_from(DAYS), rows=st.integers(0, 12), seed=st.integers(0, 2**31))
def test_a_day_and_a_seed_give_the_same_rows_whatever_days_are_generated_with_it(
    others: dict[date, int], day: date, rows: int, seed: int
) -> None:
    others.pop(day, None)
    alone = generate({day: rows}, seed=seed)
    first = rows_of(generate({day: rows, **others}, seed=seed), day)
    last = rows_of(generate({**others, day: rows}, seed=seed), day)
    pd.testing.assert_frame_equal(first, alone)
    pd.testing.assert_frame_equal(last, alone)


@settings(max_examples=40)
@given(ASKED)
def test_each_day_gets_as_many_rows_as_asked_each_with_a_key_of_its_own(asked: dict[date, int]) -> None:
    frame = generate(asked)
    assert {day: len(rows_of(frame, day)) for day in asked} == asked
    assert len(frame) == sum(asked.values())
    assert frame.columns.tolist() == list(MIX_COLUMNS)
    assert not frame.duplicated(["num_acc", "user_key"]).any()
    assert frame["synthetic"].all()
    assert (frame["num_acc"] == "S" + frame["day"].dt.strftime("%Y%m%d")).all()
    assert (frame["data_source"] == DATA_DEMONSTRATION).all()


def test_keys_of_generated_rows_meet_no_real_accident() -> None:
    real = labelled_codes(make_users(DAYS, 4))
    assert not set(real["num_acc"]) & set(generate(dict.fromkeys(DAYS, 4))["num_acc"])


def test_different_days_and_different_seeds_give_different_rows() -> None:
    drawn = [codes_of(rows_of(generate(dict.fromkeys(DAYS, 20)), day)).tobytes() for day in DAYS]
    assert len(set(drawn)) == len(DAYS)
    assert codes_of(generate({DAYS[0]: 20}, seed=43)).tobytes() != drawn[0]


def test_asking_for_more_rows_keeps_the_first() -> None:
    more, fewer = generate({DAYS[3]: 50}), generate({DAYS[3]: 20})
    pd.testing.assert_frame_equal(more.head(20), fewer)


def test_random_numbers_depend_on_day_and_seed_and_lie_in_0_to_1() -> None:
    drawn = uniforms_of(FIRST_DAY, 3000, seed=1)
    assert drawn.shape == (3000, len(CHAIN_COLUMNS))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.01
    assert (uniforms_of(FIRST_DAY, 3000, seed=1) == drawn).all()
    assert (uniforms_of(FIRST_DAY, 3000, seed=2) != drawn).any()


def test_the_generator_does_not_depend_on_the_order_of_the_rows_it_learns() -> None:
    codes = draw_matrix(800, seed=1, unknown=0.05)
    shuffled = np.random.default_rng(3).permutation(codes)
    uniforms = uniforms_of(FIRST_DAY, 500, seed=1)
    assert (fit_chain(shuffled, seed=42).sample(uniforms) == CHAIN.sample(uniforms)).all()


# --- what is generated


@settings(max_examples=25)
@given(
    codes=st_numpy.arrays(np.int8, st.tuples(st.integers(1, 90), st.just(14)), elements=st.sampled_from([-1, 0, 1, 9])),
    seed=st.integers(0, 1000),
)
def test_generated_codes_are_codes_that_were_seen_in_their_column(codes: npt.NDArray[np.int8], seed: int) -> None:
    chain = fit_chain(codes, seed=seed)
    edges = np.array([[0.0] * 14, [ALMOST_ONE] * 14])
    drawn = chain.sample(np.concatenate([uniforms_of(FIRST_DAY, 200, seed=seed), edges]))
    assert drawn.dtype == np.int8
    assert chain.rows == len(codes)
    for column in range(14):
        assert set(drawn[:, column]) <= set(codes[:, column])


def test_columns_that_belong_together_stay_together_the_label_included() -> None:
    codes = draw_matrix(4000, seed=5)
    place = {name: number for number, name in enumerate(CHAIN_COLUMNS)}
    codes[:, place["surf"]] = codes[:, place["atm"]]
    drawn = fit_chain(codes, seed=42).sample(uniforms_of(FIRST_DAY, 4000, seed=42))
    assert (drawn[:, place["surf"]] == drawn[:, place["atm"]]).mean() > 0.99
    for matrix in (codes, drawn):
        severe, pedestrian = matrix[:, place[TARGET]] == 1, matrix[:, place["catu"]] == 3
        dark = matrix[:, place["lum"]] == 3
        assert severe[pedestrian & dark].mean() - severe[~pedestrian & ~dark].mean() > 0.45
    for column in range(len(CHAIN_COLUMNS)):
        shares = [np.bincount(matrix[:, column] + 1, minlength=11) / len(matrix) for matrix in (codes, drawn)]
        assert np.abs(shares[0] - shares[1]).sum() / 2 < 0.05


def test_no_value_is_drawn_among_fewer_than_30_people() -> None:
    trees = [link.tree for link in CHAIN.links if link.tree is not None]
    assert len(trees) == len(CHAIN_COLUMNS) - 1
    smallest = min(tree.tree_.n_node_samples[tree.tree_.children_left < 0].min() for tree in trees)
    assert smallest >= MIN_ROWS_PER_LEAF == 30


def test_from_too_few_people_to_split_only_shares_are_learned() -> None:
    few, enough = (fit_chain(draw_matrix(rows, seed=2), seed=42) for rows in (59, 60))
    assert [link.tree for link in few.links] == [None] * len(CHAIN_COLUMNS)
    assert [link.tree is None for link in enough.links] == [True] + [False] * len(FEATURE_NAMES)


def test_a_column_of_one_code_gives_that_code() -> None:
    codes = draw_matrix(100, seed=2, only={"vosp": [2]})
    drawn = fit_chain(codes, seed=42).sample(uniforms_of(FIRST_DAY, 50, seed=42))
    assert set(drawn[:, CHAIN_COLUMNS.index("vosp")]) == {2}


def test_one_person_can_be_learned_from_and_none_cannot() -> None:
    one = draw_matrix(1, seed=2)
    assert (fit_chain(one, seed=42).sample(uniforms_of(FIRST_DAY, 3, seed=42)) == one).all()
    with pytest.raises(ValueError, match="needs real rows of earlier days, or of the day itself, and was given none"):
        fit_chain(one[:0], seed=42)


# --- the mix


def test_each_day_of_the_mix_is_half_real_and_half_generated_real_rows_first() -> None:
    real = labelled_codes(make_users(DAYS, 6))
    halves = [generate(dict.fromkeys(days, 6)) for days in (DAYS[5:], DAYS[:5])]
    mixed = mix_days(real, halves)
    assert mixed.columns.tolist() == list(MIX_COLUMNS)
    assert mixed["day"].dt.date.tolist() == [day for day in DAYS for _ in range(12)]
    assert mixed["synthetic"].tolist() == ([False] * 6 + [True] * 6) * len(DAYS)
    assert {str(mixed[name].dtype) for name in CHAIN_COLUMNS} == {"int8"}
    assert {str(mixed[name].dtype) for name in SCENE_FIELD_NAMES} == {"int16"}
    assert (str(mixed["day"].dtype), str(mixed["synthetic"].dtype)) == ("datetime64[us]", "bool")
    kept = mixed[~mixed["synthetic"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, real, check_dtype=False)


def test_without_generated_rows_the_mix_is_the_real_ones() -> None:
    real = labelled_codes(make_users(DAYS[:2], 3))
    pd.testing.assert_frame_equal(mix_days(real, []), real)
