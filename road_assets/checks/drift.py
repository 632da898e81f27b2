"""The drift check: not blocking, because it should start work, not stop it. The retraining sensor listens to it."""

from datetime import date
from typing import Final

import dagster as dg

from road_assets.assets import plots
from road_assets.assets.common import picture
from road_assets.core.drift import RETRAIN_ABOVE, DriftEvaluation, DriftScore

ASSET: Final = "drift_report"
CHECK: Final = "drift"
RETRAIN_AS_OF: Final = "retrain as of"
"""Metadata of an evaluation: the day to retrain for if it failed."""

DRIFT_CHECK_KEY: Final = dg.AssetCheckKey(dg.AssetKey(ASSET), CHECK)

drift_check_spec = dg.AssetCheckSpec(
    CHECK,
    asset=ASSET,
    blocking=False,
    description=f"At most {RETRAIN_ABOVE:.0%} of the 13 features drifted from what the production model learned.",
)


def check_drift(evaluation: DriftEvaluation) -> dg.AssetCheckResult:
    """Fail if a day of the run is above the limit; the newest such day speaks for all."""
    failed = evaluation.days_above_limit
    day = failed[-1] if failed else evaluation.last_day
    score = evaluation.scores[day]
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=_sentence(day, score),
        metadata={
            "score": score.score,
            RETRAIN_AS_OF: day.isoformat(),
            "drifted features": ", ".join(score.drifted_features) or "none",
            "days above the limit": ", ".join(map(str, failed)) or "none",
            "distance per feature": picture(plots.drift_per_feature(score), "distance per feature"),
        },
    )


def _sentence(day: date, score: DriftScore) -> str:
    which = f"{day} (rehearsal: noise {score.rehearsed_noise:g})" if score.rehearsed_noise else str(day)
    if not score.enough_rows:
        return f"{which}: {score.current_rows} rows are too few to tell"
    return f"{which}: {len(score.drifted_features)} of {len(score.features)} features drifted, score {score.score:.2f}"
