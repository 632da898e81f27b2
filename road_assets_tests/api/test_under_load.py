"""A real service under load, while its model, its registry and its tables change or go away."""

from pathlib import Path

from road_assets_tests.api.publisher import Publisher
from road_assets_tests.api.service_process import serve
from road_assets_tests.api.tiny_bundles import make_tiny_bundle
from road_assets_tests.benchmarks.outage_under_load import SAMPLES, outage_under_load
from road_assets_tests.benchmarks.swap_under_load import POLL_SECONDS, swap_under_load


def test_under_load_models_are_swapped_and_a_damaged_one_refused_without_a_failure(
    own_mlflow: str, tmp_path: Path
) -> None:
    bundles = make_tiny_bundle(-1.0), make_tiny_bundle(1.0)
    with serve(tmp_path, own_mlflow, ROAD_API_POLL_SECONDS=POLL_SECONDS) as service:
        seen = swap_under_load(service, Publisher(own_mlflow), bundles, swaps=6, connections=8)

    assert (seen.failures, seen.mixed) == (0, 0)
    assert seen.requests > 500
    assert set(seen.answers) == {"1", "2"}, "the damaged version 3 never answers"
    assert min(seen.answers.values()) > 100
    assert "version 3 is refused: model.onnx is damaged" in seen.refusal
    assert seen.refusals >= 1


def test_postgres_and_mlflow_may_go_and_come_back_under_load(tmp_path: Path) -> None:
    seen = outage_under_load(tmp_path, seconds=1, connections=4)

    assert seen.failures == 0
    assert min(seen.while_away.values()) > 100, "it answers on without the one and without the other"
    assert (seen.logged, seen.dropped) == (seen.requests, 0), "what waited was written"
    up = {step: dict(zip(SAMPLES, values, strict=True)) for step, values in seen.metrics.items()}
    assert [step for step in up if all(up[step].values())] == ["at first", "Postgres is back", "MLflow is back"]
    assert {health["status"] for health in seen.health.values()} == {"ready"}
    assert seen.health["Postgres is away"]["prediction_log"].startswith("waiting: Postgres")
    assert seen.health["Postgres is away"]["users"] == "the tables cannot be read; those read last may log in"
    assert "no answer from http://127.0.0.1" in seen.health["MLflow is away"]["registry"]
