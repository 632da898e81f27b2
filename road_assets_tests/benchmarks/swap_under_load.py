"""What callers notice while models are swapped: a real service under load follows the pointer of a real MLflow.

Run it with ``python -m road_assets_tests.benchmarks.swap_under_load [--swaps 20] [--connections 16]``.

Two full models, a forest and a boosting, take turns; in the middle a damaged one is promoted, which must be refused.
"""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np

from road_assets.core.bundle import GRAPH_FILE, Bundle, FeatureMatrix
from road_assets.core.candidate import train_candidate
from road_assets.core.families import FAMILIES
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets.core.windows import windows_as_of
from road_assets_tests.api.publisher import Publisher
from road_assets_tests.api.service_process import Service, serve
from road_assets_tests.conftest import serve_mlflow
from road_assets_tests.core.core_frames import days_from, make_feature_rows
from road_assets_tests.load import Load, keep_asking

Files = dict[str, bytes]

POLL_SECONDS: Final = "0.2"
"""The service looks at the pointer that often here, so that a demonstration takes seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen.

    Attributes:
        requests: sent.
        failures: requests without an answer of status 200.
        answers: number of answers by the version they name.
        mixed: answers whose probability is not that of the version they name.
        swaps: pointer moves that the service followed.
        refusal: what the health said while production pointed at the damaged version.
        refusals: that the metrics counted.
        seconds: it took.
    """

    requests: int
    failures: int
    answers: dict[str, int]
    mixed: int
    swaps: int
    refusal: str
    refusals: float
    seconds: float


def swap_under_load(
    service: Service, publisher: Publisher, bundles: tuple[Files, Files], *, swaps: int, connections: int = 16
) -> Outcome:
    """Move the pointer to and fro under load, once to a damaged version.

    Args:
        service: follows the publisher's registry.
        publisher: of a registry without a production model.
        bundles: two good ones.
        swaps: between the two.
        connections: of the load.
    """
    versions = {publisher.add(bundle): _answer(bundle) for bundle in bundles}
    first, second = versions
    damaged = publisher.add({**bundles[1], GRAPH_FILE: bundles[1][GRAPH_FILE][:-1]})
    publisher.promote(first)
    service.wait_for(first)
    headers, started = {"Authorization": f"Bearer {service.log_in()}"}, time.monotonic()
    refusal = ""
    with keep_asking(service.address, SCENE_EXAMPLE, headers, count=connections) as load:
        for number in range(swaps):
            wanted = (second, first)[number % 2]
            publisher.promote(wanted)
            service.wait_for(wanted)
            if number == swaps // 2:
                publisher.promote(damaged)
                refusal = _wait_for_refusal(service)
    return _count(load, versions, swaps, refusal, service, time.monotonic() - started)


def _answer(bundle: Files) -> float:
    row: FeatureMatrix = np.full((1, len(MODEL_FIELDS)), np.nan, dtype=np.float32)
    row[0, : len(SCENE_EXAMPLE)] = list(SCENE_EXAMPLE.values())
    return float(Bundle.open(bundle).predict(row)[0])


def _wait_for_refusal(service: Service, seconds: float = 30) -> str:
    deadline = time.monotonic() + seconds
    while not (refused := service.health()["refused"]):
        if time.monotonic() > deadline:
            raise AssertionError("the damaged version was not refused")
        time.sleep(0.05)
    return str(refused)


def _count(  # noqa: PLR0913, PLR0917 - all that was seen
    load: Load, versions: dict[str, float], swaps: int, refusal: str, service: Service, seconds: float
) -> Outcome:
    good = [answer.json() for answer in load.answers if answer.status == 200]
    requests = len(load.answers) + len(load.broken)
    return Outcome(
        requests=requests,
        failures=requests - len(good),
        answers=dict(Counter(answer["model_version"] for answer in good)),
        mixed=sum(abs(answer["probability"] - versions[answer["model_version"]]) > 1e-12 for answer in good),
        swaps=swaps,
        refusal=refusal,
        refusals=service.metric("road_model_swap_failures_total"),
        seconds=seconds,
    )


def full_bundles() -> tuple[Files, Files]:
    """A forest and a boosting with the platform's own settings, trained on generated days."""
    days = days_from(date(2024, 1, 1), 91)
    rows, windows = make_feature_rows(days, 340), windows_as_of(days[-1], days)
    forest, boosting = (
        train_candidate(rows, windows, FAMILIES[name](), created_at=datetime.now(UTC)).files for name in FAMILIES
    )
    return forest, boosting


def main() -> None:
    """Print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    bundles = full_bundles()
    print("bundles:", ", ".join(f"{sum(map(len, files.values())) / 1e6:.1f} MB" for files in bundles))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mlflow").mkdir()
        with (
            serve_mlflow(Path(folder, "mlflow")) as uri,
            serve(Path(folder), uri, ROAD_API_POLL_SECONDS=POLL_SECONDS) as service,
        ):
            seen = swap_under_load(service, Publisher(uri), bundles, swaps=given.swaps, connections=given.connections)
    print(f"{seen.swaps} swaps in {seen.seconds:.1f} s under {given.connections} connections")
    print(f"requests {seen.requests}, failures {seen.failures}, mixed {seen.mixed}")
    print("answers by version:", seen.answers)
    print(f"the damaged version: {seen.refusal} (counted {seen.refusals:.0f} times)")


if __name__ == "__main__":
    main()
