"""Figures of others that are looked at every few seconds, so that ``/metrics`` shows them without asking anybody."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from road_api.services.dagster import DagsterError
from road_api.services.tables import TablesError

KEPT_SECONDS: Final = 30.0
"""A source that restarts is back by then; an older figure is not shown any more, and the source is shown as down."""

T = TypeVar("T")
logger = structlog.get_logger()


class Watched(Generic[T]):
    """The newest figures of one source.

    Attributes:
        source: its name, a label in the metrics.
        up: whether the last look succeeded, None before the first.
    """

    def __init__(self, source: str, read: Callable[[], Awaitable[T]], kept_seconds: float = KEPT_SECONDS) -> None:
        """Look at a source through ``read``; figures are shown for ``kept_seconds`` after the last look that worked."""
        self.source = source
        self.up: bool | None = None
        self._read = read
        self._kept_seconds = kept_seconds
        self._figures: T | None = None
        self._read_at = -float("inf")

    @property
    def figures(self) -> T | None:
        """What the last look found; nothing if that was too long ago."""
        return self._figures if time.monotonic() - self._read_at < self._kept_seconds else None

    async def run(self, seconds: float) -> None:
        """Look for ever, with a pause of some seconds between two looks."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Look once. A source that is away is said once, not at every look."""
        try:
            self._figures = await self._read()
        except (DagsterError, TablesError) as error:
            if self.up is not False:
                logger.warning("source is away", source=self.source, reason=str(error))
            self.up = False
        except Exception:  # metrics must not take the service down, whatever a source answers
            logger.exception("figures cannot be read", source=self.source)
            self.up = False
        else:
            if self.up is False:
                logger.info("source is back", source=self.source)
            self._read_at, self.up = time.monotonic(), True
