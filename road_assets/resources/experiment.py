"""The MLflow run that belongs to a Dagster run, through dagster-mlflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg

EXPERIMENT: Final = "accident-severity"


@dg.resource(
    config_schema={
        "tracking_uri": dg.Field(dg.StringSource, description="MLflow's address."),
        "experiment_name": dg.Field(dg.StringSource, default_value=EXPERIMENT),
    },
    description="MLflow's functions, with a run of its own for each Dagster run.",
)
def mlflow_run(context: dg.InitResourceContext) -> Iterator[Any]:
    """Open dagster-mlflow's run when a step needs it, and close it with the outcome of the Dagster run.

    dagster-mlflow is imported here: at load it would cost every Dagster process five seconds.
    """
    from dagster_mlflow import mlflow_tracking

    config = {
        "experiment_name": context.resource_config["experiment_name"],
        "mlflow_tracking_uri": context.resource_config["tracking_uri"],
        "parent_run_id": None,
        "mlflow_run_id": None,
        "env": {},
        "env_to_tag": None,
        "extra_tags": {},
    }
    with contextmanager(mlflow_tracking.resource_fn)(context.replace_config(config)) as mlflow:
        try:
            yield mlflow
        finally:
            if mlflow.active_run():  # the asset ends the run itself when all went well
                mlflow.end_run(status="FAILED")
