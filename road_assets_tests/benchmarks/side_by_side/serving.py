"""The service beside its three baselines, which ``benchmarks.service`` describes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from road_assets_tests.benchmarks.service import BASELINES, measure_single
from road_assets_tests.benchmarks.serving.inputs import prepare
from road_assets_tests.benchmarks.serving.load_generator import generator
from road_assets_tests.benchmarks.serving.rounds import CHECKED_SERVER, KINDS
from road_assets_tests.benchmarks.serving.servers import Servers, postgres_with_user
from road_assets_tests.benchmarks.side_by_side.isolated_process import run_isolated
from road_assets_tests.benchmarks.side_by_side.result_table import Row

QUESTIONS = 50_000


def make_inputs(folder: str) -> dict[str, Any]:
    """Train the served model, in a separate process: servers started by this one would inherit its peak memory."""
    return {"questions": len(prepare(Path(folder)).questions)}


def measure(inputs: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """The rows of the table."""
    run_isolated(make_inputs, str(inputs))
    given = prepare(inputs)
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
