"""Liveness, readiness and metrics."""

import asyncio
import json

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from prometheus_client import CONTENT_TYPE_LATEST

from road_api.metrics import Metrics
from road_api.openapi import TAG_OPERATIONS, describe_problem
from road_api.schemas.health import Live, PredictionLogHealth, Ready, RegistryHealth, UsersHealth
from road_api.services.model_poller import ModelPoller
from road_api.services.model_store import ModelStore
from road_api.services.prediction_log import PredictionLog
from road_api.services.user_directory import UserDirectory


class HealthController(Controller):
    """For supervisors and Prometheus. Open to everybody: nothing here is personal data."""

    tags = (TAG_OPERATIONS,)

    @get("/health/live", operation_id="getLive", summary="Is the process alive?")
    async def live(self) -> Live:
        """Answer without depending on anything else."""
        return Live()

    @get(
        "/health/ready",
        operation_id="getReady",
        summary="Can it estimate?",
        description="Asks the model its known questions, and says whether registry, log and users are available.",
        responses={503: describe_problem("No model is loaded yet, or it answers known questions wrong")},
    )
    async def ready(
        self,
        store: NamedDependency[ModelStore],
        poller: NamedDependency[ModelPoller],
        prediction_log: NamedDependency[PredictionLog],
        users: NamedDependency[UserDirectory],
    ) -> Ready:
        """Check that the model answers its known questions correctly."""
        state, model, log = poller.state, store.current, prediction_log.state
        registry = RegistryHealth(state.reachable, state.detail)
        if model is None:
            detail = f"no model is loaded yet; registry: {state.detail}" + (
                f"; {state.refused}" if state.refused else ""
            )
            raise ServiceUnavailableException(
                detail, extra={"model_version": None, "registry_reachable": state.reachable}
            )
        try:
            await asyncio.to_thread(model.bundle.check_known_answers, model.known_answers)
        except ValueError as error:
            extra = {"model_version": model.ref.version, "registry_reachable": state.reachable}
            raise ServiceUnavailableException(str(error), extra=extra) from error
        return Ready(
            model_version=model.ref.version,
            data=model.bundle.manifest.data,
            known_answers=len(json.loads(model.known_answers)["probability"]),
            loaded_at=model.loaded_at.isoformat(timespec="seconds"),
            registry=registry,
            prediction_log=PredictionLogHealth(log.on, log.reachable, log.detail),
            users=UsersHealth(users.state.reachable, users.state.detail),
            refused=state.refused,
        )

    @get("/metrics", operation_id="getMetrics", summary="Metrics for Prometheus", media_type="text/plain")
    async def metrics(self, metrics: NamedDependency[Metrics]) -> Response[bytes]:
        """Return the metrics in Prometheus' text format."""
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)
