"""Settings of the running platform, for admins: the noise of a rehearsal, and the rollback of a model."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException

from road_api.auth import User, require_admin
from road_api.openapi import TAG_ADMIN, describe_problem
from road_api.request_bodies import read_body
from road_api.schemas.requests import NoiseOperation, NoiseRequest, RollbackOperation, RollbackRequest, decode_request
from road_api.schemas.responses import Noise, NoiseStarted, Run
from road_api.services.dagster_client import DagsterClient, DagsterError
from road_api.services.database import Database
from road_assets.core.noise_setting import NoiseSetting
from road_assets.core.orchestration import DAILY_JOB, PARTITION, REASON, ROLLBACK_JOB, ROLLBACK_OP

AdminRequest = Request[User, dict[str, Any], Any]

ERRORS = {
    401: describe_problem("No token, or not a valid one"),
    403: describe_problem("The token is not an admin's"),
    503: describe_problem("Postgres does not answer, or the service has no address of it; nothing was changed"),
}
POST_ERRORS = {
    **ERRORS,
    400: describe_problem("The body cannot be read"),
    413: describe_problem("The body is too large"),
    422: describe_problem("A field is unknown or out of range"),
}

logger = structlog.get_logger()


class ConfigController(Controller):
    """Reads and sets the noise, and rolls back to a former model."""

    tags = (TAG_ADMIN,)
    guards = (require_admin,)

    @get("/noise", operation_id="getNoise", summary="The noise in force", responses=ERRORS)
    async def noise(self, database: NamedDependency[Database]) -> Noise:
        """Return the noise, since when it holds, and who set it."""
        return _describe(await database.read_noise())

    @post(
        "/noise",
        status_code=202,
        operation_id="setNoise",
        operation_class=NoiseOperation,
        summary="Rehearse drift: distort the data of the partitions to come",
        description=(
            "Puts the noise in force, `{}` ends it, and has the current day materialized at once: the newest "
            "partition, which the schedule would run too. The answer names the run."
        ),
        responses={
            **POST_ERRORS,
            502: describe_problem(
                "The noise is in force, but Dagster did not start the day; `setting` says what holds"
            ),
        },
    )
    async def set_noise(
        self, request: AdminRequest, database: NamedDependency[Database], dagster: NamedDependency[DagsterClient]
    ) -> NoiseStarted:
        """Set the noise, then start the current day."""
        change = decode_request(await read_body(request), NoiseRequest)
        setting = await database.set_noise(change.noise, by=request.user.username)
        logger.info("noise set", noise=setting.noise, by=setting.set_by)
        try:
            day = await dagster.newest_partition(DAILY_JOB)
            launched = await dagster.launch(DAILY_JOB, tags={PARTITION: day, REASON: str(setting)})
        except DagsterError as error:
            detail = (
                f"the noise is in force and applies to the partitions materialized next, but the current day was not "
                f"started: {error}. Send the same again, or materialize {DAILY_JOB} in Dagster"
            )
            raise HTTPException(
                detail,
                status_code=HTTPStatus.BAD_GATEWAY,
                extra={"setting": msgspec.structs.asdict(_describe(setting))},
            ) from error
        run = Run(DAILY_JOB, launched.run_id, launched.url, day)
        return NoiseStarted(**msgspec.structs.asdict(_describe(setting)), run=run)

    @post(
        "/rollback",
        status_code=202,
        operation_id="rollBack",
        operation_class=RollbackOperation,
        summary="Bring a former model back",
        description=(
            "Has Dagster bring back the model that was in production before, or a chosen former one. The answer names "
            "the run, which refuses versions that never were in production."
        ),
        responses={
            **{status: problem for status, problem in POST_ERRORS.items() if status != HTTPStatus.SERVICE_UNAVAILABLE},
            502: describe_problem("Dagster did not start the run; nothing was changed"),
        },
    )
    async def roll_back(self, request: AdminRequest, dagster: NamedDependency[DagsterClient]) -> Run:
        """Launch the run that rolls back."""
        change = decode_request(await read_body(request), RollbackRequest)
        by = request.user.username
        config = {"ops": {ROLLBACK_OP: {"config": {"version": change.version, "decided_by": by}}}}
        try:
            launched = await dagster.launch(ROLLBACK_JOB, tags={REASON: f"rollback asked for by {by}"}, config=config)
        except DagsterError as error:
            raise HTTPException(f"nothing was changed: {error}", status_code=HTTPStatus.BAD_GATEWAY) from error
        logger.info("rollback started", version=change.version, by=by, run=launched.run_id)
        return Run(ROLLBACK_JOB, launched.run_id, launched.url, None)


def _describe(setting: NoiseSetting) -> Noise:
    return Noise(setting.noise, setting.since.isoformat() if setting.since else None, setting.set_by)
