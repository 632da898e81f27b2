"""``road load``: brings the newest release through the graph of a Dagster that runs elsewhere, except what is done."""

import time
from collections.abc import Callable
from typing import Final

import psycopg

from road_assets.errors import UserFacingError
from road_assets.local.dagster_client import DagsterClient, DagsterError
from road_assets.local.main_job import MainJob
from road_assets.local.planning import Ledger, make_plan, steps_left
from road_assets.local.postgres import server_identity
from road_assets.local.services import LOCATION
from road_assets.resources.releases.files import ReleaseError
from road_assets.server.settings import DagsterSettings
from road_assets.settings import PlatformSettings, SettingsError

DAGSTER_HERE: Final = "http://127.0.0.1:8080"
LOCATION_SECONDS: Final = 180.0
Report = Callable[[str], None]


class LoadError(UserFacingError):
    """The release was not brought through; the message says why."""


def load(platform: PlatformSettings, dagster: DagsterSettings, report: Report) -> None:
    """Find the newest release, and run what is left to do for it.

    Args:
        platform: where the state and the releases are, and the tables.
        dagster: where its web server is.
        report: prints a line for people.

    Raises:
        LoadError: there is no release, a file of it is wrong, or the tables cannot be reached.
        StepFailedError: a run failed.
        DagsterError: Dagster cannot be reached, or has no code.
    """
    try:
        plan, database = make_plan(platform), server_identity(platform.require_database_url())
    except (ReleaseError, SettingsError, psycopg.OperationalError) as error:
        raise LoadError(str(error)) from error
    report(f"release of {plan.year}: {plan.first_day} to {plan.last_day}, {plan.data_label}")
    ledger = Ledger.open(platform.home, plan, database, platform.storage)
    client = DagsterClient(dagster.dagster_url or DAGSTER_HERE, LOCATION)
    try:
        _wait_for_location(client)
        job = MainJob(client, report)
        job.run(steps_left(plan, client, lambda: ledger.done), lambda step: ledger.note_done(platform.home, step))
    finally:
        client.close()
    report("everything of this release has been brought through")


def _wait_for_location(client: DagsterClient) -> None:
    deadline = time.monotonic() + LOCATION_SECONDS
    while client.repository() is None:
        if time.monotonic() > deadline:
            raise DagsterError(f"Dagster has no code after {LOCATION_SECONDS:.0f} s; its page Deployment says why")
        time.sleep(1)
