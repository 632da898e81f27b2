"""MLflow's runs whose Dagster run is over do not stay running."""

import uuid

import dagster as dg
from dagster._core.test_utils import create_run_for_test
from mlflow import MlflowClient

from road_assets.resources.mlflow_run import _end_abandoned


def test_runs_of_a_killed_training_are_ended_and_those_of_one_that_goes_on_are_not(mlflow_url: str) -> None:
    client, name = MlflowClient(tracking_uri=mlflow_url), f"abandoned-{uuid.uuid4()}"
    experiment = client.create_experiment(name)
    instance = dg.DagsterInstance.ephemeral()
    dead = create_run_for_test(instance, "training_job", status=dg.DagsterRunStatus.FAILURE).run_id
    alive = create_run_for_test(instance, "training_job", status=dg.DagsterRunStatus.STARTED).run_id
    runs: dict[str, str] = {}
    for of in (dead, alive):
        above = client.create_run(experiment, tags={"dagster_run_id": of}).info.run_id
        below = client.create_run(experiment, tags={"mlflow.parentRunId": above}).info.run_id
        runs |= {above: of, below: of}
    for _ in range(2):
        _end_abandoned(mlflow_url, name, instance)
    found = {run: client.get_run(run).info.status for run in runs}
    assert found == {run: "KILLED" if of == dead else "RUNNING" for run, of in runs.items()}
