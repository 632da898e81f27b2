"""Where Alertmanager delivers: the drift alert is noted once per firing, and Dagster is told, which may retrain."""

from typing import Any

import structlog
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from road_api.openapi import TAG_OPERATIONS, describe_problem
from road_api.request_bodies import read_body
from road_api.request_schemas import Alert, AlertDelivery, AlertsOperation, decode_request
from road_api.schemas import AlertsTaken
from road_api.services.dagster import Dagster, DagsterError
from road_api.services.database import Database, note_reported, receive_alert
from road_assets.core.drift_alert import DRIFT_ALERT, DRIFT_ALERT_ASSET, AlertKey, describe_alert

logger = structlog.get_logger()


class AlertsController(Controller):
    """The webhook. Whether to retrain is not decided here: a sensor of Dagster has the cooldown and the last word."""

    tags = (TAG_OPERATIONS,)

    @post(
        "/alerts",
        status_code=200,
        operation_id="takeAlerts",
        operation_class=AlertsOperation,
        summary="Webhook of Alertmanager",
        description=f"Only firing alerts named {DRIFT_ALERT} are worked on, each firing once. Needs the shared secret.",
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
        dagster: NamedDependency[Dagster],
    ) -> AlertsTaken:
        """Note and report what fires."""
        taken = AlertsTaken()
        for alert in decode_request(await read_body(request), AlertDelivery).alerts:
            if alert.status != "firing" or alert.labels.get("alertname") != DRIFT_ALERT:
                taken.ignored += 1
            elif await _report(alert, database, dagster):
                taken.reported += 1
            else:
                taken.known += 1
        return taken


async def _report(alert: Alert, database: Database, dagster: Dagster) -> bool:
    """Tell Dagster of a firing, unless it was told before.

    The row stays locked meanwhile, so that of two deliveries at once one reports. If the service dies in between,
    Dagster is told again, and the sensor knows the firing by its key.

    Raises:
        ServiceUnavailableException: Dagster is away. The firing is noted all the same.
    """
    refused: DagsterError | None = None
    async with database.connect() as connection:
        report = await receive_alert(connection, alert.fingerprint, alert.starts_at, DRIFT_ALERT)
        if report is None or report.known:
            return False
        description = describe_alert(AlertKey(alert.fingerprint, alert.starts_at.isoformat()), report.score)
        try:
            await dagster.observe(DRIFT_ALERT_ASSET, report.day.isoformat(), description)
        except DagsterError as error:
            refused = error
        else:
            await note_reported(connection, alert.fingerprint, alert.starts_at)
    if refused is not None:
        raise ServiceUnavailableException(
            f"the alert is noted, but Dagster was not told: {refused}", headers={"Retry-After": "10"}
        ) from refused
    logger.info("drift alert reported", day=report.day.isoformat(), score=report.score, fingerprint=alert.fingerprint)
    return True
