"""Drift scores of distorted windows, measured on the real rows of 2024: how much noise is found, and how soon.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.noise_scores``

The reference is January to June; windows of seven days end on 20 days of July to October. Missing codes are filled in
with the modes of the reference. *whole window* is what an evaluation sees of a day that carries noise; *last day* is
what it would see if the earlier days were left as they are; *until found* counts the days from the first noisy one on,
with earlier days left as they are and later ones noisy.
"""

import os
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from road_assets.core.drift import RETRAIN_ABOVE, WINDOW_DAYS, CodeCounts, DriftScore, count_codes, score_drift
from road_assets.core.features import impute, modes_of
from road_assets.core.history import rows_on
from road_assets.core.mixing import labelled_codes
from road_assets.core.noise import distort
from road_assets.core.vocabulary import DATA_OFFICIAL
from road_assets.resources.release_store import ReleaseStore

NOISES = (0.0, 0.3, 0.5, 0.8)
ENDS = [date(2024, 7, 10) + timedelta(days=5 * number) for number in range(20)]
LAST_OF_REFERENCE = pd.Timestamp("2024-06-30")


def window(end: date) -> list[date]:
    """The seven days up to and including one."""
    return [end - timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]


def score(rows: pd.DataFrame, days: Sequence[date], noisy: Sequence[date], noise: float, by: CodeCounts) -> DriftScore:
    """Score a window, some days of which carry noise."""
    return score_drift(by, count_codes(distort(rows_on(rows, days), dict.fromkeys(noisy, noise))))


def days_until_found(rows: pd.DataFrame, first: date, noise: float, reference: CodeCounts) -> int | None:
    """Days from the first noisy one to the first evaluation that asks for retraining; nothing if none does."""
    for waited in range(WINDOW_DAYS):
        days = window(first + timedelta(days=waited))
        if score(rows, days, [day for day in days if day >= first], noise, reference).retrain:
            return waited
    return None


def main() -> int:
    """Measure and print the table."""
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        print("name the official files of 2024: ROAD_RELEASES_DIR=/path/to/2024", file=sys.stderr)
        return 2
    store = ReleaseStore(Path(named), Path(named))
    codes = labelled_codes(store.load_release(store.find_release()).frame.assign(data_source=DATA_OFFICIAL))
    past = codes["day"] <= LAST_OF_REFERENCE
    rows, _ = impute(codes, modes_of(codes[past]))
    reference = count_codes(rows[past])
    print(f"reference: {int(past.sum())} rows; {len(ENDS)} windows ending {ENDS[0]} to {ENDS[-1]}\n")
    print(
        f"{'noise':>5}  {'whole window: score':>24}  {'found':>5}  {'last day: score':>24}  {'found':>5}  until found"
    )
    for noise in NOISES:
        whole = [score(rows, window(end), window(end), noise, reference) for end in ENDS]
        last = [score(rows, window(end), [end], noise, reference) for end in ENDS]
        waited = [days_until_found(rows, end, noise, reference) for end in ENDS]
        print(f"{noise:5g}  {_spread(whole)}  {_spread(last)}  {_days(waited)}")
    return 0


def _spread(scores: list[DriftScore]) -> str:
    values = np.array([found.score for found in scores])
    share = (values > RETRAIN_ABOVE).mean()
    return f"{values.min():.2f} to {values.max():.2f}, mean {values.mean():.2f}  {share:5.0%}"


def _days(waited: list[int | None]) -> str:
    found = [days for days in waited if days is not None]
    if not found:
        return "never"
    return f"{np.median(found):g} days ({min(found)} to {max(found)}), never: {len(waited) - len(found)}"


if __name__ == "__main__":
    sys.exit(main())
