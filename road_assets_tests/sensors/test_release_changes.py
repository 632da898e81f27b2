"""The sensor that requests the days of a release, on events as Dagster stores them.

What it asks for when real releases grow stands in ``assets/test_growing_release.py``.
"""

from collections.abc import Iterator

import dagster as dg
import pytest

from road_assets.asset_names import BAAC_RELEASE
from road_assets.days_to_materialize import LABEL, DaysToMaterialize
from road_assets.sensors import release_changes


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def report(instance: dg.DagsterInstance, year: str, days: DaysToMaterialize | None = None) -> None:
    metadata = {LABEL: dg.MetadataValue.json(days.model_dump(mode="json"))} if days else {}
    instance.report_runless_asset_event(dg.AssetMaterialization(BAAC_RELEASE, partition=year, metadata=metadata))


def tick(instance: dg.DagsterInstance) -> dg.SensorResult:
    result = release_changes(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SensorResult)
    return result


def test_each_span_of_days_becomes_a_run(instance: dg.DagsterInstance) -> None:
    spans = (("2024-01-01", "2024-01-03"), ("2024-02-01", "2024-02-01"))
    report(instance, "2024", DaysToMaterialize(spans=spans))
    requests = tick(instance).run_requests or []
    assert [request.job_name for request in requests] == ["ingest_job", "ingest_job"]


def test_a_release_marked_as_materialized_by_hand_asks_for_nothing_and_stops_no_later_one(
    instance: dg.DagsterInstance,
) -> None:
    """Dagster's pages let people report a materialization; it has none of the asset's metadata."""
    report(instance, "2023")
    alone = tick(instance)
    assert not alone.run_requests
    assert "does not say which days it changes" in str(alone.skip_reason)
    report(instance, "2024", DaysToMaterialize(spans=(("2024-01-01", "2024-01-03"),)))
    assert len(tick(instance).run_requests or []) == 1
