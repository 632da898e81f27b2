"""Polling the production alias at once, for admins who do not want to wait for the next poll."""

from typing import Any

import structlog
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from road_api.auth import User, require_admin
from road_api.openapi import TAG_ADMIN, describe_problem
from road_api.schemas.responses import Reloaded
from road_api.services.model_poller import ModelPoller
from road_api.services.model_store import ModelStore

logger = structlog.get_logger()


class ReloadController(Controller):
    """A version that is refused does not replace the one that answers."""

    tags = (TAG_ADMIN,)
    guards = (require_admin,)

    @post(
        "/reload",
        status_code=200,
        operation_id="reloadModel",
        summary="Load the version in production now",
        description=(
            "The service polls the registry every few seconds by itself; this polls at once. `outcome` is `loaded`, "
            "`unchanged`, `refused` (the former model goes on answering) or `nothing promoted`. Of several workers, "
            "only the one that gets the request polls now."
        ),
        responses={
            401: describe_problem("No token, or not a valid one"),
            403: describe_problem("The token is not an admin's"),
            503: describe_problem("The registry does not answer; the loaded model goes on answering"),
        },
    )
    async def reload(
        self,
        request: Request[User, dict[str, Any], Any],
        poller: NamedDependency[ModelPoller],
        store: NamedDependency[ModelStore],
    ) -> Reloaded:
        """Poll once, and say what came of it."""
        result = await poller.poll()
        logger.info("reload asked for", by=request.user.username, outcome=result.outcome)
        if result.outcome == "unreachable":
            raise ServiceUnavailableException(result.detail, headers={"Retry-After": "5"})
        current = store.current
        return Reloaded(result.outcome, result.detail, current.ref.version if current else None)
