"""``road up`` whole, in this process, with a code location and a service that are tiny; the rest is real."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from road_assets.local import control, platform
from road_assets.local.dagster_client import DagsterClient
from road_assets.local.main_job import Step
from road_assets.local.platform import up
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.postgres_files import outside_directory
from road_assets.local.preflight import PreflightError
from road_assets.local.services import Site
from road_assets.local.state import AlreadyRunningError, load_state, locked
from road_assets.local.supervisor import ServiceFailedError
from road_assets.local.tasks import note_dagster_prepared
from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets
from road_assets_tests.local.conftest import FOLDER

RELEASE = Step("release of 2024", "release_job", "2024")
DAYS = Step("two days", "daily_job", "2024-01-01", "2024-01-02")
BROKEN = Step("a broken day", "broken_job", "2024-01-05")


class FixedPlanner:
    """A plan that is made at once, and that ends the platform when its data is asked for, which is at the banner."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.planned = steps
        self.done: list[Step] = []

    def start(self, site: Site) -> None:
        self.site = site

    def news(self) -> list[str]:
        return []

    def is_done(self) -> bool:
        return True

    def steps(self, dagster: DagsterClient) -> Iterator[Step]:
        assert dagster.repository() is not None
        self.seen: dict[str, Any] = control.status(self.site)
        yield from self.planned

    def note_done(self, step: Step) -> None:
        self.done.append(step)

    def data(self) -> str | None:
        os.kill(os.getpid(), signal.SIGTERM)
        return "tiny data"

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The handlers of the tests' process, as they were."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def site(tmp_path: Path, ports: PortSettings, clean_environment: pytest.MonkeyPatch) -> Iterator[Site]:
    clean_environment.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
    settings = PlatformSettings(home=tmp_path / "home", demo=True)
    server = EmbeddedPostgres(settings.home, ports.postgres_port)
    site = Site(settings, ports, server, definitions="tiny_location", service="tiny_service")
    yield site
    control.clean(site)


def start(site: Site, planner: FixedPlanner) -> list[str]:
    lines: list[str] = []
    up(site, ServiceSecrets(), planner, lines.append)
    return lines


def test_a_platform_comes_up_works_tells_where_it_is_and_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "production_version", lambda _: "7")  # with a model, a failure is no reason to end
    planner = FixedPlanner([RELEASE, DAYS, BROKEN])
    lines = start(site, planner)

    ready = [line.split()[0] for line in lines if "ready after" in line]
    assert ready[0] == "postgres"
    assert sorted(ready) == ["api", "code", "daemon", "dagster", "mlflow", "postgres"]
    assert planner.done == [RELEASE, DAYS]
    seen = planner.seen
    assert seen["running"]
    assert not seen["ready"]
    assert seen["addresses"] == site.addresses
    assert seen["postgres_url"] == site.postgres.url("road")
    assert seen["mlflow_uri"] == site.addresses["mlflow"]
    assert seen["production_version"] is None
    assert all(service["up"] for service in seen["services"].values())
    text = "\n".join(lines)
    assert "THE MAIN JOB FAILED, the service goes on with the model it has" in text
    assert "take the official one" in text
    assert "tiny data" in text
    assert all(address in text for address in site.addresses.values())
    assert "johnsecret" in text

    after = control.status(site)
    assert (after["running"], after["services"]) == (False, {})
    for address in site.addresses.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)
    assert control.down(site) == f"no platform is running in {site.home}"


def test_a_location_that_does_not_load_ends_the_start_with_the_reason(site: Site) -> None:
    site = Site(site.settings, site.ports, site.postgres, definitions="no_such_location", service="tiny_service")
    planner = FixedPlanner([])
    site.home.mkdir()
    note_dagster_prepared(site)  # its tables are not needed here, and take seconds to make
    with pytest.raises(ServiceFailedError, match=r"(?s)code ended .* while starting.*no_such_location"):
        start(site, planner)
    assert load_state(site.home) is None
    assert control.clean(site) == f"deleted {site.home}"
    assert not site.home.exists()
    assert not outside_directory(site.home).exists()


def test_nothing_is_started_or_written_where_something_is_missing(site: Site, tmp_path: Path) -> None:
    wrong = site.settings.model_copy(update={"releases_dir": tmp_path / "nowhere"})
    with pytest.raises(PreflightError, match="nowhere does not exist"):
        start(Site(wrong, site.ports, site.postgres), FixedPlanner([]))
    assert not site.home.exists()


def test_a_second_platform_in_one_home_is_refused(site: Site) -> None:
    with locked(site.home), pytest.raises(AlreadyRunningError, match="already in use"):
        start(site, FixedPlanner([]))
