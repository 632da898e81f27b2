"""Drift of live traffic per day: the service's questions, compared with its model's training data."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import dagster as dg
import pandas as pd

from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.core.drift import DriftScore
from road_assets.core.live_traffic import Traffic, compare_traffic
from road_assets.core.vocabulary import FEATURE_BY_NAME
from road_assets.partitions import DAILY, to_days
from road_assets.reporting import plots
from road_assets.reporting.metadata import keep_large_for_last_day, picture
from road_assets.resources.configuration import DriftSettingsResource
from road_assets.resources.database import Database
from road_assets.resources.live_traffic import read_traffic
from road_assets.resources.model_registry import ModelRegistry, NoModelError, RegisteredModel

SCORES: Final = "live_traffic_scores"
FEATURES: Final = "live_traffic_features"

predictions = dg.AssetSpec(
    "predictions",
    deps=[PRODUCTION_MODEL],
    group_name="drift",
    owners=OWNERS,
    kinds={"postgres", "table"},
    description=(
        "Every question that the service answered, with the model's version and probability: a table in Postgres that "
        "the service itself writes, a part for each UTC day, kept for ROAD_API_PREDICTION_RETENTION_DAYS. Dagster "
        "only reads it."
    ),
    metadata={"dagster/table_name": "public.predictions"},
)
"""External asset: written by the service, and shown in the lineage."""


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    deps=[PRODUCTION_MODEL, predictions],
    group_name="drift",
    owners=OWNERS,
    kinds={"postgres"},
    description=(
        "How far the questions that the service answered in the last days, all of them in the table predictions, "
        "are from what the model in production learned: a score per day and tables for the dashboards. It starts "
        "nothing: callers may ask about other accidents than those that happen."
    ),
)
def live_traffic_drift(
    context: dg.AssetExecutionContext,
    database: Database,
    registry: ModelRegistry,
    drift_settings: DriftSettingsResource,
) -> dg.MaterializeResult[None]:
    """Compare each day's trailing window of questions with the production model's reference."""
    days, limits = to_days(list(context.partition_keys)), drift_settings.limits()
    traffic = {day: read_traffic(database, _window(day, limits.window_days)) for day in days}

    model = _production(registry) if any(asked.questions for asked in traffic.values()) else None
    reference = registry.reference_counts(model) if model else None
    scores = {
        day: compare_traffic(reference, asked, limits)
        for day, asked in traffic.items()
        if reference and asked.questions
    }

    database.replace_days(SCORES, _scores(traffic, scores, model), days)
    database.replace_days(FEATURES, _features(traffic, scores), days)
    metadata = _metadata(traffic[days[-1]], scores.get(days[-1]), model)
    return dg.MaterializeResult(metadata=keep_large_for_last_day(context, metadata))


def _window(day: date, length: int) -> list[date]:
    return [day - timedelta(days=before) for before in reversed(range(length))]


def _production(registry: ModelRegistry) -> RegisteredModel:
    model = registry.production()
    if model is None:
        raise NoModelError(
            "the service has answered questions, but no model is in production to compare them with; materialize "
            "production_model first"
        )
    return model


def _scores(
    traffic: Mapping[date, Traffic], scores: Mapping[date, DriftScore], model: RegisteredModel | None
) -> pd.DataFrame:
    rows = []
    for day, asked in traffic.items():
        score = scores.get(day)
        told = score is not None and score.enough_rows
        rows.append(
            {
                "day": day,
                "score": score.score if told else None,
                "drifted_features": len(score.drifted_features) if told else None,
                "questions": asked.questions,
                "distinct_questions": asked.distinct,
                "mean_probability": asked.mean_probability,
                "reference_rows": score.reference_rows if told else None,
                "model_version": model.version if told and model else None,
            }
        )
    whole = dict.fromkeys(("drifted_features", "reference_rows", "model_version"), "Int64")
    return pd.DataFrame(rows).astype(whole)


def _features(traffic: Mapping[date, Traffic], scores: Mapping[date, DriftScore]) -> pd.DataFrame:
    rows = [row for day, score in scores.items() if score.enough_rows for row in _rows(day, traffic[day], score)]
    return pd.DataFrame(rows, columns=["day", "feature", "distance", "noise", "drifted", "unknown_share"])


def _rows(day: date, asked: Traffic, score: DriftScore) -> list[dict[str, Any]]:
    unknown = asked.unknown_shares()
    return [
        {
            "day": day,
            "feature": feature.feature,
            "distance": feature.distance,
            "noise": feature.noise,
            "drifted": feature.drifted,
            "unknown_share": unknown[feature.feature],
        }
        for feature in score.features
    ]


def _metadata(asked: Traffic, score: DriftScore | None, model: RegisteredModel | None) -> dict[str, Any]:
    """Metadata of the last day of the run."""
    metadata: dict[str, Any] = {
        "dagster/table_name": f"public.{SCORES}",
        "questions in the window": asked.questions,
        "different questions": asked.distinct,
    }
    if score is None or model is None or not score.enough_rows:
        return {
            **metadata,
            "drift score": f"none: {asked.questions} questions in the window are too few to tell",
        }
    return {
        **metadata,
        "drift score": score.score,
        "drifted features": ", ".join(score.drifted_features) or "none",
        "mean probability answered": asked.mean_probability,
        "reference": f"training window of version {model.version}, {score.reference_rows} rows",
        "distance per feature": picture(plots.drift_per_feature(score), "distance per feature"),
        "features": _table(asked, score),
    }


def _table(asked: Traffic, score: DriftScore) -> dg.TableMetadataValue:
    unknown = asked.unknown_shares()
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "feature": FEATURE_BY_NAME[feature.feature].en,
                    "distance": round(feature.distance, 4),
                    "chance alone": round(feature.noise, 4),
                    "drifted": feature.drifted,
                    "left open by callers": round(unknown[feature.feature], 4),
                }
            )
            for feature in score.features
        ]
    )
