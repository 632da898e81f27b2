"""Modes of earlier days fill in what was not recorded."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.features import impute, modes_of
from road_assets.core.scene_fields import FILLED
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, UNKNOWN_CODE
from road_assets_tests.core.core_frames import draw_codes_frame


def with_column(name: str, codes: list[int]) -> pd.DataFrame:
    return draw_codes_frame(len(codes)).assign(**{name: pd.array(codes).astype("int8")})


@pytest.mark.parametrize(
    ("codes", "mode"),
    [
        ([1, 2, 2], 2),
        ([9, 9, 5, 5, 1], 5),
        ([UNKNOWN_CODE, UNKNOWN_CODE, UNKNOWN_CODE, 4], 4),
        ([0, 0, 9], 0),
    ],
    ids=["most frequent", "smallest of equally frequent", "recorded once", "trajet 0 is a code"],
)
def test_the_mode_is_the_most_frequent_recorded_code(codes: list[int], mode: int) -> None:
    modes = modes_of(with_column("trajet", codes))
    assert modes["trajet"] == mode
    assert list(modes) == list(FEATURE_NAMES)
    assert type(modes["trajet"]) is int


def test_a_feature_that_is_never_recorded_is_named() -> None:
    with pytest.raises(ValueError, match=r"feature 'surf' is recorded in none of 2 rows.*widen the window"):
        modes_of(with_column("surf", [UNKNOWN_CODE, UNKNOWN_CODE]))


def test_without_rows_there_is_no_mode() -> None:
    with pytest.raises(ValueError, match="recorded in none of 0 rows"):
        modes_of(draw_codes_frame(0))


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), rows=st.integers(0, 30), unknown=st.floats(0, 1))
def test_only_unknown_codes_are_replaced_and_each_is_counted(seed: int, rows: int, unknown: float) -> None:
    codes = draw_codes_frame(rows, seed=seed, unknown=unknown).assign(day="2024-01-01")
    before = codes.copy()
    modes = {feature.name: max(feature.values) for feature in FEATURES}
    filled, counts = impute(codes, modes)
    pd.testing.assert_frame_equal(codes, before)
    features = list(FEATURE_NAMES)
    missing = codes[features] == UNKNOWN_CODE
    assert counts == missing.sum().to_dict()
    assert not (filled[features] == UNKNOWN_CODE).any(axis=None)
    for name in features:
        assert (filled.loc[missing[name], name] == modes[name]).all()
    pd.testing.assert_frame_equal(filled[features].mask(missing), codes[features].mask(missing))
    pd.testing.assert_frame_equal(filled.drop(columns=[*features, FILLED]), codes.drop(columns=features))
    told = [[bool(bits >> place & 1) for place in range(len(features))] for bits in filled[FILLED]]
    assert told == missing.to_numpy().tolist()


def test_codes_stay_small_integers() -> None:
    filled, _ = impute(draw_codes_frame(20, unknown=0.3), dict.fromkeys(FEATURE_NAMES, 9))
    assert {str(kind) for kind in filled[list(FEATURE_NAMES)].dtypes} == {"int8"}
