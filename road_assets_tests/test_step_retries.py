"""Steps that lose Postgres, in real runs on a real one."""

import dagster as dg
import psycopg
import pytest

from road_assets import step_retries
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database
from road_assets.step_retries import RETRIES, retry_on_connection_loss


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_retries, "PAUSE_SECONDS", 0.1)


def _run(postgres: EmbeddedPostgres, statement: str, *, losses: int) -> tuple[dg.ExecuteInProcessResult, int]:
    """Run a step that holds a connection; the first attempts meet a statement that fails.

    Returns:
        The run, and the number of its attempts.
    """
    attempts = []

    @dg.asset
    def deciding() -> None:
        attempts.append(1)
        with retry_on_connection_loss(), Database(url=postgres.url("road")).connect() as connection:
            connection.execute(statement if len(attempts) <= losses else "SELECT 1")  # type: ignore[call-overload]

    job = dg.Definitions([deciding], jobs=[dg.define_asset_job("job")]).resolve_job_def("job")
    return job.execute_in_process(raise_on_error=False), len(attempts)


LOSE: str = "SELECT pg_terminate_backend(pg_backend_pid())"


def test_a_step_that_loses_its_connection_is_tried_again(postgres: EmbeddedPostgres) -> None:
    run, attempts = _run(postgres, LOSE, losses=2)
    assert run.success
    assert attempts == 3
    assert len([event for event in run.all_events if event.is_step_up_for_retry]) == 2


def test_a_step_that_loses_it_every_time_fails_and_says_why(postgres: EmbeddedPostgres) -> None:
    run, attempts = _run(postgres, LOSE, losses=99)
    assert not run.success
    assert attempts == RETRIES + 1
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    assert "terminating connection due to administrator command" in str(failure.event_specific_data)


def test_what_cannot_pass_fails_at_once(postgres: EmbeddedPostgres) -> None:
    run, attempts = _run(postgres, "SELECT no_such_column", losses=99)
    assert not run.success
    assert attempts == 1


def test_an_error_that_is_no_ones_fault_outside_fails_at_once() -> None:
    with pytest.raises(psycopg.errors.LockNotAvailable), retry_on_connection_loss():
        raise psycopg.errors.LockNotAvailable("somebody else holds it")
