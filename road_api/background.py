"""Work that runs beside the requests, from start-up to shutdown."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine that never ends as a task beside the block, and cancel it at the end.

    Args:
        work: logs its own errors and goes on; if it raises, that shows only at the end of the block.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
