"""Whether the process of a run is there, as far as the launcher can tell without a code server."""

import json

import dagster as dg
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from road_assets.dagster_instance.run_launcher import WatchedRunLauncher
from road_assets_tests.local.conftest import free_port

"""That a run is found of which the code server knows nothing is seen in ``local/test_main_job``, with a real one."""


def health(tags: dict[str, str]) -> WorkerStatus:
    run = create_run_for_test(dg.DagsterInstance.ephemeral(), "job", status=dg.DagsterRunStatus.STARTED, tags=tags)
    return WatchedRunLauncher().check_run_worker_health(run).status


def test_a_run_that_was_started_by_hand_is_left_alone() -> None:
    assert health({}) is WorkerStatus.RUNNING


def test_a_run_is_left_alone_while_its_code_server_does_not_answer() -> None:
    server = json.dumps({"host": "127.0.0.1", "port": free_port()})
    assert health({GRPC_INFO_TAG: server}) is WorkerStatus.RUNNING
