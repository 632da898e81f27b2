"""The driver of the main job against a real Dagster: web server, daemon and code server over an embedded Postgres."""

import os
import time
import uuid
from collections.abc import Callable, Iterator

import psutil
import pytest

from road_assets import run_tags
from road_assets.local import services
from road_assets.local.dagster_client import DagsterClient, DagsterError
from road_assets.local.main_job import MainJob, Step, StepFailedError
from road_assets.local.platform import prepare_home
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.postgres_files import remove_outside
from road_assets.local.services import LOCATION, Site
from road_assets.local.state import ProcessId
from road_assets.local.supervisor import Supervisor
from road_assets.local.tasks import note_dagster_prepared, prepare_dagster
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.api.servers import free_port
from road_assets_tests.local.conftest import FOLDER, eventually, processes_with

MATERIALIZED = """query Count($path: [String!]!) { assetNodeOrError(assetKey: {path: $path}) { __typename
  ... on AssetNode { partitionStats { numMaterialized } } } }"""
SLEEP_SECONDS = f"600.{uuid.uuid4().int % 10**9}"
"""Recognizable among the machine's processes."""

CHILDREN: dict[str, ProcessId] = {}
"""Of the running supervisor, by the service's name."""


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DagsterClient, Supervisor]]:
    """A running Dagster that has loaded ``tiny_location``."""
    home = tmp_path_factory.mktemp("dagster") / "home"
    ports = PortSettings(dagster_port=free_port(), postgres_port=free_port(), code_port=free_port())
    server = EmbeddedPostgres(home, ports.postgres_port)
    site = Site(PlatformSettings(home=home), ports, server, definitions="tiny_location")
    supervisor = Supervisor(print, CHILDREN.update)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
        environment.setenv("TINY_SLEEP", SLEEP_SECONDS)
        try:
            postgres, code = services.postgres_service(site), services.code_service(site)
            supervisor.launch(postgres)
            supervisor.wait(postgres)
            server.wait_until_ready()
            prepare_home(site)
            task = prepare_dagster(site)
            assert task is not None
            assert eventually(task.is_done, 120)
            note_dagster_prepared(site)
            assert prepare_dagster(site) is None
            supervisor.launch(code)
            supervisor.wait(code)
            pages, daemon = services.dagster_service(site), services.daemon_service(site)
            supervisor.launch(pages, daemon)
            supervisor.wait(pages, daemon)
            client = DagsterClient(site.addresses["dagster"], LOCATION, supervisor.pause)
            assert eventually(lambda: client.repository() is not None, 30)
            yield client, supervisor
            client.close()
        finally:
            supervisor.stop()
            remove_outside(home)


@pytest.fixture
def client(dagster: tuple[DagsterClient, Supervisor]) -> DagsterClient:
    return dagster[0]


class Driver(MainJob):
    """A driver that remembers its lines."""

    def __init__(self, client: DagsterClient) -> None:
        self.client = client
        self.lines: list[str] = []
        self.pause: Callable[[float], None] = time.sleep
        super().__init__(client, self.lines.append, self._pause_as_told)

    def _pause_as_told(self, seconds: float) -> None:
        self.pause(seconds)


def test_steps_run_in_order_and_a_range_of_days_is_one_run(client: DagsterClient) -> None:
    driver, done = Driver(client), []
    steps = [
        Step("release of 2024", "release_job", "2024"),
        Step("forty days", "daily_job", "2024-01-01", "2024-02-09"),
    ]
    driver.run(steps, done.append)
    assert done == steps
    assert client.ask(MATERIALIZED, path=["release"])["partitionStats"]["numMaterialized"] == 1
    assert client.ask(MATERIALIZED, path=["summary"])["partitionStats"]["numMaterialized"] == 40
    words = [line.split()[0] for line in driver.lines]
    assert words == ["release", "release", "done", "forty", "day", "summary", "done"]
    assert driver.lines[0].startswith("release of 2024 (release_job, run ")


def test_a_failing_step_raises_with_what_its_code_said_and_ends_the_job(client: DagsterClient) -> None:
    driver, done = Driver(client), []
    steps = [Step("a broken day", "broken_job", "2024-01-05"), Step("release", "release_job", "2023")]
    with pytest.raises(
        StepFailedError, match=r"(?s)a broken day: run .* broken failed: .*take the official one"
    ) as caught:
        driver.run(steps, done.append)
    assert "KeyError" not in str(caught.value)
    assert done == []
    assert client.ask(MATERIALIZED, path=["release"])["partitionStats"]["numMaterialized"] == 1


def test_a_step_that_may_fail_is_told_and_the_next_ones_are_run(client: DagsterClient) -> None:
    driver, done = Driver(client), []
    steps = [
        Step("a damaged day", "refused_job", "2024-01-05", may_fail=True),
        Step("two days", "daily_job", "2024-01-01", "2024-01-02"),
    ]
    driver.run(steps, done.append)
    assert done == steps
    (told,) = [line for line in driver.lines if "LEFT OUT" in line]
    assert told.endswith("refused failed: 2024-01-05: 9 of 10 rows are in quarantine")


