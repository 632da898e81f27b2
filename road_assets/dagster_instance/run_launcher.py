"""Dagster's default run launcher, which can also tell whether a run's process still exists. See ``dagster.yaml``.

Dagster's own launcher leaves that to the code server, which only watches the runs that it started itself. When a code
server is restarted, the runs of the one before would stay "started" for ever and keep their slots in their pools.
"""

import json
from typing import Any, Final

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

_ANSWER_SECONDS: Final = 5


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs as Dagster does; asked for a run's health, it asks the code server that started the run."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring calls ``check_run_worker_health``, and marks a run as failed whose process is gone."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process lives.

        Args:
            run: a run that Dagster has marked as started.

        Returns:
            ``FAILED`` only if the code server answers that it has no such process. While it does not answer, the state
            is unknown and the run is left alone: the server may be busy, or it restarts and answers later.
        """
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "null"))
        if server is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not started by a code server")
        try:
            has_process = _has_process(server, run.run_id)
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the code server does not answer: {error}")
        if has_process:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server has no process of this run any more")


def _has_process(server: dict[str, Any], run_id: str) -> bool:
    client = DagsterGrpcClient(
        host=server.get("host"),
        port=server.get("port"),
        socket=server.get("socket"),
        use_ssl=bool(server.get("use_ssl", False)),
    )
    answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=_ANSWER_SECONDS)
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel
