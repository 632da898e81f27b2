"""The users in Postgres, polled every few seconds and kept in memory: no request waits for Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog
from litestar import Litestar

from road_api.auth import FixedUsers, User
from road_api.background import in_background
from road_api.services.database import Database
from road_api.services.polled_source import PolledSource

SOURCE_NAME: Final = "users"

FIRST_POLL_SECONDS: Final = 2.0
"""How long start-up waits for the users. After that it goes on without them; they appear when Postgres answers."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """How the users are, for the health endpoint.

    Attributes:
        reachable: whether the last poll of the tables succeeded, None before the first and without tables.
        detail: the same in words.
    """

    reachable: bool | None
    detail: str


class UserDirectory:
    """Users of the tables before those of the settings.

    A user in the database takes precedence over one of the settings: a user who is disabled there cannot log in.
    While Postgres is away, the users last read stay.

    Attributes:
        source: what the last poll at the tables found: each user by name, None for one that was disabled.
    """

    def __init__(self, fixed: FixedUsers, database: Database, seconds: float) -> None:
        """Know the users of the settings, and read those of the tables every so many seconds."""
        self.source: PolledSource[dict[str, User | None]] = PolledSource(
            SOURCE_NAME, database.read_users, kept_seconds=float("inf")
        )
        self._fixed = fixed
        self._seconds = seconds
        self._configured = database.configured

    @property
    def state(self) -> DirectoryState:
        """How the users are."""
        if not self._configured:
            return DirectoryState(None, "those of the settings alone; ROAD_DATABASE_URL names the tables with others")
        if self.source.up is None:
            return DirectoryState(None, "not asked yet")
        if self.source.up:
            return DirectoryState(reachable=True, detail="read from the tables")
        known = "those read last" if self.source.value is not None else "those of the settings alone"
        return DirectoryState(reachable=False, detail=f"the tables cannot be read; {known} may log in")

    async def find(self, username: str) -> User | None:
        """Return the user of that name, None if there is none or the user was disabled."""
        of_tables = self.source.value
        if of_tables is not None and username in of_tables:
            return of_tables[username]
        return await self._fixed.find(username)

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Read from start-up to shutdown."""
        if not self._configured:
            yield
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.source.poll(), FIRST_POLL_SECONDS)
        if self.source.value is not None and not any(self.source.value.values()) and self._fixed.empty:
            logger.warning("nobody can log in yet; `road users add NAME` adds a user")
        async with in_background(self.source.run(self._seconds)):
            yield
