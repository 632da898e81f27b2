"""A real MLflow that does not answer for some seconds, as while it is restarted."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from road_assets.resources.model_registry import ModelRegistry
from road_assets_tests.api.servers import free_port
from road_assets_tests.registry_versions import register, registry_of_its_own
from road_assets_tests.resources.stalling_proxy import StallingProxy


def test_a_step_waits_for_mlflow_and_loses_nothing(mlflow_url: str, tmp_path: Path) -> None:
    port = free_port()
    with registry_of_its_own(mlflow_url, tmp_path.name) as there, ThreadPoolExecutor(1) as pool:
        version = register(there)
        registry = ModelRegistry(tracking_uri=f"http://127.0.0.1:{port}", public_url=mlflow_url)
        promoted = pool.submit(lambda: registry.promote(registry.version(version)))
        time.sleep(1)
        assert not promoted.done()
        with StallingProxy.to(mlflow_url, port=port):
            promoted.result(60)
        assert there.production_version() == version
