"""Whether a candidate takes the place of the model in production."""

from datetime import UTC, date, datetime

import pytest

from road_assets.core.bundle import Manifest, Window
from road_assets.core.gate import Contender, decide
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, MODEL_NAME


def _contender(version: int, roc_auc: float, *, trained_up_to: date = date(2024, 8, 31)) -> Contender:
    manifest = Manifest(
        model_name=MODEL_NAME,
        features=FEATURE_NAMES,
        threshold=0.5,
        data=DATA_DEMONSTRATION,
        training_window=Window(first_day=date(2024, 1, 1), last_day=trained_up_to),
        evaluation_window=Window(first_day=date(2024, 9, 1), last_day=date(2024, 9, 30)),
        metrics={"roc_auc": 0.1},
        code_version="0",
        libraries={},
        created_at=datetime(2024, 10, 1, tzinfo=UTC),
        sha256={},
    )
    return Contender(version, manifest, {"roc_auc": roc_auc})


def test_the_first_model_is_promoted() -> None:
    decision = decide(_contender(1, 0.6), None)
    assert decision.promote
    assert "the first" in decision.reason


@pytest.mark.parametrize(("reached", "promoted"), [(0.71, True), (0.70, False), (0.69, False)])
def test_a_challenger_has_to_be_better_on_the_same_rows(reached: float, promoted: bool) -> None:  # noqa: FBT001
    decision = decide(_contender(2, reached), _contender(1, 0.70))
    assert decision.promote is promoted
    assert f"{reached:.4f}" in decision.reason
    assert "0.7000" in decision.reason


def test_a_model_is_not_compared_with_itself() -> None:
    same = _contender(3, 0.7)
    assert decide(same, same).reason == "version 3 is in production already"


def test_a_champion_that_has_seen_the_days_is_not_beaten_on_them() -> None:
    champion = _contender(1, 0.5, trained_up_to=date(2024, 9, 1))
    decision = decide(_contender(2, 0.9), champion)
    assert not decision.promote
    assert "train as of a later day" in decision.reason
