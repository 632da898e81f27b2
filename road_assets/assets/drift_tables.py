"""Drift scores as rows of the tables that dashboards read."""

from typing import Any, Final

import pandas as pd

from road_assets.core.drift import DriftEvaluation, DriftScore, FeatureDrift
from road_assets.resources.model_registry import RegisteredModel

_STATISTICS: Final = {"numeric": "1 - correlation"}
_OTHERWISE: Final = "total variation"


def tables_of(evaluation: DriftEvaluation, model: RegisteredModel) -> dict[str, pd.DataFrame]:
    """Rows of ``drift_scores`` and ``drift_features``.

    Args:
        evaluation: of any number of days.
        model: the one in production, whose training window is the reference.
    """
    manifest = model.manifest
    alike = {
        "model_version": model.version,
        "reference_first_day": manifest.training_window.first_day,
        "reference_last_day": manifest.training_window.last_day,
        "data_source": manifest.data,
    }
    scores = [{"day": day, **_score_row(score), **alike} for day, score in evaluation.scores.items()]
    features = [
        {"day": day, **_feature_row(variable)}
        for day, score in evaluation.scores.items()
        for variable in (*score.features, *score.beside)
    ]
    return {"drift_scores": pd.DataFrame(scores), "drift_features": pd.DataFrame(features)}


def _score_row(score: DriftScore) -> dict[str, Any]:
    severe = score.severe
    return {
        "score": score.score,
        "drifted_features": len(score.drifted_features),
        "current_rows": score.current_rows,
        "current_accidents": score.current_accidents,
        "reference_rows": score.reference_rows,
        "noise": score.rehearsed_noise,
        "replayed_days": score.replayed_days,
        "severe_share": severe.share if severe else None,
        "severe_share_low": severe.low if severe else None,
        "severe_share_high": severe.high if severe else None,
        "reference_severe_share": severe.reference if severe else None,
    }


def _feature_row(variable: FeatureDrift) -> dict[str, Any]:
    return {
        "feature": variable.feature,
        "kind": variable.kind,
        "statistic": _STATISTICS.get(variable.kind, _OTHERWISE),
        "distance": variable.distance,
        "threshold": variable.threshold,
        "noise": variable.noise,
        "drifted": variable.drifted,
        "reference_rows": variable.reference_rows,
        "current_rows": variable.current_rows,
    }
