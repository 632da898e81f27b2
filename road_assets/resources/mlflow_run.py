"""The MLflow run that belongs to a Dagster run, through dagster-mlflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dagster as dg

EXPERIMENT: Final = "accident-severity"
_RUNNING: Final = "attributes.status = 'RUNNING'"
_PARENT_TAG: Final = "mlflow.parentRunId"
_DAGSTER_TAG: Final = "dagster_run_id"
"""Given by dagster-mlflow."""

_REFUSALS: Final = (401, 403)


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

    _prepare(context.resource_config["tracking_uri"], context.resource_config["experiment_name"])
    _end_abandoned(
        context.resource_config["tracking_uri"], context.resource_config["experiment_name"], context.instance
    )
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
            while mlflow.active_run():  # the asset ends its runs itself when all went well
                mlflow.end_run(status="FAILED")


class MlflowAccessError(RuntimeError):
    """MLflow's server does not accept user and password, or asks for them."""


def _prepare(tracking_uri: str, experiment: str) -> None:
    """Create the experiment if it is missing, which shows before hours of training whether the server grants access.

    Raises:
        MlflowAccessError: it does not.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=tracking_uri)
    try:
        if client.get_experiment_by_name(experiment) is None:
            client.create_experiment(experiment, artifact_location=_artifacts_beside(tracking_uri))
    except MlflowException as error:
        if any(f"error code {status}" in str(error) for status in _REFUSALS) or "PERMISSION_DENIED" in str(error):
            raise MlflowAccessError(
                f"MLflow at {tracking_uri} does not let us in; set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD to a user who may write to it"
            ) from error
        raise


def _end_abandoned(tracking_uri: str, experiment: str, instance: dg.DagsterInstance | None) -> None:
    """Mark running MLflow runs as killed if their Dagster run is over: its process died before it could end them."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None or instance is None:
        return
    running = {run.info.run_id: run.data.tags for run in client.search_runs([found.experiment_id], _RUNNING)}
    for run_id, tags in running.items():
        above = running.get(tags.get(_PARENT_TAG, ""), {})
        of = instance.get_run_by_id(tags.get(_DAGSTER_TAG) or above.get(_DAGSTER_TAG) or "")
        if of is None or of.is_finished:
            client.set_terminated(run_id, "KILLED")


def _artifacts_beside(tracking_uri: str) -> str | None:
    """Where to keep artifacts: next to a registry in a SQLite file, and not in the working directory of the process."""
    _, found, path = tracking_uri.partition("sqlite:///")
    return (Path(path).absolute().parent / "artifacts").as_uri() if found else None
