"""Values of other systems, polled every few seconds: requests and scrapes read the newest one and never wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from road_api.services.dagster_client import DagsterError
from road_api.services.database import DatabaseError

KEPT_SECONDS: Final = 30.0
"""How long a value is valid. A source that restarts is back by then; after that, no value is better than an old one."""

T = TypeVar("T")
logger = structlog.get_logger()


class PolledSource(Generic[T]):
    """The newest value of one source.

    Attributes:
        name: of the source, a label in the metrics.
        up: whether the last poll succeeded, None before the first.
    """

    def __init__(self, name: str, read: Callable[[], Awaitable[T]], kept_seconds: float = KEPT_SECONDS) -> None:
        """Poll by calling ``read``; its value is valid for ``kept_seconds`` after the last poll that succeeded."""
        self.name = name
        self.up: bool | None = None
        self._read = read
        self._kept_seconds = kept_seconds
        self._value: T | None = None
        self._read_at = -float("inf")

    @property
    def value(self) -> T | None:
        """What the last successful poll found; None if that was too long ago."""
        return self._value if time.monotonic() - self._read_at < self._kept_seconds else None

    async def run(self, seconds: float) -> None:
        """Poll until cancelled, with a pause of some seconds in between."""
        while True:
            await self.poll()
            await asyncio.sleep(seconds)

    async def poll(self) -> None:
        """Poll once. That a source is away is logged once, not at every poll."""
        try:
            self._value = await self._read()
        except (DagsterError, DatabaseError) as error:
            if self.up is not False:
                logger.warning("source is away", source=self.name, reason=str(error))
            self.up = False
        except Exception:  # metrics must not take the service down, whatever a source answers
            logger.exception("source cannot be read", source=self.name)
            self.up = False
        else:
            if self.up is False:
                logger.info("source is back", source=self.name)
            self._read_at, self.up = time.monotonic(), True
