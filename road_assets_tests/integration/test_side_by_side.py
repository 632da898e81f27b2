"""The parts of ``make bench`` that need no hour: a process apart, its memory, and the table."""

import pytest

from road_assets_tests.benchmarks.side_by_side import isolated_process
from road_assets_tests.benchmarks.side_by_side.result_table import Row, as_markdown, machine

MIB = 2**20


def hold(mebibytes: str) -> dict[str, float]:
    """Take some memory, as a measured function does."""
    result: dict[str, float] = {}
    with isolated_process.timed(result):
        held = bytearray(int(mebibytes) * MIB)
        held[::4096] = b"x" * len(held[::4096])
    return result


def test_a_function_is_measured_in_a_process_of_its_own_with_its_own_memory() -> None:
    little, much = isolated_process.run_isolated(hold, "1"), isolated_process.run_isolated(hold, "200")
    assert 150 * MIB < much.memory - little.memory < 250 * MIB
    assert 0 < much.seconds < 30


def test_a_function_that_fails_there_is_named() -> None:
    with pytest.raises(RuntimeError, match="hold ended with exit code 1"):
        isolated_process.run_isolated(hold, "many")


def test_the_table_names_the_machine_and_leaves_out_what_is_not_compared() -> None:
    rows = [Row("drift", "2 s", "usual: 8 s", 4.0, 2**30), Row("start", "1.8 s")]
    assert as_markdown(rows).splitlines()[2:] == [
        "| drift | 2 s | usual: 8 s | 4 x | 1.00 GiB |",
        "| start | 1.8 s |  |  |  |",
    ]
    assert "cores" in machine()
