"""Work that runs beside the requests: as long as its block, and not longer."""

import asyncio

import pytest

from road_api.background import in_background

pytestmark = pytest.mark.anyio


async def test_work_runs_beside_its_block_and_is_cancelled_at_the_end() -> None:
    seen: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("ended")

    async with in_background(work()), asyncio.timeout(5):
        await begun.wait()
        seen.append("in the block")

    assert seen == ["in the block", "ended"]


async def test_an_error_of_the_work_shows_at_the_end_of_the_block() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        async with in_background(work()):
            await asyncio.sleep(0.01)
