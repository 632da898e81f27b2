"""The service beside three baselines, on this machine and in one run, over loopback and 16 kept connections.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.service``

- *service*: one worker of this service as it is started, JWT checked at each request (signature, expiry, revocation),
  every prediction logged in a real Postgres, metrics and request log on.
- *common*: pandas, scikit-learn, FastAPI, uvicorn (``serving/common_app.py``).
- *constant*: this service with the model's answer replaced by a constant (``serving/constant_app.py``).
- *bare*: an ASGI application that does nothing, on the same server (``serving/bare_app.py``).

Asked are the users of the release in random order, each once before any is asked again: with all fields that were
recorded, and with the 13 features alone. Each answer's status is checked, and each probability of the service. The
generator of load (``serving/load.py``) is a process of its own; *bare* shows at least what it can ask. ``processor`` is
what the server's processes used for an answer: it hardly depends on what else the machine does, as rates do.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from road_assets_tests.benchmarks.serving.batch import send_file, write_file
from road_assets_tests.benchmarks.serving.load import CONNECTIONS, Generator, generator
from road_assets_tests.benchmarks.serving.material import Material, Scale, prepare
from road_assets_tests.benchmarks.serving.rounds import CHECKED_SERVER, KINDS, PATH, Figures, Rounds
from road_assets_tests.benchmarks.serving.servers import Servers, count_logged, log_in, postgres_with_user

BASELINES: Final = {"common": 60.0, "constant": 0.85, "bare": 0.25}
"""Wanted: rate of the service, as a multiple of each."""


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
        material = prepare(given.keep or folder / "material", scale)
        print(_machine())
        with (
            postgres_with_user(folder / "postgres") as url,
            generator() as load,
            Servers(folder, material, url) as all_,
        ):
            _single(all_, load, material, given, url)
            _files(all_, material, folder, given.rows)
            _workers(all_, load, material, given)
    return 0


def _single(servers: Servers, load: Generator, material: Material, given: argparse.Namespace, url: str) -> None:
    """One question after the other: rates, ratios, latency at half the rate."""
    service = servers.service()
    print(f"\nfrom start to ready: {service.ready_after:.1f} s")
    running = [service, servers.constant(), servers.bare(), servers.common()]
    rounds = Rounds(load, running, material.questions[: given.questions], material.open_bundle())
    token = log_in(service)
    rounds.prepare(token)
    figures = rounds.run(given.rounds, given.seconds)
    _show(figures)
    for kind in KINDS:
        half = figures[CHECKED_SERVER, kind].rate / 2
        outcome = rounds.load(service, kind, given.seconds * given.rounds, rate=half)
        print(
            f"{kind} at half the highest rate, {half:.0f}/s, open loop: median {outcome.percentile(50) * 1e3:.2f} ms, "
            f"p99 {outcome.percentile(99) * 1e3:.2f} ms"
        )
    asked = rounds.asked[CHECKED_SERVER]
    counted = service.metric("http_requests_total", path=PATH, status_code="200")
    for other in running:
        servers.stop(other)
    print(f"service: {asked} asked, {counted:.0f} counted; logged by it and by constant: {count_logged(url)}")
    print(f"asked of both: {asked + rounds.asked['constant']}")


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


def _files(servers: Servers, material: Material, folder: Path, rows: int) -> None:
    """A large file of each kind."""
    service = servers.service("files")
    token = log_in(service)
    for kind, width in KINDS.items():
        path = folder / "users.csv"
        for count in (rows // 10, rows):
            write_file(path, material.questions, count, width)
            one = send_file(service, token, path, count)
            print(
                f"file of {count:,} rows, {kind}: {count / one.seconds:,.0f} rows/s, "
                f"{count / one.processor_seconds:,.0f} per second of processor; "
                f"memory {one.before / 2**20:.0f} MiB before, {one.most / 2**20:.0f} at most"
            )
    servers.stop(service)


def _workers(servers: Servers, load: Generator, material: Material, given: argparse.Namespace) -> None:
    """One worker and two, in turn."""
    running = [servers.service("one worker"), servers.service("two workers", workers=2)]
    rounds = Rounds(load, running, material.questions[: given.questions], material.open_bundle())
    rounds.prepare(log_in(running[0]))
    figures = rounds.run(max(given.rounds // 2, 1), given.seconds)
    kind = next(iter(KINDS))
    one, two = (figures[server.name, kind].rate for server in running)
    print(f"one worker {one:,.0f}/s, two {two:,.0f}/s: {two / one:.2f} x ({kind})")
    for server in running:
        counted = server.metric("http_requests_total", path=PATH, status_code="200")
        print(f"{server.name}: {rounds.asked[server.name]} asked, {counted:.0f} counted by all workers together")


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _read("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return (
        f"{model}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python "
        f"{platform.python_version()}; {CONNECTIONS} connections; load before: {psutil.getloadavg()[0]:.1f}"
    )


def _read(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


if __name__ == "__main__":
    sys.exit(main())
