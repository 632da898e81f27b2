"""The application, put together from its parts. Making one has no side effect but reading the installed Swagger UI."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

import anyio
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from road_api import auth, problems
from road_api.controllers.auth import AuthController
from road_api.controllers.docs import go_to_docs, go_to_openapi, make_docs_files_router
from road_api.controllers.health import HealthController
from road_api.controllers.predict import PredictController, PredictCsvController
from road_api.metrics import Metrics
from road_api.observe import Observer
from road_api.openapi import PROTECTED, make_openapi_config
from road_api.services.bundle_cache import BundleCache
from road_api.services.model_poller import ModelPoller
from road_api.services.model_registry import ModelRegistry, open_client
from road_api.services.model_store import ModelStore
from road_api.settings import Settings

SMALL_BODY_BYTES: Final = 64 * 1024
"""Largest body where no file is expected: a question has some 150 bytes."""

MULTIPART_OVERHEAD_BYTES: Final = 4 * 1024
"""What a form adds around its file."""

CONCURRENT_FILES: Final = 2
"""Files worked on at once; the others wait, so that memory and cores stay free for single questions."""


def create_app(settings: Settings) -> Litestar:
    """Put the service together.

    Args:
        settings: what it is told.

    Returns:
        The application. Its model is loaded and followed from start-up to shutdown.
    """
    metrics, store = Metrics(), ModelStore()
    users = auth.FixedUsers.from_settings(settings)
    tokens = auth.Tokens(settings.signing_key())
    password = settings.mlflow_password.get_secret_value() if settings.mlflow_password else None
    client = open_client(settings.mlflow_uri, settings.mlflow_username, password)
    poller = ModelPoller(ModelRegistry(client), BundleCache(settings.bundle_dir), store, metrics)
    protected = Router(
        "/protected",
        route_handlers=[
            PredictController,
            Router(
                "/",
                route_handlers=[PredictCsvController],
                request_max_body_size=settings.csv_max_bytes + MULTIPART_OVERHEAD_BYTES,
            ),
        ],
        middleware=[DefineMiddleware(auth.BearerAuthentication, tokens=tokens, users=users)],
        security=PROTECTED,
    )
    app = Litestar(
        route_handlers=[
            AuthController,
            HealthController,
            protected,
            go_to_docs,
            go_to_openapi,
            make_docs_files_router(),
        ],
        dependencies=_provide(
            metrics=metrics,
            store=store,
            poller=poller,
            tokens=tokens,
            passwords=auth.PasswordCheck(users),
            file_limiter=anyio.CapacityLimiter(CONCURRENT_FILES),
        ),
        lifespan=[_follow_production(poller, client.aclose, settings.poll_seconds)],
        exception_handlers=dict(problems.HANDLERS),
        openapi_config=make_openapi_config(),
        request_max_body_size=SMALL_BODY_BYTES,
        logging_config=None,
    )
    app.asgi_handler = Observer(app.asgi_handler, metrics)
    return app


def _provide(**parts: Any) -> dict[str, Provide]:
    return {name: Provide(_constant(part), use_cache=True, sync_to_thread=False) for name, part in parts.items()}


def _constant(part: Any) -> Callable[[], Any]:
    def provide() -> Any:
        return part

    return provide


def _follow_production(
    poller: ModelPoller, close: Callable[[], Any], seconds: float
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await poller.restore()
        task = asyncio.create_task(poller.run(seconds))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await close()

    return lifespan
