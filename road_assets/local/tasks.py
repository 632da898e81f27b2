"""Work done once in a child process while others start: it needs libraries that the supervisor does without."""

import sys
from importlib.metadata import version
from typing import Final

from road_assets.local.errors import LocalError
from road_assets.local.services import PROJECT, Site, platform_environment
from road_assets.local.spawn import spawn, tail

SCHEMA_STAMP: Final = "dagster.version"
"""File in ``ROAD_HOME`` that tells which version of Dagster has prepared its tables last."""

_MIGRATE_TABLES: Final = """
from road_assets.resources.database import migrate
from road_assets.settings import PlatformSettings
migrate(PlatformSettings().require_database_url())
"""


class TaskFailedError(LocalError):
    """A task ended with an error; the message holds the end of its log."""


class Task:
    """A child process that is expected to end."""

    def __init__(self, site: Site, name: str, arguments: list[str]) -> None:
        """Start Python with these arguments."""
        self.name = name
        self.log = site.log(name)
        environment = platform_environment(site)
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
    return Task(site, "migrate", ["-c", _MIGRATE_TABLES])


def prepare_dagster(site: Site) -> Task | None:
    """Make or migrate Dagster's tables, once per version: services that did it would get in each other's way."""
    stamp = site.home / SCHEMA_STAMP
    if stamp.exists() and stamp.read_text() == version("dagster"):
        return None
    return Task(site, "dagster-migrate", ["-m", "dagster", "instance", "migrate"])


def note_dagster_prepared(site: Site) -> None:
    """Remember that the tables suit this version."""
    (site.home / SCHEMA_STAMP).write_text(version("dagster"))
