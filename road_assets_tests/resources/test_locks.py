"""Advisory locks in Postgres are known by their number alone."""

import ast
from collections.abc import Iterator

from road_api.services.prediction_table import PARTITIONS_LOCK
from road_assets.local.services import PROJECT
from road_assets.resources import locks

NUMBERS = [value for value in vars(locks).values() if type(value) is int]


def test_no_two_parts_of_the_platform_take_the_same_lock() -> None:
    numbers = [*NUMBERS, PARTITIONS_LOCK]
    assert len(set(numbers)) == len(numbers)


def _numbers_like_ours() -> Iterator[tuple[str, int]]:
    for path in sorted((PROJECT / "road_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value // 1000 == 7_202:
                yield path.name, node.value


def test_every_number_stands_in_the_one_list() -> None:
    assert {name for name, _ in _numbers_like_ours()} == {"locks.py"}
    assert sorted(number for _, number in _numbers_like_ours()) == sorted(NUMBERS)
