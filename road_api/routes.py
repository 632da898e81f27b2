"""The routes of the service: which controllers there are, who may call them, and how large their bodies may be."""

from typing import Final

from litestar import Router
from litestar.types import ASGIApp, ControllerRouterHandler

from road_api.auth import BearerAuthentication, SharedSecret, TokenCheck
from road_api.controllers.alerts import AlertsController
from road_api.controllers.auth import AuthController
from road_api.controllers.config import ConfigController
from road_api.controllers.docs import go_to_openapi, make_docs_files_router
from road_api.controllers.explain import ExplainController
from road_api.controllers.health import HealthController
from road_api.controllers.model import ModelController, make_card_links
from road_api.controllers.page import make_page_router
from road_api.controllers.predict import PredictController, PredictCsvController, make_accident_controller
from road_api.controllers.reload import ReloadController
from road_api.openapi import PROTECTED
from road_api.settings import Settings

SMALL_BODY_BYTES: Final = 64 * 1024
"""Largest body of requests without a file; a question has about 150 bytes."""

USER_BYTES: Final = 1024
"""Largest size of one user in a question about an accident: indented and with all optional fields, about 700 bytes."""

MULTIPART_OVERHEAD_BYTES: Final = 4 * 1024
"""What a multipart form adds to its file."""


def make_route_handlers(settings: Settings, check: TokenCheck) -> list[ControllerRouterHandler]:
    """Make all routes.

    Args:
        settings: of the service; some set the largest size of a body.
        check: of the tokens that ``/protected`` and ``/config`` need.
    """

    def bearer(app: ASGIApp) -> ASGIApp:
        """A function: Litestar copies the arguments of ``DefineMiddleware``, and a copy would not see new users."""
        return BearerAuthentication(app, check)

    accident = make_accident_controller(settings.accident_max_users)
    accident_bytes = max(SMALL_BODY_BYTES, settings.accident_max_users * USER_BYTES)
    file_bytes = settings.csv_max_bytes + MULTIPART_OVERHEAD_BYTES
    protected: list[ControllerRouterHandler] = [
        PredictController,
        ExplainController,
        ReloadController,
        Router("/", route_handlers=[accident], request_max_body_size=accident_bytes),
        Router("/", route_handlers=[PredictCsvController], request_max_body_size=file_bytes),
    ]
    return [
        AuthController,
        HealthController,
        ModelController,
        Router("/protected", route_handlers=protected, middleware=[bearer], security=PROTECTED),
        Router("/config", route_handlers=[ConfigController], middleware=[bearer], security=PROTECTED),
        Router("/", route_handlers=[AlertsController], guards=[SharedSecret(settings.alert_token)]),
        make_page_router(),
        go_to_openapi,
        make_docs_files_router(),
        *make_card_links(),
    ]
