"""Tasks that run once in a child process while services start, since the supervisor does without their libraries."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import psycopg

from road_assets.errors import UserFacingError
from road_assets.local.postgres import CONNECT_SECONDS
from road_assets.local.services import PROJECT, Site, mlflow_environment, platform_environment
from road_assets.local.spawn import spawn, tail

DAGSTER_STAMP: Final = "dagster.version"
"""File in ``ROAD_HOME`` with the version of Dagster that last prepared its tables."""

MLFLOW_STAMP: Final = "mlflow.version"
"""The same for MLflow."""

UPGRADE_MLFLOW: Final = """
import os
from mlflow.cli import cli
cli(["db", "upgrade", os.environ["MLFLOW_BACKEND_STORE_URI"]])
"""
"""A program for ``python -c``: ``mlflow db upgrade`` with the address from the environment, since every user of the
machine can read the arguments of a process."""


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
    if not has_mlflow_tables(site.postgres.url("mlflow")):
        return None
    return Task(site, "mlflow-migrate", ["-c", UPGRADE_MLFLOW], mlflow_environment(site))


def has_mlflow_tables(url: str) -> bool:
    """Whether MLflow has made its tables in a database; its server does so when it first starts.

    Args:
        url: ``postgresql://user:password@host:port/database``.
    """
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        return connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,)


def end_orphaned_runs(site: Site, before: float) -> Task:
    """Mark the runs that died with the code server as failed.

    Args:
        site: the platform.
        before: moment when no process of a run was left, in seconds since the epoch.
    """
    return Task(site, "orphaned-runs", ["-m", "road_assets.local.orphaned_runs", str(before)])


def prepare_dagster(site: Site) -> Task | None:
    """Make or migrate Dagster's tables, once per version: services that did it would get in each other's way."""
    if _is_stamped(site, DAGSTER_STAMP, "dagster"):
        return None
    return Task(site, "dagster-migrate", ["-m", "dagster", "instance", "migrate"])


def note_dagster_prepared(site: Site) -> None:
    """Remember that the tables suit this version."""
    (site.home / DAGSTER_STAMP).write_text(version("dagster"))


def note_mlflow_prepared(site: Site) -> None:
    """Remember that MLflow's tables suit this version."""
    (site.home / MLFLOW_STAMP).write_text(version("mlflow"))


def _is_stamped(site: Site, stamp: str, package: str) -> bool:
    path = site.home / stamp
    return path.exists() and path.read_text() == version(package)
