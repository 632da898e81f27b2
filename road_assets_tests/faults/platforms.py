"""A whole platform as ``road up`` starts it, on a generated release, and what the suite asks it from outside."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

import httpx
import psycopg
from psycopg.rows import TupleRow

from road_assets.core.demonstration import generate_release
from road_assets.local.dagster_client import DagsterClient
from road_assets.local.platform import make_site
from road_assets.local.services import LOCATION, PROJECT, Site, platform_environment
from road_assets.local.state import ProcessId, load_state
from road_assets.settings import PlatformSettings
from road_assets_tests.local.conftest import free_ports

FIRST_DAY: Final = date(2024, 2, 20)
LAST_DAY: Final = date(2024, 4, 14)
"""Both a leap day and the beginning of summer time lie between."""

ACCIDENTS: Final = 1_500
START_SECONDS: Final = 480.0
STOP_SECONDS: Final = 60.0


class PlatformDownError(RuntimeError):
    """The platform did not come up, or is gone; the message holds the end of what it said."""


@dataclass(slots=True)
class ObservedPlatform:
    """A platform that somebody runs, seen from outside.

    Attributes:
        site: its addresses.
    """

    site: Site
    _tables: dict[str, psycopg.Connection[TupleRow]] = field(default_factory=dict, init=False)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5, trust_env=False), init=False)

    @property
    def home(self) -> Path:
        """Its state."""
        return self.site.home

    def part(self, name: str) -> ProcessId | None:
        """The process of a service, as the platform has written it down."""
        state = load_state(self.home)
        return None if state is None else state.services.get(name)

    def query(self, statement: Any, values: Any = None, *, database: str = "road") -> list[tuple[Any, ...]]:
        """Rows of a database, over a connection that is kept while it works.

        Raises:
            psycopg.OperationalError: Postgres is away.
        """
        connection = self._tables.get(database)
        if connection is None or connection.closed or connection.broken:
            url = self.site.postgres.url(database)
            connection = psycopg.connect(url, autocommit=True, connect_timeout=2, options="-c statement_timeout=20000")
            self._tables[database] = connection
        try:
            cursor = connection.execute(statement, values)
        except psycopg.OperationalError:
            connection.close()
            raise
        return cursor.fetchall() if cursor.description else []

    def dagster(self) -> DagsterClient:
        """A client of its web server, which waits for it for a minute."""
        return DagsterClient(self.site.addresses["dagster"], LOCATION)

    def serving(self) -> int | None:
        """Version of the model that answers; nothing if the service does not."""
        try:
            answer = self._http.get(f"{self.site.addresses['api']}/health/ready")
        except httpx.TransportError:
            return None
        return int(answer.json()["model_version"]) if answer.is_success else None

    def require_alive(self) -> None:
        """Whoever runs it looks after it himself."""

    def hang_up(self) -> None:
        """Close the connections."""
        self._http.close()
        for connection in self._tables.values():
            connection.close()


@dataclass(slots=True)
class OwnPlatform(ObservedPlatform):
    """A platform that the suite runs itself.

    Attributes:
        folder: which every user may enter; holds the release and what the platform says.
    """

    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @classmethod
    def prepare(cls, folder: Path, home: Path) -> Self:
        """Write the release and choose free ports; nothing is started.

        Args:
            folder: which every user may enter.
            home: for the state.
        """
        releases = folder / "release"
        releases.mkdir(exist_ok=True)
        files = generate_release(2024, accidents=ACCIDENTS, seed=3, first_day=FIRST_DAY, last_day=LAST_DAY)
        for name, content in files.items():
            (releases / name).write_bytes(content)
        settings = PlatformSettings(home=home, demo=True, releases_dir=releases, first_day=FIRST_DAY)
        return cls(make_site(settings, free_ports()), folder)

    @property
    def environment(self) -> dict[str, str]:
        """What ``road up`` gets: nothing of the person who runs the suite."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROAD_", "MLFLOW_"))}
        return {
            **kept,
            "PYTHONPATH": str(PROJECT),
            "ROAD_HOME": str(self.home),
            "ROAD_RELEASES_DIR": str(self.site.settings.releases_dir),
            "ROAD_FIRST_DAY": FIRST_DAY.isoformat(),
            "ROAD_CANDIDATES": "forest",
            "OMP_NUM_THREADS": "1",  # threads that wait for each other take minutes on a machine that is busy
            "ROAD_DRIFT_RETRAIN_ABOVE": "1",  # the suite alone decides when a model is trained
            **{f"ROAD_{name.upper()}": str(value) for name, value in self.site.ports.model_dump().items()},
        }

    @property
    def log(self) -> Path:
        """What ``road up`` says."""
        return self.folder / "up.log"

    def start(self) -> float:
        """Start it and wait until the main job is done and the service answers.

        Returns:
            Seconds that took.
        """
        begun = time.monotonic()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "road_assets.cli", "up", "--demo"],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self.is_ready():
            self.require_alive()
            if time.monotonic() - begun > START_SECONDS:
                raise PlatformDownError(f"the platform was not ready after {START_SECONDS:.0f} s:\n{self.last_words()}")
            time.sleep(0.5)
        return time.monotonic() - begun

    def is_ready(self) -> bool:
        """Whether ``road status`` would say so."""
        state = load_state(self.home) if self.home.exists() else None
        return state is not None and state.ready

    def require_alive(self) -> None:
        """The supervisor must outlive whatever is done to its children.

        Raises:
            PlatformDownError: it has ended.
        """
        if self._process is None or self._process.poll() is not None:
            raise PlatformDownError(f"`road up` has ended:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of what ``road up`` said."""
        return self.log.read_text()[-4000:]

    @property
    def pid(self) -> int:
        """Of ``road up``."""
        self.require_alive()
        assert self._process is not None
        return self._process.pid

    def run_environment(self) -> dict[str, str]:
        """What a run in a process of its own needs."""
        return {**platform_environment(self.site), "ROAD_CANDIDATES": "forest", "PYTHONPATH": str(PROJECT)}

    def stop(self) -> None:
        """Stop it in good order."""
        self.hang_up()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its guard ends what it leaves
            self._process.wait()
