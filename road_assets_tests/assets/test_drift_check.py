"""What the drift check tells of each day."""

from datetime import date

import dagster as dg
import pytest

from road_assets.checks.drift import RETRAIN_AS_OF, check_drift, evaluations_of
from road_assets.core.drift import DriftEvaluation, DriftScore, count_codes, score_drift
from road_assets.core.vocabulary import FEATURES
from road_assets_tests.core.core_frames import days_from
from road_assets_tests.frames import feature_rows

PICTURE = "distance per feature"


def make_score(drifted: int) -> DriftScore:
    rows = feature_rows(600)
    moved = rows.assign(**{feature.name: feature.codes[-1].value for feature in FEATURES[:drifted]})
    return score_drift(count_codes(rows), count_codes(moved))


@pytest.fixture(scope="module")
def scores() -> dict[int, DriftScore]:
    return {drifted: make_score(drifted) for drifted in (0, 4, 7)}


@pytest.mark.parametrize(("drifted", "passed", "severity"), [(0, True, None), (4, False, "WARN"), (7, False, "ERROR")])
def test_a_warning_is_for_people_and_an_error_asks_for_retraining(
    scores: dict[int, DriftScore], drifted: int, severity: str | None, *, passed: bool
) -> None:
    day = date(2024, 3, 1)
    told = check_drift(DriftEvaluation({day: scores[drifted]}))
    assert told.passed is passed
    assert severity is None or told.severity.value == severity
    assert told.metadata[RETRAIN_AS_OF].value == "2024-03-01"
    assert f"{drifted} of 13 features drifted" in str(told.description)
    assert PICTURE in told.metadata


def test_of_a_long_run_the_newest_days_and_every_failed_one_are_told(scores: dict[int, DriftScore]) -> None:
    days = days_from(date(2024, 1, 1), 305)
    evaluation = DriftEvaluation({day: scores[7 if number in {3, 9} else 0] for number, day in enumerate(days)})
    output, *told = evaluations_of(evaluation)
    assert isinstance(output, dg.Output)
    evaluations = [one for one in told if isinstance(one, dg.AssetCheckEvaluation)]
    assert [one.partition for one in evaluations] == [str(day) for day in (days[3], days[9], *days[-92:])]
    assert [one.partition for one in evaluations if not one.passed] == [str(days[3]), str(days[9])]
    assert [one.partition for one in evaluations if PICTURE in one.metadata] == [
        str(day) for day in (days[3], days[9], days[-1])
    ]
    assert not any(one.blocking for one in evaluations)


def test_a_run_of_one_day_leaves_partition_and_target_to_dagster(scores: dict[int, DriftScore]) -> None:
    (told,) = evaluations_of(DriftEvaluation({date(2024, 3, 1): scores[0]}))
    assert isinstance(told, dg.AssetCheckResult)
