"""``road up``: starts everything in order, runs the main job, stays, and stops everything when asked to."""

import os
import shutil
import time
from collections.abc import Callable
from typing import Final

import httpx

from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS
from road_assets.local import preflight, services
from road_assets.local.banner import banner
from road_assets.local.dagster_client import DagsterClient, DagsterError
from road_assets.local.guard import start_guard
from road_assets.local.leftovers import stop_leftovers
from road_assets.local.main_job import MainJob, StepFailedError
from road_assets.local.planning import Planner
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import CODE, LOCATION, PROJECT, Site
from road_assets.local.state import PlatformState, ProcessId, forget_state, locked
from road_assets.local.supervisor import ServiceFailedError, StopRequested, Supervisor
from road_assets.local.tasks import (
    Task,
    TaskFailedError,
    end_orphaned_runs,
    migrate_tables,
    note_dagster_prepared,
    note_mlflow_prepared,
    prepare_dagster,
    prepare_mlflow,
)
from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets

LOCATION_SECONDS: Final = 120.0
SERVING_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 1.0
Report = Callable[[str], None]


def make_site(settings: PlatformSettings, ports: PortSettings) -> Site:
    """Describe the platform that the settings ask for."""
    return Site(settings, ports, EmbeddedPostgres(settings.home, ports.postgres_port))


def up(site: Site, secrets: ServiceSecrets, planner: Planner, report: Report) -> None:
    """Start everything, run the main job, and stay until asked to stop.

    Args:
        site: where the platform lives and listens.
        secrets: of the service, outside a demonstration.
        planner: of the main job.
        report: prints a line for people.

    Raises:
        AlreadyRunningError: a platform of this home runs.
        PreflightError: something is missing; nothing was started or written.
        PostgresError, ServiceFailedError, TaskFailedError: a part does not start, or does not stay up.
        StepFailedError, DagsterError: the main job failed and there is no model to serve from before.
    """
    started = time.monotonic()
    if site.home.exists():
        with locked(site.home):
            for name in stop_leftovers(site.home):
                report(f"stopped {name}, left over from a platform that was killed")
    preflight.check(site.settings, site.ports, secrets)
    with locked(site.home):
        _Platform(site, planner, report, started).run()