def test_what_an_asset_says_of_a_partition_is_read_by_its_label(client: DagsterClient) -> None:
    Driver(client).launch_and_wait(Step("two days", "daily_job", "2024-01-03", "2024-01-04"))
    assert client.json_metadata("summary", "2024-01-04", "asked") == {"spans": [["2024-01-03", "2024-01-04"]]}
    assert client.json_metadata("summary", "2024-01-04", "no such label") is None
    assert client.json_metadata("summary", "2024-02-28", "asked") is None
    with pytest.raises(DagsterError, match="no_such_asset"):
        client.json_metadata("no_such_asset", "2024-01-04", "asked")


def test_a_run_that_its_code_cannot_begin_raises_with_the_reason(client: DagsterClient) -> None:
    with pytest.raises((StepFailedError, DagsterError), match="2031"):
        Driver(client).launch_and_wait(Step("a day to come", "daily_job", "2031-01-01"))


def test_an_unknown_job_is_refused_by_name(client: DagsterClient) -> None:
    with pytest.raises(DagsterError, match="no_such_job"):
        Driver(client).launch_and_wait(Step("nothing", "no_such_job", "2024"))


def test_a_long_run_gives_signs_of_life_and_one_cut_off_is_marked_as_cancelled(
    client: DagsterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("road_assets.local.main_job.SIGN_OF_LIFE_SECONDS", 0.5)
    driver = Driver(client)
    before = time.time()

    def pause(seconds: float) -> None:
        time.sleep(seconds)
        if any("slow," in line for line in driver.lines):
            assert client.end_abandoned_runs(before) == []  # begun after the start: somebody's, and alive
            assert client.end_abandoned_runs(time.time()) == ["slow_job"]

    driver.pause = pause
    with pytest.raises(StepFailedError, match="ended as CANCELED"):
        driver.launch_and_wait(Step("slow", "slow_job", "2024-01-01"))


def disturb(driver: Driver, supervisor: Supervisor, kill: Callable[[set[psutil.Process]], None]) -> Step:
    """Let a driver's run be killed once by its ``sleep`` processes, and end its repetition.

    Returns:
        What to run.
    """
    others, killed = set(processes_with(SLEEP_SECONDS)), []

    def pause(seconds: float) -> None:
        supervisor.pause(seconds)
        sleepers = set(processes_with(SLEEP_SECONDS)) - others
        if sleepers and not killed:
            killed.extend(sleepers)
            kill(sleepers)
            others.update(sleepers)
        elif sleepers and any("again, run" in line for line in driver.lines):
            driver.client.end_abandoned_runs(time.time())

    driver.pause = pause
    return Step("slow", "slow_job", "2024-01-03")


def kill_code_server(sleepers: set[psutil.Process]) -> None:
    ancestors = {ancestor for sleeper in sleepers for ancestor in sleeper.parents()}
    (server,) = [ancestor for ancestor in ancestors if "road_assets.dagster_instance.code_server" in ancestor.cmdline()]
    server.kill()


def kill_postgres_and_the_runs(sleepers: set[psutil.Process]) -> None:
    workers = [sleeper.parent() for sleeper in sleepers]
    for process in (psutil.Process(CHILDREN["postgres"].pid), *filter(None, workers)):
        process.kill()


@pytest.mark.parametrize("kill", [kill_code_server, kill_postgres_and_the_runs])
def test_a_run_whose_process_was_killed_is_noted_as_failed_repeated_and_followed(
    dagster: tuple[DagsterClient, Supervisor], kill: Callable[[set[psutil.Process]], None]
) -> None:
    client, supervisor = dagster
    driver = Driver(client)
    step = disturb(driver, supervisor, kill)
    with pytest.raises(StepFailedError, match="ended as CANCELED"):
        driver.launch_and_wait(step)
    (told,) = [line for line in driver.lines if "again, run" in line]
    assert "its process died" in told


def test_a_repetition_that_dagster_promised_and_forgot_is_asked_for(
    client: DagsterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster is asked by its own means: the tag it sets, on a run that it would not repeat."""
    monkeypatch.setattr("road_assets.local.run_retries.RETRY_SECONDS", 1.0)
    driver = Driver(client)
    promised = {run_tags.WILL_RETRY: "true"}
    monkeypatch.setattr(client, "tags", lambda _: promised)
    with pytest.raises(StepFailedError, match="take the official one"):
        driver.launch_and_wait(Step("a broken day", "broken_job", "2024-01-06"))
    (told,) = [line for line in driver.lines if "asked for again, run" in line]
    assert "has not tried again" in told
    assert len([line for line in driver.lines if line.startswith("a broken day")]) == 1


def test_a_server_that_is_away_is_asked_again_until_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_assets.local.dagster_client.PATIENCE_SECONDS", 0.3)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(0.2)

    client = DagsterClient(f"http://127.0.0.1:{free_port()}", LOCATION, pause)
    with pytest.raises(DagsterError, match="cannot be reached"):
        client.repository()
    assert len(pauses) >= 2
    client.close()


def test_a_run_and_its_children_do_not_outlive_the_platform(dagster: tuple[DagsterClient, Supervisor]) -> None:
    client, supervisor = dagster
    client.launch("slow_job", {"dagster/partition": "2024-01-02"})
    assert eventually(lambda: processes_with(SLEEP_SECONDS) != [], 60)
    stopping = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - stopping < 16
    assert processes_with(SLEEP_SECONDS) == []
