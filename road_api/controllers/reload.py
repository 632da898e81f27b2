"""Looking at the production pointer now, for admins who do not want to wait for the next look."""

from typing import Any

import structlog
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from road_api.auth import User, require_admin
from road_api.openapi import TAG_ADMIN, describe_problem
from road_api.schemas import Reloaded
from road_api.services.model_poller import ModelPoller
from road_api.services.model_store import ModelStore

logger = structlog.get_logger()


class ReloadController(Controller):
    """A version that is refused leaves the one that answers."""

    tags = (TAG_ADMIN,)
    guards = (require_admin,)

    @post(
        "/reload",
        status_code=200,
        operation_id="reloadModel",
        summary="Follow the production pointer now",
        description=(
            "The service looks every few seconds by itself. `outcome` is `loaded`, `unchanged`, `refused` (the model "
            "before answers on) or `nothing promoted`. Of several workers the one that was asked looks now."
        ),
        responses={
            401: describe_problem("No token, or one that is not good"),
            403: describe_problem("The token is not an admin's"),
            503: describe_problem("The registry does not answer; the model that answered goes on"),
        },
    )
    async def reload(
        self,
        request: Request[User, dict[str, Any], Any],
        poller: NamedDependency[ModelPoller],
        store: NamedDependency[ModelStore],
    ) -> Reloaded:
        """Look, load what is new, and tell."""
        look = await poller.poll()
        logger.info("reload asked for", by=request.user.username, outcome=look.outcome)
        if look.outcome == "unreachable":
            raise ServiceUnavailableException(look.detail, headers={"Retry-After": "5"})
        current = store.current
        return Reloaded(look.outcome, look.detail, current.ref.version if current else None)
