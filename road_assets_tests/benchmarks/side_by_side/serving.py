"""The service beside its three baselines, which ``benchmarks.service`` describes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from road_assets_tests.benchmarks.service import BASELINES, measure_single
from road_assets_tests.benchmarks.serving.load import generator
from road_assets_tests.benchmarks.serving.material import prepare
from road_assets_tests.benchmarks.serving.rounds import CHECKED_SERVER, KINDS
from road_assets_tests.benchmarks.serving.servers import Servers, postgres_with_user
from road_assets_tests.benchmarks.side_by_side.apart import run_apart
from road_assets_tests.benchmarks.side_by_side.rows import Row

QUESTIONS = 50_000


def make_material(folder: str) -> dict[str, Any]:
    """Train what is served; apart, because what starts a process is counted into that one's memory."""
    return {"questions": len(prepare(Path(folder)).questions)}


def measure(material: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """The rows of the table."""
    run_apart(make_material, str(material))
    given = prepare(material)
    with tempfile.TemporaryDirectory(prefix="road-benchmark-") as scratch:
        folder = Path(scratch)
        with (
            postgres_with_user(folder / "postgres") as url,
            generator() as load,
            Servers(folder, given, url) as servers,
        ):
            one = measure_single(servers, load, given, url, QUESTIONS, rounds, seconds)
    for kind in KINDS:
        ours = one.figures[CHECKED_SERVER, kind]
        late = one.half[kind].percentile(99) * 1e3
        for name in BASELINES:
            other = one.figures[name, kind]
            yield Row(
                f"one worker, {kind}",
                f"{ours.rate:,.0f} answers/s, p99 at half of it {late:.1f} ms",
                f"{name}: {other.rate:,.0f}/s",
                ours.rate / other.rate,
                one.memory,
            )
    yield Row("service, from start to ready", f"{one.ready_after:.1f} s")
