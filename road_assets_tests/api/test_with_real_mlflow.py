"""The service against MLflow's own server: load a version, move the alias, see it swap."""

from typing import Any

import anyio
import pytest

from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS
from road_assets_tests.api.publisher import Publisher

pytestmark = pytest.mark.anyio


async def test_the_service_follows_the_alias_of_a_real_registry(
    start: Any, own_mlflow: str, make_bundle: Any, until: Any
) -> None:
    publisher = Publisher(own_mlflow)
    async with start(wait=False, mlflow_uri=own_mlflow, poll_seconds=0.1) as service:
        for prepare in (lambda: None, lambda: publisher.client.create_registered_model(MODEL_NAME)):
            prepare()
            await anyio.sleep(0.5)
            waiting = await until(service, lambda health: health.get("registry_reachable") is True)
            assert "nothing was promoted yet" in waiting["detail"]

        first = publisher.add(make_bundle(0.0))
        publisher.promote(first)
        await until(service, lambda health: health.get("model_version") == first)

        second = publisher.add(make_bundle(1.0))
        publisher.promote(second)
        health = await until(service, lambda health: health.get("model_version") == second)
        assert health["refused"] is None

        publisher.promote(first)
        await until(service, lambda health: health.get("model_version") == first)

        publisher.client.delete_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS)
        health = await until(service, lambda health: "nothing" in health["registry"]["detail"])
        assert health["model_version"] == first, "what answers stays until something better is promoted"
