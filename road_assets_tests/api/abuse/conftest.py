"""One real service for all attacks: it must be as well after the last one as before the first."""

from collections.abc import Iterator

import pytest

from road_api.services.bundle_cache import BundleCache
from road_api.services.model_store import ModelRef
from road_assets_tests.api.service_process import Service, serve
from road_assets_tests.api.tiny_bundles import make_tiny_bundle

SECONDS = "2"
"""For heads and bodies."""


@pytest.fixture(scope="session")
def attacked_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with model version 1, in a process of its own, impatient with slow clients."""
    folder = tmp_path_factory.mktemp("attacked")
    BundleCache(folder / "state").save(ModelRef("1", "run"), make_tiny_bundle(-1.0))
    variables = {"ROAD_API_HEAD_SECONDS": SECONDS, "ROAD_API_BODY_SECONDS": SECONDS, "ROAD_API_CSV_MAX_ROWS": "1000"}
    with serve(folder, "http://127.0.0.1:9", **variables) as service:
        service.wait_for("1")
        yield service


@pytest.fixture(scope="session")
def bearer(attacked_process: Service) -> str:
    """The header of somebody who is logged in."""
    return f"Authorization: Bearer {attacked_process.log_in()}"


@pytest.fixture
def attacked(attacked_process: Service) -> Iterator[Service]:
    """The same service, which must not have made a mistake meanwhile, and must still be ready."""
    before = attacked_process.log.stat().st_size
    yield attacked_process
    with attacked_process.log.open() as log:
        log.seek(before)
        written = log.read()
    assert '"level": "error"' not in written, written
    assert attacked_process.health()["status"] == "ready"
