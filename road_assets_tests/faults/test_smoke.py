"""The suite's own parts, on a platform with a tiny code location and a tiny service: each part dies and comes back."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from road_assets.local import control
from road_assets.local.main_job import Step
from road_assets.local.platform import up
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import Site
from road_assets.local.state import load_state
from road_assets.settings import PlatformSettings, ServiceSecrets
from road_assets_tests.faults.kills import Killer, tally
from road_assets_tests.faults.moments import REST, moment_of
from road_assets_tests.faults.parts import BACKEND, RUN, parts_of
from road_assets_tests.faults.platforms import ObservedPlatform
from road_assets_tests.local.conftest import FOLDER, eventually, free_ports


class Idle:
    """A plan without a step."""

    def start(self, _: Site) -> None:
        """There is nothing to plan."""

    def news(self) -> list[str]:
        return []

    def is_done(self) -> bool:
        return True

    def steps(self, _: object) -> list[Step]:
        return []

    def note_done(self, _: Step) -> None:
        """There is no step."""

    def data(self) -> str | None:
        return None

    def stop(self) -> None:
        """Nothing was begun."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A platform that is real but for its code location and its service. Handlers of signals are put back."""
    for name in [name for name in os.environ if name.startswith(("ROAD_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    ports = free_ports()
    home = tmp_path / "home"
    site = Site(
        PlatformSettings(home=home, demo=True),
        ports,
        EmbeddedPostgres(home, ports.postgres_port),
        definitions="tiny_location",
        service="tiny_service",
    )
    yield site
    for number, handler in before.items():
        signal.signal(number, handler)
    control.clean(site)


def kill_each_part(site: Site, killer: Killer) -> None:
    """Once the platform is ready; then end it, whatever came of it."""
    try:
        assert eventually(lambda: (state := load_state(site.home)) is not None and state.ready, 120)
        assert moment_of(killer.platform) == REST
        for part in killer.parts:
            if part.name not in (RUN, BACKEND):
                killer.kill(part, REST)
        deadline = time.monotonic() + 120
        while not killer.all_back and time.monotonic() < deadline:
            killer.watch()
            time.sleep(0.1)
    finally:
        killer.platform.hang_up()
        os.kill(os.getpid(), signal.SIGTERM)


def test_every_part_that_is_killed_works_again_and_the_platform_stays(site: Site) -> None:
    watched, lines = ObservedPlatform(site), []
    killer = Killer(watched, parts_of(watched), random.Random(1))
    thread = threading.Thread(target=kill_each_part, args=(site, killer))
    thread.start()
    up(site, ServiceSecrets(), Idle(), lines.append)
    thread.join()
    names = ["Postgres", "code location", "daemon", "MLflow", "Dagster pages", "service"]
    assert tally(killer.kills) == {(name, REST): 1 for name in names}
    assert killer.lost == []
    assert all(kill.seconds is not None for kill in killer.kills)
    text = "\n".join(lines)
    assert text.count("(signal SIGKILL), starting it again") == len(names)
    assert "stopped everything" in text
