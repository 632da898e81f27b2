"""The service's part in watching the platform: who is looked at in the background, and how often."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from litestar import Litestar

from road_api.facts import Facts
from road_api.metrics import Metrics
from road_api.services.dagster import Dagster
from road_api.services.model_store import ModelStore
from road_api.services.tables import Tables
from road_api.services.watched import Watched
from road_assets.core.orchestration import DAILY_JOB, TRAINING_JOB

LOOKS_PER_LOOK_AT_DAGSTER: Final = 3
"""Its answers cost more than those of Postgres and change less often."""

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def watch_platform(  # noqa: PLR0913, PLR0917 - all that is watched
    tables: Tables,
    dagster: Dagster,
    store: ModelStore,
    metrics: Metrics,
    seconds: float,
    others: tuple[Watched[Any], ...] = (),
) -> Lifespan:
    """Show the platform's figures in the metrics, looked at from start-up to shutdown; what was not named is left out.

    Args:
        tables: with the figures of drift.
        dagster: with the materializations and the runs.
        store: with the model that answers.
        metrics: where to show them.
        seconds: between two looks at the tables.
        others: sources that somebody else looks at, to be shown as up or down.
    """
    drift = Watched("postgres", tables.read_drift)
    work = Watched("dagster", lambda: dagster.figures((DAILY_JOB, TRAINING_JOB)))
    metrics.show(Facts(store, drift, work, others))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        looks: list[asyncio.Task[Any]] = []
        if tables.configured:
            looks.append(asyncio.create_task(drift.run(seconds)))
        if dagster.configured:
            looks.append(asyncio.create_task(work.run(seconds * LOOKS_PER_LOOK_AT_DAGSTER)))
        try:
            yield
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
            await dagster.aclose()
            metrics.close()

    return lifespan
