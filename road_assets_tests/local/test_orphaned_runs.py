"""What is done about runs that died with the code server."""

import time

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from road_assets.local.orphaned_runs import MESSAGE, end_orphaned_runs

UNTIL_NOW = 3600.0


def test_launched_runs_end_as_failed_and_one_being_cancelled_as_cancelled() -> None:
    instance, lines = dg.DagsterInstance.ephemeral(), []
    before = {
        status: create_run_for_test(instance, "training_job", status=status).run_id
        for status in (
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
            dg.DagsterRunStatus.SUCCESS,
        )
    }
    for _ in range(2):
        end_orphaned_runs(instance, time.time() + UNTIL_NOW, lines.append)
    after = {status.value: instance.get_run_by_id(run).status.value for status, run in before.items()}  # type: ignore[union-attr]
    assert after == {
        "NOT_STARTED": "NOT_STARTED",
        "STARTING": "FAILURE",
        "STARTED": "FAILURE",
        "CANCELING": "CANCELED",
        "SUCCESS": "SUCCESS",
    }
    assert len(lines) == 3
    (event,) = instance.all_logs(before[dg.DagsterRunStatus.STARTED], of_type=dg.DagsterEventType.RUN_FAILURE)
    assert MESSAGE in str(event.get_dagster_event().message)


def test_a_run_that_was_launched_since_is_left_alone() -> None:
    instance = dg.DagsterInstance.ephemeral()
    run = create_run_for_test(instance, "training_job", status=dg.DagsterRunStatus.STARTED)
    end_orphaned_runs(instance, time.time() - UNTIL_NOW, print)
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED  # type: ignore[union-attr]
