"""The drift check. It is not blocking: the sensor ``drift_retraining`` answers it, and downstream assets go on.

There is one evaluation per day, also if a run covers several days. Above the limit of retraining it fails with ERROR,
which the sensor answers; above the limit of warning with WARN, which is for people.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import dagster as dg

from road_assets.asset_names import DRIFT_REPORT
from road_assets.core.drift import DriftEvaluation, DriftScore
from road_assets.partitions import DAILY, to_key
from road_assets.reporting import plots
from road_assets.reporting.metadata import picture

CHECK: Final = "drift"
RETRAIN_AS_OF: Final = "retrain as of"
"""Metadata of an evaluation: the day to retrain for if it failed with ERROR."""

DRIFT_CHECK_KEY: Final = dg.AssetCheckKey(dg.AssetKey(DRIFT_REPORT), CHECK)
_OUTPUT: Final = f"{DRIFT_REPORT}_{CHECK}"
_NEWEST: Final = 92
"""Days of a run that are always evaluated one by one. Of the days before them, only those that failed are: Dagster
stores evaluations one at a time, and 305 of them would double the time of a year. The tables hold every day."""

_MOST_PICTURES: Final = 20
"""Days of a run with a plot: the last one, and those that failed last. Each plot has 30 kB in Dagster's event log."""

drift_check_spec = dg.AssetCheckSpec(
    CHECK,
    asset=DRIFT_REPORT,
    blocking=False,
    partitions_def=DAILY,
    description=(
        "How many of the 13 features drifted from what the production model learned: a warning above "
        "ROAD_DRIFT_WARN_ABOVE, an error above ROAD_DRIFT_RETRAIN_ABOVE, which asks for retraining."
    ),
)


def evaluations_of(
    evaluation: DriftEvaluation,
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None]]:
    """The events that an asset yields to evaluate the check for each day.

    Args:
        evaluation: of the partitions of the run.
    """
    days = list(evaluation.scores)
    if len(days) == 1:
        yield check_drift(evaluation)
        return
    # Dagster accepts one result per check and run, without a partition if the run has several. Evaluations as events
    # are accepted for each partition, together with the output that Dagster expects of the check.
    yield dg.Output(None, output_name=_OUTPUT)
    pictured = {*[day for day in days if evaluation.scores[day].warn][-_MOST_PICTURES:], evaluation.last_day}
    newest = set(days[-_NEWEST:])
    for day, score in evaluation.scores.items():
        if not score.warn and day not in newest:
            continue
        yield dg.AssetCheckEvaluation(
            asset_key=DRIFT_CHECK_KEY.asset_key,
            check_name=CHECK,
            blocking=False,
            partition=to_key(day),
            **_evaluation_of(day, score, pictured=day in pictured),
        )


def check_drift(evaluation: DriftEvaluation) -> dg.AssetCheckResult:
    """The check result of a run's last day."""
    day = evaluation.last_day
    return dg.AssetCheckResult(check_name=CHECK, **_evaluation_of(day, evaluation.scores[day], pictured=True))


def _evaluation_of(day: date, score: DriftScore, *, pictured: bool) -> dict[str, Any]:
    metadata = {
        "score": score.score,
        RETRAIN_AS_OF: day.isoformat(),
        "drifted features": ", ".join(score.drifted_features) or "none",
        "drifted beside the score": ", ".join(score.drifted_beside) or "none",
        "users in the window": score.current_rows,
        "replayed days in the window": score.replayed_days,
    }
    if pictured:
        metadata["distance per feature"] = picture(plots.drift_per_feature(score), "distance per feature")
    return {
        "passed": not score.warn,
        "severity": dg.AssetCheckSeverity.ERROR if score.retrain or not score.warn else dg.AssetCheckSeverity.WARN,
        "description": _sentence(day, score),
        "metadata": metadata,
    }


def _sentence(day: date, score: DriftScore) -> str:
    which = f"{day} (rehearsal: noise {score.rehearsed_noise:g})" if score.rehearsed_noise else str(day)
    if not score.enough_rows:
        return f"{which}: {score.current_rows} rows are too few to tell"
    return f"{which}: {len(score.drifted_features)} of {len(score.features)} features drifted, score {score.score:.2f}"
