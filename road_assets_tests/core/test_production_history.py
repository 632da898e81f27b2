"""Who was in production, who may come back, and who may not by itself."""

import pytest

from road_assets.core.production_history import (
    NoFormerChampionError,
    ProductionChange,
    former_champion,
    rolled_back_versions,
)

FIRST, SECOND, THIRD = (
    ProductionChange("promoted", 1, None),
    ProductionChange("promoted", 2, 1),
    ProductionChange("promoted", 3, 2),
)
BACK = ProductionChange("rolled back", 2, 3)


def test_by_default_the_one_before_comes_back_and_then_the_one_before_that() -> None:
    assert former_champion([FIRST, SECOND, THIRD], None) == 2
    assert former_champion([FIRST, SECOND, THIRD, BACK], None) == 1


def test_any_former_champion_can_be_named_also_one_that_was_left() -> None:
    assert former_champion([FIRST, SECOND, THIRD], 1) == 1
    assert former_champion([FIRST, SECOND, THIRD, BACK], 3) == 3


def test_after_a_promotion_on_top_of_a_rollback_the_one_left_is_not_the_one_before() -> None:
    history = [FIRST, SECOND, THIRD, BACK, ProductionChange("promoted", 4, 2)]
    assert former_champion(history, None) == 2


def test_what_was_found_in_the_registry_counts_as_having_been_in_production() -> None:
    assert former_champion([FIRST, ProductionChange("found in the registry", 7, 1)], None) == 1


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (9, "version 9 was never in production.*nothing was changed. former champions: 1, 2"),
        (3, "version 3 is in production already; former champions: 1, 2"),
    ],
)
def test_a_version_that_cannot_come_back_is_refused_with_those_that_can(wanted: int, says: str) -> None:
    with pytest.raises(NoFormerChampionError, match=says):
        former_champion([FIRST, SECOND, THIRD], wanted)


def test_there_may_be_nothing_to_go_back_to() -> None:
    with pytest.raises(NoFormerChampionError, match="no model is in production"):
        former_champion([], None)
    with pytest.raises(NoFormerChampionError, match=r"version 1 has no version before it.*former champions: none"):
        former_champion([FIRST], None)
    with pytest.raises(NoFormerChampionError, match=r"no model is in production.*former champions: 1"):
        former_champion([FIRST, ProductionChange("found in the registry", None, 1)], 1)


def test_a_version_that_was_rolled_back_from_stays_out_until_somebody_brings_it_back() -> None:
    assert rolled_back_versions([FIRST, SECOND, THIRD]) == set()
    assert rolled_back_versions([FIRST, SECOND, THIRD, BACK]) == {3}
    assert rolled_back_versions([FIRST, SECOND, THIRD, BACK, ProductionChange("promoted", 4, 2)]) == {3}
    assert rolled_back_versions([FIRST, SECOND, THIRD, BACK, ProductionChange("rolled back", 3, 2)]) == {2}
