"""Work done once in a child process while others start: it needs libraries that the supervisor does without."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import psycopg

from road_assets.errors import UserFacingError
from road_assets.local.services import PROJECT, Site, mlflow_environment, platform_environment
from road_assets.local.spawn import spawn, tail

SCHEMA_STAMP: Final = "dagster.version"
"""File in ``ROAD_HOME`` that tells which version of Dagster has prepared its tables last."""

MLFLOW_STAMP: Final = "mlflow.version"
"""The same for MLflow."""

_UPGRADE_MLFLOW: Final = """
import os
from mlflow.cli import cli
cli(["db", "upgrade", os.environ["MLFLOW_BACKEND_STORE_URI"]])
"""
"""``mlflow db upgrade``, but for the address, which every user of the machine could read among the arguments."""


class TaskFailedError(UserFacingError):
    """A task ended with an error; the message holds the end of its log."""


class Task:
    """A child process that is expected to end."""

    def __init__(
        self, site: Site, name: str, arguments: list[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start Python with these arguments, in the platform's environment or another one."""
        self.name = name
        self.log = site.log(name)
        environment = platform_environment(site) if environment is None else environment
        self.process = spawn([sys.executable, *arguments], log=self.log, env=environment, cwd=PROJECT)

    def is_done(self) -> bool:
        """Whether it has ended well.

        Raises:
            TaskFailedError: it has ended otherwise.
        """
        code = self.process.poll()
        if code:
            raise TaskFailedError(f"{self.name} failed; {self.log}:\n{tail(self.log)}")
        return code == 0

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def migrate_tables(site: Site) -> Task:
    """Bring the platform's own tables to the newest revision."""
    return Task(site, "migrate", ["-m", "road_assets.cli", "migrate"])


def prepare_mlflow(site: Site) -> Task | None:
    """Migrate MLflow's tables, once per version; where there are none, its server makes them."""
    if _is_stamped(site, MLFLOW_STAMP, "mlflow"):
        return None
    with psycopg.connect(site.postgres.url("mlflow")) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
    return Task(site, "mlflow-migrate", ["-c", _UPGRADE_MLFLOW], mlflow_environment(site))


def end_orphaned_runs(site: Site, before: float) -> Task:
    """Mark the runs that died with the code server as failed.

    Args:
        site: the platform.
        before: moment when no process of a run was left, in seconds since the epoch.
    """
    return Task(site, "orphaned-runs", ["-m", "road_assets.local.orphaned_runs", str(before)])


def prepare_dagster(site: Site) -> Task | None:
    """Make or migrate Dagster's tables, once per version: services that did it would get in each other's way."""
    if _is_stamped(site, SCHEMA_STAMP, "dagster"):
        return None
    return Task(site, "dagster-migrate", ["-m", "dagster", "instance", "migrate"])


def note_dagster_prepared(site: Site) -> None:
    """Remember that the tables suit this version."""
    (site.home / SCHEMA_STAMP).write_text(version("dagster"))


def note_mlflow_prepared(site: Site) -> None:
    """Remember that MLflow's tables suit this version."""
    (site.home / MLFLOW_STAMP).write_text(version("mlflow"))


def _is_stamped(site: Site, stamp: str, package: str) -> bool:
    path = site.home / stamp
    return path.exists() and path.read_text() == version(package)