class _Platform:
    """The platform from its start to its stop."""

    def __init__(self, site: Site, planner: Planner, report: Report, started: float) -> None:
        self._site = site
        self._planner = planner
        self._report = report
        self._started = started
        self._began = time.time()
        self._tasks: list[Task] = []
        self._orphan_tasks: list[Task] = []
        self._supervisor = Supervisor(report, self._note_children, self._note_restart)
        self._state = PlatformState(
            supervisor=ProcessId.of(os.getpid()),
            addresses=site.addresses,
            postgres_port=site.ports.postgres_port,
            demo=site.settings.demo,
        )

    def run(self) -> None:
        """Start, work, stay, stop."""
        self._supervisor.install_signal_handlers()
        self._state.save(self._site.home)
        guard = start_guard(self._site.home)
        try:
            self._start_services()
            self._run_main_job()
            self._wait_until_serving()
            self._show_banner()
            while True:
                self._supervisor.pause(WATCH_SECONDS)
                self._check_orphan_tasks()
        except StopRequested:
            self._report("stopping …")
        finally:
            stopping = time.monotonic()
            self._planner.stop()
            for task in (*self._tasks, *self._orphan_tasks):
                task.kill()
            self._supervisor.stop()
            forget_state(self._site.home)
            if guard.stdin is not None:
                guard.stdin.close()
            guard.wait()
            self._report(f"stopped everything in {time.monotonic() - stopping:.0f} s")

    def _start_services(self) -> None:
        site, supervisor = self._site, self._supervisor
        self._report(f"starting in {site.home}")
        prepare_home(site)
        self._planner.start(site)
        postgres = services.postgres_service(site)
        supervisor.launch(postgres)
        supervisor.wait(postgres)
        site.postgres.wait_until_ready()
        if site.postgres.outside is not None:
            self._report(
                f"  (root's Postgres runs as nobody, who cannot enter {site.home}: see {site.postgres.outside})"
            )
        self._finish(prepare_mlflow(site))
        mlflow, code = services.mlflow_service(site), services.code_service(site)
        supervisor.launch(mlflow)
        self._finish(prepare_dagster(site), migrate_tables(site))
        note_dagster_prepared(site)
        note_mlflow_prepared(site)
        supervisor.launch(code)  # not earlier: it would make Dagster's tables too, and one of the two would fail
        api = services.api_service(site)
        supervisor.launch(api)
        supervisor.wait(code)  # the daemon looks for code when it starts, and then not for a minute
        dagster, daemon = services.dagster_service(site), services.daemon_service(site)
        supervisor.launch(dagster, daemon)
        supervisor.wait(mlflow, api, dagster, daemon)

    def _finish(self, *tasks: Task | None) -> None:
        self._tasks = [task for task in tasks if task is not None]
        while not all([task.is_done() for task in self._tasks]):  # noqa: C419 - each must be looked at
            self._is_planned()  # a wrong release is said now, not when everything has started
            self._supervisor.pause(0.1)

    def _is_planned(self) -> bool:
        done = self._planner.is_done()
        for line in self._planner.news():
            self._report(f"  {line}")
        return done

    def _wait_for_plan(self) -> None:
        while not self._is_planned():
            self._supervisor.pause(0.2)

    def _run_main_job(self) -> None:
        client = DagsterClient(self._site.addresses["dagster"], LOCATION, self._supervisor.pause)
        try:
            self._wait_for_location(client)
            for job in client.end_abandoned_runs(self._began):
                self._report(f"a run of {job} was cut off when the platform stopped; it is marked as cancelled")
            self._wait_for_plan()
            job = MainJob(client, self._report, self._supervisor.pause)
            job.run(self._planner.steps(client), self._planner.note_done)
        except (StepFailedError, DagsterError) as error:
            if production_version(self._site.addresses["mlflow"]) is None:
                raise
            self._report(f"THE MAIN JOB FAILED, the service goes on with the model it has. {error}")
        finally:
            client.close()

    def _wait_for_location(self, client: DagsterClient) -> None:
        deadline = time.monotonic() + LOCATION_SECONDS
        while True:
            try:
                if client.repository() is not None:
                    return
                problem = "it is still being loaded"
            except DagsterError as error:
                problem = str(error)
            if time.monotonic() > deadline:
                raise ServiceFailedError(f"Dagster has no code after {LOCATION_SECONDS:.0f} s: {problem}")
            self._supervisor.pause(0.5)

    def _wait_until_serving(self) -> None:
        url = f"{self._site.addresses['api']}/health/ready"
        deadline = time.monotonic() + SERVING_SECONDS
        while not services.is_answering(url):
            if time.monotonic() > deadline:
                raise ServiceFailedError(
                    f"the service has no model after {SERVING_SECONDS:.0f} s; {url} says why, and so does "
                    f"{self._site.log('api')}"
                )
            self._supervisor.pause(0.2)

    def _show_banner(self) -> None:
        self._state.ready = True
        self._state.save(self._site.home)
        seconds = time.monotonic() - self._started
        demo = self._site.settings.demo
        self._report("\n" + banner(self._site.addresses, demo=demo, data=self._planner.data(), seconds=seconds) + "\n")

    def _note_children(self, children: dict[str, ProcessId]) -> None:
        self._state.services = children
        self._state.save(self._site.home)

    def _note_restart(self, name: str) -> None:
        """Have runs marked as failed whose processes died with the code server that is started again."""
        if name == CODE:
            self._orphan_tasks.append(end_orphaned_runs(self._site, time.time()))

    def _check_orphan_tasks(self) -> None:
        for task in list(self._orphan_tasks):
            try:
                done = task.is_done()
            except TaskFailedError as error:
                self._report(f"  runs that died with the code server may be left as started. {error}")
                done = True
            if done:
                self._orphan_tasks.remove(task)


def production_version(mlflow: str) -> str | None:
    """Version that the production alias points at; None if there is none or MLflow does not answer."""
    url = f"{mlflow}/api/2.0/mlflow/registered-models/alias"
    try:
        answer = httpx.get(url, params={"name": MODEL_NAME, "alias": PRODUCTION_ALIAS}, timeout=5, trust_env=False)
    except httpx.TransportError:
        return None
    return str(answer.json()["model_version"]["version"]) if answer.is_success else None


def prepare_home(site: Site) -> None:
    """Create the directories that services expect, with the Dagster configuration of this version."""
    dagster_home = site.home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "dagster.yaml", dagster_home / "dagster.yaml")
    (site.home / "mlflow").mkdir(exist_ok=True)
