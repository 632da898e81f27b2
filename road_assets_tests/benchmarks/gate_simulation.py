"""How often the gate lets a model pass that is no better, and how often one that is.

Run: ``python -m road_assets_tests.benchmarks.gate_simulation [days]``

Every day has new accidents of one to four users who share a part of their fate. A model sees each user's risk through
errors of its own, and some errors that all models share; equal models have errors of equal size. The candidates of a
day are judged as ``road_assets.core.gate`` does, without slices.
"""

import sys
import time

import numpy as np

from road_assets.core.gate import CommonRows, Contender, judge
from road_assets.core.verdict import Margins

ANYTHING = Margins(calibration=1.0)


def share_promoted(  # noqa: PLR0913 - what a simulation is made of
    *, challengers: int, days: int, accidents: int, resamples: int, seed: int, advantage: float = 0.0
) -> float:
    """Share of days on which a challenger is promoted.

    Args:
        challengers: candidates of a day, all as good as the champion.
        days: to simulate.
        accidents: of a day's rows to judge on.
        resamples: of the bootstrap.
        seed: makes it the same each time.
        advantage: error that the champion has and the first challenger has not.
    """
    rng = np.random.default_rng(seed)
    passed = 0
    for _ in range(days):
        rows, risk = _day(rng, accidents)
        shared = rng.normal(scale=0.5, size=len(risk))
        errors = [0.7 + advantage, 0.7, *([0.7 + advantage] * (challengers - 1))]
        models = [
            Contender(number, "simulated", _probability(risk + shared + rng.normal(scale=error, size=len(risk))), 0.5)
            for number, error in enumerate(errors)
        ]
        passed += judge(rows, models[1:], models[0], ANYTHING, resamples=resamples).promote
    return passed / days


def _day(rng: np.random.Generator, accidents: int) -> tuple[CommonRows, np.ndarray]:
    who = np.repeat(np.arange(accidents), rng.integers(1, 5, size=accidents))
    risk = rng.normal(size=accidents)[who] + rng.normal(scale=0.8, size=len(who))
    labels = (rng.random(len(who)) < _probability(risk)).astype(int)
    return CommonRows(labels, who, {}), risk


def _probability(risk: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(2 - risk))


def main() -> int:
    """Simulate and print the table."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{'candidates':>10} {'accidents':>9} {'advantage':>9} {'promoted':>9} {'±':>6} {'seconds':>8}")
    for challengers, accidents, advantage in [
        (1, 300, 0.0),
        (1, 1000, 0.0),
        (2, 1000, 0.0),
        (5, 1000, 0.0),
        (1, 1000, 0.1),
        (1, 1000, 0.3),
    ]:
        started = time.monotonic()
        share = share_promoted(
            challengers=challengers, days=days, accidents=accidents, resamples=400, seed=1, advantage=advantage
        )
        spread = 2 * (share * (1 - share) / days) ** 0.5
        seconds = time.monotonic() - started
        print(f"{challengers:10} {accidents:9} {advantage:9g} {share:9.1%} {spread:6.1%} {seconds:8.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
