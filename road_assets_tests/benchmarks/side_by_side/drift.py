"""Benchmark of drift: the window of one day, and of all days of July to October 2024, compared with January to June.

Baseline: Evidently's ``DataDriftPreset`` with its default settings, for the same 13 features and rows, once for each
day; for all days, the mean of some days is multiplied.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from road_assets.core.columns import DAY
from road_assets.core.drift import evaluate_days
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.core.windows import rows_on
from road_assets_tests.benchmarks.drift_replay import Replay
from road_assets_tests.benchmarks.official_year import LAST_OF_REFERENCE, load_year
from road_assets_tests.benchmarks.side_by_side.isolated_process import run_isolated, timed
from road_assets_tests.benchmarks.side_by_side.result_table import Row

FIRST: Final = date(2024, 7, 1)
LAST: Final = date(2024, 10, 31)
DAYS: Final = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
SAMPLE: Final = DAYS[::40]


def evaluate_ours(count: str) -> dict[str, Any]:
    """Evaluate some days with the project's detector, as the asset does."""
    replay = Replay(load_year())
    windows = {day: replay.window(day) for day in DAYS[: int(count)]}
    result: dict[str, Any] = {}
    with timed(result):
        evaluation = evaluate_days(replay.rows, windows, replay.detector)
    assert len(evaluation.scores) == len(windows)
    return result


def evaluate_evidently() -> dict[str, Any]:
    """Evaluate some days with Evidently; ``seconds`` is the mean of one day."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    replay = Replay(load_year())
    rows, names = replay.rows, list(FEATURE_NAMES)
    definition = DataDefinition(categorical_columns=names)
    reference = Dataset.from_pandas(rows.loc[rows[DAY] <= LAST_OF_REFERENCE, names].astype(str), definition)
    current = [Dataset.from_pandas(rows_on(rows, replay.window(day))[names].astype(str), definition) for day in SAMPLE]
    result: dict[str, Any] = {}
    with timed(result):
        for window in current:
            Report([DataDriftPreset()]).run(window, reference).dict()
    result["seconds"] /= len(SAMPLE)
    return result


def measure() -> Iterator[Row]:
    """The rows of the table."""
    usual = run_isolated(evaluate_evidently)
    for count in (1, len(DAYS)):
        ours = run_isolated(evaluate_ours, str(count))
        expected = usual.seconds * count
        yield Row(
            f"drift of {'a day' if count == 1 else f'{count} days'}",
            f"{ours.seconds:.2f} s",
            f"Evidently as it comes: {expected:.2f} s" + ("" if count == 1 else f" ({len(SAMPLE)} days, multiplied)"),
            expected / ours.seconds,
            ours.memory,
        )
