"""What the suite prints at its end."""

import statistics
from collections.abc import Sequence

from road_assets_tests.faults.kills import tally
from road_assets_tests.faults.moments import MOMENTS
from road_assets_tests.faults.suite import Suite


def print_table(suite: Suite, *, wanted: int, seed: int, seconds: float) -> int:
    """Print kills by part and moment, recoveries, checks and failures.

    Returns:
        Exit code: 0 if as many kills were made as wanted and nothing was wrong.
    """
    kills, counts = suite.killer.kills, tally(suite.killer.kills)
    print(
        f"\n{'kill -9 of':<18}"
        + "".join(f"{moment:>10}" for moment in MOMENTS)
        + "      all   back after: median, longest"
    )
    for part in [part.name for part in suite.killer.parts]:
        row = [counts[part, moment] for moment in MOMENTS]
        times = [kill.seconds for kill in kills if kill.part == part and kill.seconds is not None]
        print(f"{part:<18}" + "".join(f"{count:>10}" for count in row) + f"{sum(row):>9}   {_times(times)}")
    row = [sum(counts[key] for key in counts if key[1] == moment) for moment in MOMENTS]
    print(f"{'all':<18}" + "".join(f"{count:>10}" for count in row) + f"{len(kills):>9}")
    print(f"\n{'check at rest':<18}{'made':>6}{'failed':>8}")
    for name, made in suite.invariants.checked.items():
        failed = sum(f", {name}: " in sentence for sentence in suite.invariants.failures)
        print(f"{name:<18}{made:>6}{failed:>8}")
    outside = suite.load.failed_outside(suite.killer.service_outages)
    print(
        f"\n{suite.pieces} pieces of work, {suite.by_hand} asked for again by hand; load: {suite.load.answered} "
        f"answered, {len(suite.load.failures) - len(outside)} not while the service was killed, {len(outside)} not at "
        "other times"
    )
    failures = [*suite.invariants.failures, *suite.killer.lost]
    failures += [f"a question failed while the service was up: {failure.reason}" for failure in outside]
    if len(kills) < wanted:
        failures.append(f"{len(kills)} kills in the time, {wanted} were wanted")
    for sentence in failures:
        print(f"FAILED {sentence}")
    print(f"\nseed {seed}, {len(kills)} kills, {len(failures)} failures, {seconds:.0f} s")
    return 1 if failures else 0


def _times(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):6.1f} s {max(seconds):8.1f} s" if seconds else ""
