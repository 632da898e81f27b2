"""The application factory: makes all parts, and wires them as dependencies, background tasks and error handlers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import anyio
from litestar import Litestar
from litestar.di import Provide

from road_api import auth, problems
from road_api.background import in_background
from road_api.client_address import ClientAddress
from road_api.fast_path import FastPath
from road_api.instrumentation import Instrumentation
from road_api.log_in_limit import LogInLimit
from road_api.logs import configure_logging, flush_at_shutdown
from road_api.metrics import Metrics
from road_api.openapi import make_openapi_config
from road_api.platform_polling import poll_platform
from road_api.request_bodies import MAX_FIELDS
from road_api.routes import SMALL_BODY_BYTES, make_route_handlers
from road_api.services.bundle_cache import BundleCache
from road_api.services.dagster_client import DagsterClient
from road_api.services.database import Database
from road_api.services.explanation import CONCURRENT_EXPLANATIONS
from road_api.services.former_models import FormerModels
from road_api.services.logged_answer_explainer import LoggedAnswerExplainer
from road_api.services.logged_answers import LoggedAnswers
from road_api.services.model_poller import ModelPoller
from road_api.services.model_registry import ModelRegistry, open_client
from road_api.services.model_store import ModelStore
from road_api.services.prediction_log import PredictionLog
from road_api.services.prediction_table import PredictionTable
from road_api.services.user_directory import UserDirectory
from road_api.settings import Settings, load_settings
from road_api.tokens import Tokens

CONCURRENT_FILES: Final = 2
"""Files processed at once; the others wait, so that memory and cores stay free for single questions."""


def create_app(settings: Settings) -> Litestar:
    """Make the application.

    Args:
        settings: of the service.

    Returns:
        The application. From start-up to shutdown it follows the model in production.
    """
    metrics, store = Metrics(settings.metrics_dir), ModelStore()
    database, dagster = (
        Database(settings.database_url),
        DagsterClient(settings.dagster_url, settings.dagster_public_url),
    )
    log = PredictionLog(
        PredictionTable(settings.database_url) if settings.database_url else None,
        metrics,
        capacity=settings.prediction_queue_rows,
        retention_days=settings.prediction_retention_days,
    )
    users = UserDirectory(auth.FixedUsers.from_settings(settings), database, settings.users_seconds)
    tokens = Tokens(settings.signing_keys())
    check = auth.TokenCheck(tokens, users)
    password = settings.mlflow_password.get_secret_value() if settings.mlflow_password else None
    client = open_client(settings.mlflow_uri, settings.mlflow_username, password)
    registry, cache = ModelRegistry(client), BundleCache(settings.bundle_dir)
    poller = ModelPoller(registry, cache, store, metrics)

    explanation_limiter = anyio.CapacityLimiter(CONCURRENT_EXPLANATIONS)
    app = Litestar(
        route_handlers=make_route_handlers(settings, check),
        dependencies=_provide(
            metrics=metrics,
            store=store,
            poller=poller,
            database=database,
            dagster=dagster,
            tokens=tokens,
            passwords=auth.PasswordCheck(users),
            log_in_limit=LogInLimit(
                settings.log_in_tries, settings.log_in_tries_per_address, settings.log_in_window_seconds
            ),
            client_address=ClientAddress(settings.proxy_networks()),
            prediction_log=log,
            explanation_limiter=explanation_limiter,
            explainer=LoggedAnswerExplainer(
                LoggedAnswers(log, database, settings.prediction_retention_days),
                FormerModels(store, cache, registry),
                explanation_limiter,
            ),
            users=users,
            accident_max_users=settings.accident_max_users,
            csv_max_rows=settings.csv_max_rows,
            file_limiter=anyio.CapacityLimiter(CONCURRENT_FILES),
        ),
        lifespan=[
            flush_at_shutdown,
            _follow_production(poller, client.aclose, settings.poll_seconds),
            users.lifespan,
            poll_platform(database, dagster, store, metrics, settings.figures_seconds, (users.source,)),
            log.lifespan,
        ],
        exception_handlers=dict(problems.HANDLERS),
        openapi_config=make_openapi_config(),
        request_max_body_size=SMALL_BODY_BYTES,
        multipart_form_part_limit=MAX_FIELDS,
        logging_config=None,
    )
    app.asgi_handler = FastPath(Instrumentation(app.asgi_handler, metrics), check, store, log)
    return app


def create_worker() -> Litestar:
    """Make the application in one of several worker processes of uvicorn."""
    configure_logging()
    return create_app(load_settings())


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
        try:
            async with in_background(poller.run(seconds)):
                yield
        finally:
            await close()

    return lifespan
