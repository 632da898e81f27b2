"""Which families the environment asks for, and what it says a missed case costs."""

import pytest
from pydantic import ValidationError

from road_assets.core.families import FAMILIES
from road_assets.settings import ModelSettings


def test_every_family_stands_for_promotion_by_default_the_one_of_record_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROAD_CANDIDATES", raising=False)
    assert ModelSettings().candidates == tuple(FAMILIES) == ("forest", "boosting")


def test_families_are_named_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAD_CANDIDATES", "boosting, forest")
    monkeypatch.setenv("ROAD_MISSED_CASE_COST", "4")
    assert ModelSettings().candidates == ("boosting", "forest")
    assert ModelSettings().missed_case_cost == 4


@pytest.mark.parametrize("named", ["forrest", "forest,forest", ",", "forest,"])
def test_a_family_that_is_not_there_or_stands_twice_is_refused(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("ROAD_CANDIDATES", named)
    with pytest.raises(ValidationError, match="name one or more of forest, boosting, each once"):
        ModelSettings()


@pytest.mark.parametrize("cost", ["0", "-1", "inf", "nan"])
def test_a_missed_case_must_cost_something_and_not_everything(monkeypatch: pytest.MonkeyPatch, cost: str) -> None:
    monkeypatch.setenv("ROAD_MISSED_CASE_COST", cost)
    with pytest.raises(ValidationError):
        ModelSettings()
