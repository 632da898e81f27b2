"""Locks in Postgres are known by their number alone."""

from road_api.services.prediction_table import PARTITIONS_LOCK
from road_assets.resources import locks


def test_no_two_parts_of_the_platform_take_the_same_lock() -> None:
    numbers = [locks.MIGRATION, locks.POINTER, locks.REMOVAL, PARTITIONS_LOCK]
    assert len(set(numbers)) == len(numbers)
