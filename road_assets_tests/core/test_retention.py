"""Which versions of the model may go."""

from datetime import UTC, date, datetime, timedelta

from road_assets.core.production_history import PROMOTED, ROLLED_BACK, ProductionChange
from road_assets.core.retention import StoredVersion, former_champions, superfluous

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = date(2026, 5, 1)


def version(number: int, *, age: int, as_of: date = DAY) -> StoredVersion:
    return StoredVersion(number, NOW - timedelta(days=age), as_of)


NEWEST = version(99, age=0, as_of=DAY + timedelta(days=30))


def test_old_versions_go_and_young_ones_stay() -> None:
    versions = [version(1, age=200), version(2, age=20), NEWEST]
    assert superfluous(versions, set(), set(), NOW - timedelta(days=180)) == ([1], 0)


def test_what_is_needed_stays_however_old() -> None:
    versions = [version(1, age=900), version(2, age=800), NEWEST]
    assert superfluous(versions, {1}, set(), NOW) == ([2], 1)


def test_candidates_that_wait_for_a_decision_stay() -> None:
    waiting = version(1, age=200, as_of=DAY - timedelta(days=1))
    assert superfluous([waiting, version(2, age=200), NEWEST], set(), {waiting.as_of}, NOW) == ([2], 1)


def test_the_newest_day_keeps_all_its_candidates() -> None:
    versions = [version(1, age=400), version(2, age=400)]
    assert superfluous(versions, set(), set(), NOW) == ([], 2)


def test_an_empty_registry_has_nothing_to_lose() -> None:
    assert superfluous([], {1}, {DAY}, NOW) == ([], 0)


def test_former_champions_are_the_last_ones_each_once() -> None:
    history = [
        ProductionChange(PROMOTED, 1, None),
        ProductionChange(PROMOTED, 2, 1),
        ProductionChange(PROMOTED, 5, 2),
        ProductionChange(ROLLED_BACK, 2, 5),
        ProductionChange(PROMOTED, 7, 2),
    ]
    assert former_champions(history, 2) == [2, 5]
    assert former_champions(history, 9) == [2, 5, 1]
    assert former_champions([], 3) == []
