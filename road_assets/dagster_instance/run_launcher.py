"""Dagster's launcher of runs by the code server, which also finds runs whose process is gone. See ``dagster.yaml``.

Dagster's own leaves that to the code server, which watches its runs only as long as it lives, and no longer once it met
Postgres while that was away. A run would then be "started" for ever, and would keep its slot in its pool.
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
    """Asks the code server that started a run whether the run's process is still there."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's run monitoring asks, and marks as failed what is gone."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process lives.

        Args:
            run: one that is noted as started.

        Returns:
            Failed only if the code server says that it has no such process. While it does not answer, nothing is known,
            and the run is left alone: the server may be busy, and one that restarts will say it.
        """
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "null"))
        if server is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "started by hand, in a process of somebody else")
        try:
            known = _knows(server, run.run_id)
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the code server does not answer: {error}")
        if known:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server has no process of this run any more")


def _knows(server: dict[str, Any], run_id: str) -> bool:
    client = DagsterGrpcClient(
        host=server.get("host"),
        port=server.get("port"),
        socket=server.get("socket"),
        use_ssl=bool(server.get("use_ssl", False)),
    )
    answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=_ANSWER_SECONDS)
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel
