"""The code location as Dagster loads it."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from road_assets.core.verdict import Margins
from road_assets.definitions import build_definitions, build_resources, defs
from road_assets.settings import PlatformSettings

DAILY_ASSETS = {"raw_accidents", "synthetic_mix", "features", "accidents_table", "drift_report", "live_traffic_drift"}


def test_every_asset_has_an_owner_a_group_a_kind_and_a_description() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners, spec.key
        assert spec.group_name != "default", spec.key
        assert spec.kinds, spec.key
        assert len(spec.description or "") > 40, spec.key


def test_daily_assets_materialize_a_window_in_one_run() -> None:
    graph = defs.resolve_asset_graph()
    for name in DAILY_ASSETS:
        assert graph.get(dg.AssetKey(name)).backfill_policy == dg.BackfillPolicy.single_run()


@pytest.mark.parametrize(
    "job",
    ["release_job", "ingest_job", "drift_job", "daily_job", "training_job", "rollback_job", "retention_job"],
)
def test_every_job_resolves(job: str) -> None:
    assert defs.resolve_job_def(job).name == job


def test_the_schedule_asks_for_yesterday_in_paris() -> None:
    schedule = defs.resolve_schedule_def("daily_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.execution_timezone == "Europe/Paris"
    assert schedule.cron_schedule == "0 3 * * *"


def test_loading_the_location_imports_neither_mlflow_nor_evidently_nor_pandera() -> None:
    heavy = "{'mlflow', 'evidently', 'dagster_mlflow', 'pandera'}"
    program = f"import sys, road_assets.definitions; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == "[]"


def test_resources_can_be_replaced_by_name() -> None:
    resource = dg.ResourceDefinition.hardcoded_resource("mine")
    assert build_definitions(PlatformSettings(), lake=resource).resources["lake"] is resource


def test_the_margins_of_the_gate_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", "CALIBRATION_", "SLICE_"):
        monkeypatch.delenv(f"ROAD_GATE_{name}MARGIN", raising=False)
    assert build_resources(PlatformSettings())["gate_margins"].margins() == Margins()
    for number, name in enumerate(("", "CALIBRATION_", "SLICE_"), start=1):
        monkeypatch.setenv(f"ROAD_GATE_{name}MARGIN", f"0.0{number}")
    assert build_resources(PlatformSettings())["gate_margins"].margins() == Margins(0.01, 0.02, 0.03)


def test_what_the_service_was_asked_stands_between_the_model_and_the_drift_of_live_traffic() -> None:
    graph = defs.resolve_asset_graph()
    asked = graph.get(dg.AssetKey("predictions"))
    assert asked.is_external, "the service writes it"
    assert asked.parent_keys == {dg.AssetKey("production_model")}
    assert asked.child_keys == {dg.AssetKey("live_traffic_drift")}


def test_promotion_waits_for_the_gate() -> None:
    training = defs.resolve_job_def("training_job").graph.dependencies
    (waits,) = [known for name, known in training.items() if name.name == "production_model"]
    assert "severity_model_gate" in str(waits)


@pytest.mark.parametrize(("chosen", "executor"), [("in_process", "in_process"), ("k8s", "k8s")])
def test_the_steps_of_a_training_are_jobs_of_kubernetes_where_that_is_asked(chosen: str, executor: str) -> None:
    if chosen == "k8s":
        pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    program = (
        "from road_assets.definitions import defs; "
        "print([defs.resolve_job_def(name).executor_def.name for name in ('training_job', 'ingest_job')])"
    )
    command, environment = [sys.executable, "-W", "ignore", "-c", program], {**os.environ, "ROAD_STEP_EXECUTOR": chosen}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    assert found.stdout.strip() == str([executor, "in_process"])
