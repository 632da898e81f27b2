"""What callers notice while Postgres and MLflow are stopped and started again under load.

python -m road_assets_tests.benchmarks.outage_under_load [--seconds 5] [--connections 16]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate
from road_assets_tests.api.publisher import Publisher
from road_assets_tests.api.service_process import Service, serve
from road_assets_tests.api.tiny_bundles import make_tiny_bundle
from road_assets_tests.conftest import serve_mlflow
from road_assets_tests.load import Load, keep_asking

SAMPLES: Final = (
    "prediction_log_up",
    'road_figures_up{source="postgres"}',
    'road_figures_up{source="users"}',
    "road_model_registry_up",
)


@dataclass
class Outcome:
    """What was seen.

    Attributes:
        requests: answered with 200.
        failures: the others, and those without an answer.
        while_away: answered with 200 while Postgres and, after it, MLflow was stopped.
        health: status and what the parts said, by what had just happened.
        metrics: ``SAMPLES``, by what had just happened.
        dropped: predictions that the metrics counted as not logged.
        logged: rows of the table after the service was stopped.
    """

    requests: int = 0
    failures: int = 0
    while_away: dict[str, int] = field(default_factory=dict)
    health: dict[str, dict[str, Any]] = field(default_factory=dict)
    metrics: dict[str, tuple[float, ...]] = field(default_factory=dict)
    dropped: float = 0
    logged: int = 0


class _Watch:
    """Notes what a service says of itself at each step."""

    def __init__(self, service: Service, load: Load, seen: Outcome) -> None:
        self._service, self._load, self._seen = service, load, seen

    def note(self, step: str, **parts: bool) -> None:
        """Wait until the health says it, and until the metrics do; then write both down."""
        health = self._service.wait_for(**parts)
        wanted = {name: float(reached) for name, reached in _samples_of(parts).items()}
        deadline = time.monotonic() + 30
        while any(self._service.metric(name) != value for name, value in wanted.items()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{step}: the metrics do not say {wanted}")
            time.sleep(0.1)
        self._seen.health[step] = {"status": health["status"], **{name: health[name]["detail"] for name in parts}}
        self._seen.metrics[step] = tuple(self._service.metric(name) for name in SAMPLES)

    @contextmanager
    def count(self, name: str) -> Iterator[None]:
        """Count what is answered in the block."""
        before = len(self._load.answers)
        yield
        self._seen.while_away[name] = sum(answer.status == 200 for answer in self._load.answers[before:])


def _samples_of(parts: dict[str, bool]) -> dict[str, bool]:
    of_part = {"prediction_log": SAMPLES[:1], "users": SAMPLES[1:3], "registry": SAMPLES[3:]}
    return {sample: reached for part, reached in parts.items() for sample in of_part[part]}


def outage_under_load(folder: Path, *, seconds: float, connections: int = 16) -> Outcome:
    """Stop Postgres, start it again, stop MLflow, start it again, all under load; then count.

    Args:
        folder: an empty one.
        seconds: that each is away, at least.
        connections: of the load.
    """
    seen = Outcome()
    (folder / "mlflow").mkdir()
    with EmbeddedPostgres(folder / "postgres", port=0) as postgres, ExitStack() as registry:
        migrate(postgres.url("road"))
        uri = registry.enter_context(serve_mlflow(folder / "mlflow"))
        publisher = Publisher(uri)
        publisher.promote(publisher.add(make_tiny_bundle(0.0)))
        variables = {"ROAD_API_POLL_SECONDS": "0.2", "ROAD_API_FIGURES_SECONDS": "0.5"}
        with serve(folder, uri, ROAD_DATABASE_URL=postgres.url("road"), **variables) as service:
            service.wait_for()
            headers = {"Authorization": f"Bearer {service.log_in()}"}
            with keep_asking(service.address, SCENE_EXAMPLE, headers, count=connections) as load:
                watch = _Watch(service, load, seen)
                watch.note("at first", prediction_log=True, users=True, registry=True)
                _take_away(watch, "Postgres", postgres.stop, seconds, prediction_log=False, users=False)
                postgres.start()
                watch.note("Postgres is back", prediction_log=True, users=True)
                _take_away(watch, "MLflow", registry.close, seconds, registry=False)
                registry.enter_context(serve_mlflow(folder / "mlflow", port=urlsplit(uri).port))
                watch.note("MLflow is back", registry=True)
            seen.dropped = service.metric("prediction_log_dropped_total")
        seen.requests = sum(answer.status == 200 for answer in load.answers)
        seen.failures = len(load.answers) - seen.requests + len(load.broken)
        with psycopg.connect(postgres.url("road")) as connection:
            ((seen.logged,),) = connection.execute("SELECT count(*) FROM predictions").fetchall()
    return seen


def _take_away(watch: _Watch, name: str, stop: Callable[[], Any], seconds: float, **parts: bool) -> None:
    stop()
    with watch.count(name):
        watch.note(f"{name} is away", **parts)
        time.sleep(seconds)


def main() -> None:
    """Print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Postgres runs as nobody where this runs as root
        seen = outage_under_load(Path(folder), seconds=given.seconds, connections=given.connections)
    print(f"requests {seen.requests}, failures {seen.failures}, answered while away {seen.while_away}")
    print(f"predictions in the table {seen.logged}, counted as dropped {seen.dropped:.0f}")
    for step, health in seen.health.items():
        print(f"{step}: {health}\n    {dict(zip(SAMPLES, seen.metrics[step], strict=True))}")


if __name__ == "__main__":
    main()
