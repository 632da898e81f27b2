"""How often drift is found where nothing changed: 1,000 windows of accidents drawn from the reference itself.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.drift_false_alarms``

The reference is January to June 2024. *drawn again*: as many accidents as a week has, drawn with replacement from the
reference. *set apart*: drawn without, and the rest is the reference. The setting promises that the share of windows in
which any of the 13 features is called drifted stays at it; the first columns measure the test alone (distance threshold
0), the last one the rule in use (0.1). *users alone* is what the same rule finds if each user is taken for an accident.
"""

import argparse
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.columns import DAY
from road_assets.core.drift import DriftDetector, DriftLimits
from road_assets.core.drift_counts import FEATURE_VARIABLES, Tally, WindowTally, accidents_of, positions_of
from road_assets.core.drift_reference import DriftReference, Family, reference_of_counts
from road_assets.core.drift_sampling_noise import accident_scatter
from road_assets_tests.benchmarks.official_year import LAST_OF_REFERENCE, load_year

WEEK = 7


class Accidents:
    """Counts of each accident, from which those of any drawn ones are added up."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.number = accidents_of(rows)
        self.count = int(self.number.max()) + 1
        self.places = [positions_of(rows[variable.name], variable) for variable in FEATURE_VARIABLES]
        self.sizes = [variable.size for variable in FEATURE_VARIABLES]
        starts = np.cumsum([0, *self.sizes[:-1]])
        flat = np.zeros((self.count, sum(self.sizes)), dtype=np.int64)
        for start, places in zip(starts, self.places, strict=True):
            np.add.at(flat, (self.number, start + places), 1)
        self.counts = flat
        self.scatter = accident_scatter(self.places, self.sizes, self.number)

    def split(self, totals: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
        """Counts of all variables in a row, by variable."""
        parts = np.split(totals, np.cumsum(self.sizes)[:-1])
        return {variable.name: part for variable, part in zip(FEATURE_VARIABLES, parts, strict=True)}

    def window(self, totals: npt.NDArray[np.int64], accidents: int) -> WindowTally:
        """What was counted of a window."""
        tallies = {name: Tally(counts, accidents) for name, counts in self.split(totals).items()}
        return WindowTally(tallies, np.zeros(3, dtype=np.int64))

    def reference(self, totals: npt.NDArray[np.int64], accidents: int) -> DriftReference:
        """A reference of some accidents; how they scatter is that of all."""
        return DriftReference((Family("feature", self.split(totals), accidents, self.scatter),))


def drawn_again(known: Accidents, size: int, windows: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Totals of windows drawn with replacement."""
    for _ in range(windows):
        yield known.counts[rng.integers(0, known.count, size)].sum(axis=0)


def set_apart(known: Accidents, size: int, windows: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Totals of windows drawn without replacement."""
    for _ in range(windows):
        yield known.counts[rng.choice(known.count, size, replace=False)].sum(axis=0)


def measure(known: Accidents, size: int, windows: int, promised: float, *, seed: int = 1) -> dict[str, float]:
    """Share of windows in which something is called drifted, for each way to draw and to judge.

    Args:
        known: accidents of the reference.
        size: accidents of a window.
        windows: how many to draw.
        promised: the setting.
        seed: makes the draws the same each time.
    """
    all_of_it, strict = known.counts.sum(axis=0), DriftLimits(distance_threshold=0, false_alarm_share=promised)
    detector = DriftDetector(known.reference(all_of_it, known.count), strict)
    naive = DriftDetector(reference_of_counts(known.split(all_of_it)), strict)
    in_use = DriftDetector(detector.reference, DriftLimits(false_alarm_share=promised))
    again = [known.window(totals, size) for totals in drawn_again(known, size, windows, np.random.default_rng(seed))]
    users = [WindowTally({n: Tally(t.counts, t.rows) for n, t in w.variables.items()}, w.severe_squares) for w in again]
    alarms = {
        "drawn again": [bool(detector.score(window).drifted_features) for window in again],
        "users alone": [bool(naive.score(window).drifted_features) for window in users],
        "in use": [bool(in_use.score(window).drifted_features) for window in again],
        "per feature": [len(detector.score(window).drifted_features) / len(FEATURE_VARIABLES) for window in again],
        "set apart": [],
    }
    for totals in set_apart(known, size, windows, np.random.default_rng(seed)):
        rest = known.reference(all_of_it - totals, known.count - size)
        # The bounds at unit scale are those of all accidents: no need to draw them again.
        apart = DriftDetector.__new__(DriftDetector)
        for name, value in (("reference", rest), ("limits", strict), ("_bounds", detector._bounds)):  # noqa: SLF001
            object.__setattr__(apart, name, value)
        alarms["set apart"].append(bool(apart.score(known.window(totals, size)).drifted_features))
    return {name: float(np.mean(found)) for name, found in alarms.items()}


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1000)
    chosen = parser.parse_args()
    rows = load_year()
    rows = rows[rows[DAY] <= LAST_OF_REFERENCE]
    known = Accidents(rows)
    week = round(known.count / rows[DAY].nunique() * WEEK)
    print(f"reference: {len(rows)} users of {known.count} accidents; {chosen.windows} windows each\n")
    print(f"{'promised':>8} {'accidents':>9} {'drawn again':>11} {'set apart':>9} {'users alone':>11} {'in use':>6}")
    for promised in (0.05, 0.01):
        for size in (week, week // 7):
            found = measure(known, size, chosen.windows, promised)
            print(
                f"{promised:8.3f} {size:9} {found['drawn again']:11.3f} {found['set apart']:9.3f} "
                f"{found['users alone']:11.3f} {found['in use']:6.3f}   ({found['per feature']:.4f} of features)",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
