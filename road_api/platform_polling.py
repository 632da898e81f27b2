"""Polling the platform in the background, for the metrics: which sources, and how often."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from litestar import Litestar

from road_api.background import in_background
from road_api.metrics import Metrics
from road_api.platform_collector import PlatformCollector
from road_api.services.dagster_client import DagsterClient
from road_api.services.database import Database
from road_api.services.model_store import ModelStore
from road_api.services.polled_source import PolledSource
from road_assets.core.orchestration import DAILY_JOB, TRAINING_JOB

INTERVALS_PER_DAGSTER_POLL: Final = 3
"""Dagster is polled only every so many intervals: its answers cost more than Postgres' and change less often."""

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def poll_platform(  # noqa: PLR0913, PLR0917 - all that is polled
    database: Database,
    dagster: DagsterClient,
    store: ModelStore,
    metrics: Metrics,
    seconds: float,
    others: tuple[PolledSource[Any], ...] = (),
) -> Lifespan:
    """Poll the platform from start-up to shutdown, and show it in the metrics; sources without an address are left out.

    Args:
        database: with the figures of drift.
        dagster: with the materializations and the runs.
        store: with the model that answers.
        metrics: where to show them.
        seconds: pause between two polls of the tables.
        others: sources that are polled elsewhere, shown as up or down.
    """
    drift = PolledSource("postgres", database.read_drift)
    work = PolledSource("dagster", lambda: dagster.figures((DAILY_JOB, TRAINING_JOB)))
    metrics.register(PlatformCollector(store, drift, work, others))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as polling:
                if database.configured:
                    await polling.enter_async_context(in_background(drift.run(seconds)))
                if dagster.configured:
                    await polling.enter_async_context(in_background(work.run(seconds * INTERVALS_PER_DAGSTER_POLL)))
                yield
        finally:
            await dagster.aclose()
            metrics.close()

    return lifespan
