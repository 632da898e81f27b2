"""What is frozen with a candidate, written and read back."""

import json

import numpy as np
import pandas as pd
import pytest

from road_assets.core.drift import DriftDetector, DriftLimits
from road_assets.core.drift_counts import LABEL, NUMERIC_NAMES, PREDICTION, PROBABILITY, DayTallies, count_codes
from road_assets.core.drift_reference import (
    DriftReference,
    ReferenceFormatError,
    freeze_reference,
    read_counts,
    read_reference,
    sample_reference,
)
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_feature_rows

DAYS = days_from(FIRST_DAY, 20)
BROKEN = {"kind": "label", "accidents": 1, "counts": {"a": [1, 2]}, "covariance": [3], "third moments": [0, 0]}


def make_real(seed: int = 1, **columns: object) -> pd.DataFrame:
    rows = make_feature_rows(DAYS, 60, seed=seed)
    real = rows[~rows["synthetic"]].reset_index(drop=True)
    rng = np.random.default_rng(seed)
    numbers = {name: rng.integers(5, 20, len(real)).astype("int16") for name in NUMERIC_NAMES}
    return real.assign(**numbers).assign(**columns)


def freeze(rows: pd.DataFrame) -> DriftReference:
    return freeze_reference(rows, rows, np.random.default_rng(2).beta(2, 8, len(rows)))


@pytest.fixture(scope="module")
def reference() -> DriftReference:
    return freeze(make_real())


def test_everything_that_is_watched_is_frozen(reference: DriftReference) -> None:
    names = [name for family in reference.families for name in family.counts]
    assert names == [*FEATURE_NAMES, *NUMERIC_NAMES, LABEL.name, PREDICTION.name]
    assert [family.kind for family in reference.families] == ["feature", *["numeric"] * 6, "label", "prediction"]
    assert reference.families[0].accidents == 600
    assert reference.severe_share == pytest.approx(make_real()[TARGET].mean())
    counted = count_codes(make_real())
    assert all((reference.codes[name] == counted[name]).all() for name in FEATURE_NAMES)


def test_what_is_unknown_in_all_rows_is_left_out() -> None:
    names = [name for family in freeze(make_real(age=-1)).families for name in family.counts]
    assert "age" not in names
    assert "heure" in names


def test_written_and_read_again_it_judges_alike(reference: DriftReference) -> None:
    again = read_reference(reference.to_json())
    assert again.to_json() == reference.to_json()
    window = DayTallies(make_real(seed=5).assign(**{PROBABILITY: 0.3})).of_window(DAYS)
    limits = DriftLimits(distance_threshold=0)
    for one, other in zip(
        (*(before := DriftDetector(reference, limits).score(window)).features, *before.beside),
        (*(after := DriftDetector(again, limits).score(window)).features, *after.beside),
        strict=True,
    ):
        assert (one.feature, one.distance, one.drifted) == (other.feature, other.distance, other.drifted)
        assert one.noise == pytest.approx(other.noise, rel=1e-3)
    assert len(reference.to_json()) < 150_000


def test_a_shifted_age_drifts_beside_the_score(reference: DriftReference) -> None:
    rows = make_real(seed=5)
    window = DayTallies(rows.assign(age=rows["age"] + 30)).of_window(DAYS)
    score = DriftDetector(reference).score(window)
    assert score.drifted_beside == ["age"]
    assert score.score == 0
    (age,) = [found for found in score.beside if found.feature == "age"]
    assert (age.kind, age.threshold) == ("numeric", pytest.approx(0.05))
    assert age.distance > 0.9


@pytest.mark.parametrize(("share", "drifted"), [(0.9, ["severe"]), (None, [])])
def test_more_severe_cases_are_told_beside_the_score(
    reference: DriftReference, share: float | None, drifted: list[str]
) -> None:
    rows = make_real(seed=5)
    labels = rows[TARGET] if share is None else (np.random.default_rng(1).random(len(rows)) < share).astype(int)
    score = DriftDetector(reference).score(DayTallies(rows.assign(**{TARGET: labels})).of_window(DAYS))
    assert score.drifted_beside == drifted
    assert score.severe is not None
    assert score.severe.reference == reference.severe_share
    assert score.severe.low < labels.mean() < score.severe.high


def test_answers_that_moved_are_told_beside_the_score(reference: DriftReference) -> None:
    rows = make_real(seed=5)
    answers = np.random.default_rng(3).beta(2, 8, len(rows))
    same, moved = (
        DriftDetector(reference).score(DayTallies(rows.assign(**{PROBABILITY: values})).of_window(DAYS))
        for values in (answers, answers + 0.3)
    )
    assert (same.drifted_beside, moved.drifted_beside) == ([], [PROBABILITY])


def test_a_reference_of_an_earlier_version_judges_the_features(reference: DriftReference) -> None:
    counts = {name: counted.tolist() for name, counted in reference.codes.items()}
    old = read_counts(json.dumps(counts))
    score = DriftDetector(old).score(DayTallies(make_real(seed=5)).of_window(DAYS))
    assert (len(score.features), score.beside, score.reference_rows) == (13, (), 1200)
    assert score.severe is not None
    assert score.severe.reference is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nothing", "does not parse"),
        ("[]", "does not parse"),
        ('{"format": 9}', "has format 9, this version reads 1; train and promote anew"),
        (
            json.dumps({"format": 1, "families": [BROKEN]}),
            "holds 1 covariances and 2 third moments for 2 values",
        ),
    ],
)
def test_what_cannot_be_read_is_said(content: str, told: str) -> None:
    with pytest.raises(ReferenceFormatError, match=told):
        read_reference(content)


def test_the_sample_keeps_what_pictures_need() -> None:
    rows = make_real()
    assert sample_reference(rows, 10, seed=1).columns.tolist() == [*FEATURE_NAMES, *NUMERIC_NAMES, TARGET]
    assert len(sample_reference(rows, 10, seed=1)) == 10
    assert len(sample_reference(rows.drop(columns="age"), 10**6, seed=1)) == len(rows)
