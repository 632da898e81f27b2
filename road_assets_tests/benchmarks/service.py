"""The service beside three baselines, on this machine and in one run, over loopback and 16 kept connections.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.service``

- *service*: one worker of this service as it is started, JWT checked at each request (signature, expiry, revocation),
  every prediction logged in a real Postgres, metrics and request log on.
- *common*: pandas, scikit-learn, FastAPI, uvicorn (``serving/common_app.py``).
- *constant*: this service with the model's answer replaced by a constant (``serving/constant_app.py``).
- *bare*: an ASGI application that does nothing, on the same server (``serving/bare_app.py``).

The questions are about the users of the release in random order, none repeated before all were asked: with all recorded
fields, and with the 13 features only. The status of each answer is checked, and each probability of the service. The
load generator (``serving/load_generator.py``) is a separate process; *bare* shows a rate that it can reach at least.
``processor`` is the CPU time of the server's processes per answer, which depends less on other load than rates do.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from road_assets_tests.benchmarks.serving.batch import send_file, write_file
from road_assets_tests.benchmarks.serving.inputs import Inputs, Scale, prepare
from road_assets_tests.benchmarks.serving.load_generator import CONNECTIONS, Generator, Outcome, generator
from road_assets_tests.benchmarks.serving.rounds import CHECKED_SERVER, KINDS, PATH, Figures, Rounds
from road_assets_tests.benchmarks.serving.servers import Servers, count_logged, log_in, postgres_with_user
from road_assets_tests.benchmarks.side_by_side.result_table import machine

BASELINES: Final = {"common": 60.0, "constant": 0.85, "bare": 0.25}
"""Targets: rate of the service as a multiple of each baseline's."""


def main(arguments: list[str] | None = None, scale: Scale | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the service beside its baselines.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each server and kind of question in a round")
    parser.add_argument("--questions", type=int, default=100_000, help="different users asked about")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the file")
    parser.add_argument("--keep", type=Path, help="folder where models and questions are kept for the next run")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="road-benchmark-") as scratch:
        folder = Path(scratch)
        inputs = prepare(given.keep or folder / "inputs", scale)
        print(f"{machine()}; {CONNECTIONS} connections")
        with (
            postgres_with_user(folder / "postgres") as url,
            generator() as load,
            Servers(folder, inputs, url) as all_,
        ):
            _single(all_, load, inputs, given, url)
            _files(all_, inputs, folder, given.rows)
            _workers(all_, load, inputs, given)
    return 0


@dataclass(frozen=True)
class Single:
    """What was measured of questions asked one by one.

    Attributes:
        ready_after: seconds from the service's start until it was ready.
        figures: of each server and kind of question.
        half: of each kind of question, the outcome of an open loop at half the highest rate.
        memory: of the service at the end, in bytes.
        asked: of the service.
        counted: by its metrics.
        logged: by it and by constant.
        expected: to be logged by both.
    """

    ready_after: float
    figures: Mapping[tuple[str, str], Figures]
    half: Mapping[str, Outcome]
    memory: int
    asked: int
    counted: int
    logged: int
    expected: int


def measure_single(  # noqa: PLR0913, PLR0917 - what is measured, by what, for how long
    servers: Servers, load: Generator, inputs: Inputs, url: str, questions: int, rounds: int, seconds: float
) -> Single:
    """Ask one question after the other: rates, and latency at half the rate."""
    service = servers.service()
    running = [service, servers.constant(), servers.bare(), servers.common()]
    asking = Rounds(load, running, inputs.questions[:questions], inputs.open_bundle())
    asking.prepare(log_in(service))
    figures = asking.run(rounds, seconds)
    half = {
        kind: asking.load(service, kind, seconds * rounds, rate=figures[CHECKED_SERVER, kind].rate / 2)
        for kind in KINDS
    }
    counted = int(service.metric("http_requests_total", path=PATH, status_code="200"))
    memory = service.resident_bytes()
    for other in running:
        servers.stop(other)
    asked = asking.asked[CHECKED_SERVER]
    expected = asked + asking.asked["constant"]
    return Single(service.ready_after, figures, half, memory, asked, counted, count_logged(url), expected)


def _single(servers: Servers, load: Generator, inputs: Inputs, given: argparse.Namespace, url: str) -> None:
    one = measure_single(servers, load, inputs, url, given.questions, given.rounds, given.seconds)
    print(f"\nfrom start to ready: {one.ready_after:.1f} s")
    _show(one.figures)
    for kind, outcome in one.half.items():
        print(
            f"{kind} at half the highest rate, {one.figures[CHECKED_SERVER, kind].rate / 2:.0f}/s, open loop: median "
            f"{outcome.percentile(50) * 1e3:.2f} ms, p99 {outcome.percentile(99) * 1e3:.2f} ms"
        )
    print(f"service: {one.asked} asked, {one.counted} counted")
    print(f"asked of service and constant: {one.expected}, logged: {one.logged}")


def _show(figures: Mapping[tuple[str, str], Figures]) -> None:
    print("\n| server | questions | answers/s | processor µs | median ms | service is | by processor | wanted |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, kind), one in figures.items():
        service = figures[CHECKED_SERVER, kind]
        by_rate, by_processor = service.rate / one.rate, one.processor_seconds / service.processor_seconds
        wanted = f"{BASELINES[name]:g} x" if name in BASELINES else ""
        print(
            f"| {name} | {kind} | {one.rate:,.0f} | {one.processor_seconds * 1e6:.0f} | "
            f"{float(np.median(one.medians)) * 1e3:.2f} | {by_rate:.2f} x | {by_processor:.2f} x | {wanted} |"
        )
    print()


def _files(servers: Servers, inputs: Inputs, folder: Path, rows: int) -> None:
    """A large file of each kind."""
    service = servers.service("files")
    token = log_in(service)
    for kind, width in KINDS.items():
        path = folder / "users.csv"
        for count in (rows // 10, rows):
            write_file(path, inputs.questions, count, width)
            one = send_file(service, token, path, count)
            print(
                f"file of {count:,} rows, {kind}: {count / one.seconds:,.0f} rows/s, "
                f"{count / one.processor_seconds:,.0f} per second of processor; "
                f"memory {one.before / 2**20:.0f} MiB before, {one.most / 2**20:.0f} at most"
            )
    servers.stop(service)


def _workers(servers: Servers, load: Generator, inputs: Inputs, given: argparse.Namespace) -> None:
    """One worker and two, in turn."""
    running = [servers.service("one worker"), servers.service("two workers", workers=2)]
    rounds = Rounds(load, running, inputs.questions[: given.questions], inputs.open_bundle())
    rounds.prepare(log_in(running[0]))
    figures = rounds.run(max(given.rounds // 2, 1), given.seconds)
    kind = next(iter(KINDS))
    one, two = (figures[server.name, kind].rate for server in running)
    print(f"one worker {one:,.0f}/s, two {two:,.0f}/s: {two / one:.2f} x ({kind})")
    for server in running:
        counted = server.metric("http_requests_total", path=PATH, status_code="200")
        print(f"{server.name}: {rounds.asked[server.name]} asked, {counted:.0f} counted by all workers together")


if __name__ == "__main__":
    sys.exit(main())
