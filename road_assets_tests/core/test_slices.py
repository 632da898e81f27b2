"""Figures by group of users."""

import numpy as np

from road_assets.core.scene_fields import FILLED
from road_assets.core.slices import slice_figures
from road_assets.core.vocabulary import TARGET
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows


def test_every_group_of_users_has_a_line_with_an_interval() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 60)
    rows = rows[~rows["synthetic"]]
    answers = np.random.default_rng(1).random(len(rows)) * 0.1 + 0.6 * rows[TARGET].to_numpy()
    lines = slice_figures(rows, answers)
    assert {line.field for line in lines} == {"catu", "sexe", "lum", "catr", "département"}
    assert sum(line.rows for line in lines if line.field == "lum") == len(rows)
    assert {line.value for line in lines if line.field == "département"} == {"Île-de-France"}
    for line in lines:
        assert line.roc_auc == line.roc_auc_low == line.roc_auc_high == 1, "severe users all stand above the others"


def test_a_group_with_one_outcome_or_few_rows_says_no_more_than_it_can() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 10)
    rows = rows[~rows["synthetic"]].assign(catu=1)
    rows.loc[rows.index[:5], ["catu", TARGET]] = [3, 0]
    few = next(line for line in slice_figures(rows, np.full(len(rows), 0.2)) if line.value.startswith("3"))
    assert (few.rows, few.severe_share) == (5, 0)
    assert (few.roc_auc, few.roc_auc_low, few.roc_auc_high, few.calibration_error) == (None, None, None, None)


def test_what_had_not_been_recorded_is_in_no_group() -> None:
    rows = make_feature_rows(days_from(FIRST_DAY, 30), 10)
    rows = rows[~rows["synthetic"]].assign(**{FILLED: np.int16(1)})  # catu had been filled in everywhere
    assert "catu" not in {line.field for line in slice_figures(rows, np.full(len(rows), 0.2))}
