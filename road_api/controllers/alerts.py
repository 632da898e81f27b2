"""Webhook of Alertmanager: each firing of the drift alert is stored and reported to Dagster once, which may retrain."""

from typing import Any

import structlog
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from road_api.openapi import TAG_OPERATIONS, describe_problem
from road_api.request_bodies import read_body
from road_api.schemas.requests import Alert, AlertDelivery, AlertsOperation, decode_request
from road_api.schemas.responses import AlertsTaken
from road_api.services.dagster_client import DagsterClient, DagsterError
from road_api.services.database import Database, note_reported, receive_alert
from road_assets.core.drift_alert import DRIFT_ALERT, DRIFT_ALERT_ASSET, AlertKey, describe_alert

logger = structlog.get_logger()


class AlertsController(Controller):
    """The webhook. Whether to retrain is decided by a Dagster sensor, which has a cooldown, and not here."""

    tags = (TAG_OPERATIONS,)

    @post(
        "/alerts",
        status_code=200,
        operation_id="takeAlerts",
        operation_class=AlertsOperation,
        summary="Webhook of Alertmanager",
        description=f"Only firing alerts named {DRIFT_ALERT} are processed, each firing once. Needs the shared secret.",
        responses={
            400: describe_problem("The body cannot be read"),
            401: describe_problem("No token, or not the shared secret"),
            413: describe_problem("The body is too large"),
            422: describe_problem("The body is not what Alertmanager sends"),
            503: describe_problem("Postgres or Dagster is away; Alertmanager tries again"),
        },
    )
    async def take(
        self,
        request: Request[Any, Any, Any],
        database: NamedDependency[Database],
        dagster: NamedDependency[DagsterClient],
    ) -> AlertsTaken:
        """Store and report each firing drift alert."""
        taken = AlertsTaken()
        for alert in decode_request(await read_body(request), AlertDelivery).alerts:
            if alert.status != "firing" or alert.labels.get("alertname") != DRIFT_ALERT:
                taken.ignored += 1
            elif await _report(alert, database, dagster):
                taken.reported += 1
            else:
                taken.known += 1
        return taken


async def _report(alert: Alert, database: Database, dagster: DagsterClient) -> bool:
    """Report a firing alert to Dagster, unless that was done before.

    Its row is locked meanwhile, so that of two concurrent deliveries only one reports. If the service dies in between,
    the next delivery reports again, and the sensor recognises the firing by its key.

    Returns:
        Whether it was reported now.

    Raises:
        ServiceUnavailableException: Dagster is away; the firing is stored all the same.
    """
    refused: DagsterError | None = None
    async with database.connect() as connection:
        report = await receive_alert(connection, alert.fingerprint, alert.starts_at, DRIFT_ALERT)
        if report is None or report.known:
            return False
        description = describe_alert(AlertKey(alert.fingerprint, alert.starts_at.isoformat()), report.score)
        try:
            await dagster.report_observation(DRIFT_ALERT_ASSET, report.day.isoformat(), description)
        except DagsterError as error:
            refused = error
        else:
            await note_reported(connection, alert.fingerprint, alert.starts_at)
    if refused is not None:
        raise ServiceUnavailableException(
            f"the alert is stored, but was not reported to Dagster: {refused}", headers={"Retry-After": "10"}
        ) from refused
    logger.info("drift alert reported", day=report.day.isoformat(), score=report.score, fingerprint=alert.fingerprint)
    return True
