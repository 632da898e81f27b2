"""Drift per day: the score, the tables, and the report that people read."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, Literal

import dagster as dg
import pandas as pd

from road_assets.assets import plots
from road_assets.assets.common import OWNERS, SINGLE_RUN, picture, shown_once
from road_assets.assets.evidently_report import render_report
from road_assets.assets.model import FEATURES
from road_assets.checks.drift import ASSET, check_drift, drift_check_spec
from road_assets.core.drift import RETRAIN_ABOVE, WINDOW_DAYS, DriftEvaluation
from road_assets.core.history import days_up_to
from road_assets.core.noise import NOISE, describe_noise
from road_assets.core.rehearsal import evaluate_rehearsed, rows_of_window
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.partitions import DAILY, to_days, trailing_days
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry, NoModelError, RegisteredModel
from road_assets.resources.reports import PublishedReport, Reports

_COLUMNS: Final = ["day", "synthetic", NOISE, *FEATURE_NAMES]


class DriftConfig(dg.Config):
    """What to draw.

    Attributes:
        draw: days whose HTML is drawn: ``needed``, the last one and those above the limit; ``every_day``; or ``none``,
            which leaves earlier reports as they are. Scores and tables are written for every day in any case.
    """

    draw: Literal["none", "needed", "every_day"] = "needed"


@dg.asset(
    name=ASSET,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    deps=[dg.AssetDep(FEATURES, partition_mapping=trailing_days(WINDOW_DAYS)), "production_model"],
    group_name="drift",
    owners=OWNERS,
    kinds={"evidently", "postgres"},
    check_specs=[drift_check_spec],
    description=(
        "How far the real rows of the last seven days are from the training window of the model in production: a score "
        "per day, tables for the dashboards, and Evidently's report."
    ),
)
def drift_report(  # noqa: PLR0913, PLR0917 - Dagster gives each resource by name
    context: dg.AssetExecutionContext,
    config: DriftConfig,
    lake: Lake,
    database: Database,
    registry: ModelRegistry,
    reports: Reports,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Score every day of the run, draw the last and those above the limit, tell the check."""
    days, model = to_days(list(context.partition_keys)), _production(registry)

    stored = lake.stored_days(FEATURES)
    windows = {day: days_up_to(day, stored, WINDOW_DAYS) for day in days}
    rows = _real_rows(lake, {known for window in windows.values() for known in window})
    evaluation = evaluate_rehearsed(rows, windows, registry.reference_counts(model))
    database.replace_tables_of_days(_tables(evaluation, model), days)

    drawn, published = _days_to_draw(config, evaluation), {}
    sample = registry.reference_sample(model) if drawn else pd.DataFrame()
    for number, day in enumerate(drawn, start=1):
        noise = evaluation.scores[day].rehearsed_noise
        current = rows_of_window(rows, windows[day], noise)
        report = render_report(sample, current, title=_title(windows[day], model, noise))
        published[day] = reports.publish(day, report, evaluation.scores[day])
        context.log.info("report %d of %d drawn: %s", number, len(drawn), day)
    metadata = _metadata(evaluation, model, published.get(days[-1]))
    yield dg.MaterializeResult(metadata=shown_once(context, metadata))
    yield check_drift(evaluation)


def _days_to_draw(config: DriftConfig, evaluation: DriftEvaluation) -> list[date]:
    if config.draw == "none":
        return []
    if config.draw == "every_day":
        return list(evaluation.scores)
    return sorted({*evaluation.days_above_limit, evaluation.last_day})


def _production(registry: ModelRegistry) -> RegisteredModel:
    model = registry.production()
    if model is None:
        raise NoModelError(
            "no model is in production, so there is nothing to compare with; materialize production_model first"
        )
    return model


def _real_rows(lake: Lake, days: set[date]) -> pd.DataFrame:
    """Generated rows are no evidence of drift and stay out."""
    rows = lake.read_days(FEATURES, days, columns=_COLUMNS, optional=[NOISE])
    return rows[~rows["synthetic"]]


def _title(window: Sequence[date], model: RegisteredModel, noise: float) -> str:
    reference = model.manifest.training_window
    rehearsal = f"Rehearsal, noise {noise:g} in every row – " if noise else ""
    return (
        f"{rehearsal}Drift of {window[0]} to {window[-1]} from what model version {model.version} learned "
        f"({reference.first_day} to {reference.last_day}) – {model.manifest.data}"
    )


def _tables(evaluation: DriftEvaluation, model: RegisteredModel) -> dict[str, pd.DataFrame]:
    manifest = model.manifest
    scores = [
        {
            "day": day,
            "score": score.score,
            "drifted_features": len(score.drifted_features),
            "current_rows": score.current_rows,
            "reference_rows": score.reference_rows,
            "model_version": model.version,
            "reference_first_day": manifest.training_window.first_day,
            "reference_last_day": manifest.training_window.last_day,
            "data_source": manifest.data,
            "noise": score.rehearsed_noise,
        }
        for day, score in evaluation.scores.items()
    ]
    features = [
        {
            "day": day,
            "feature": feature.feature,
            "distance": feature.distance,
            "noise": feature.noise,
            "drifted": feature.drifted,
        }
        for day, score in evaluation.scores.items()
        for feature in score.features
    ]
    return {"drift_scores": pd.DataFrame(scores), "drift_features": pd.DataFrame(features)}


def _metadata(evaluation: DriftEvaluation, model: RegisteredModel, report: PublishedReport | None) -> dict[str, Any]:
    last = evaluation.scores[evaluation.last_day]
    days: Sequence[date] = list(evaluation.scores)
    rehearsed = {day: score.rehearsed_noise for day, score in evaluation.scores.items()}
    over_time = plots.scores_over_time(days, [score.score for score in evaluation.scores.values()], RETRAIN_ABOVE)
    return {
        "drift score of the last day": last.score,
        "drifted features": ", ".join(last.drifted_features) or "none",
        "days above the limit": ", ".join(map(str, evaluation.days_above_limit)) or "none",
        "highest score": evaluation.highest_score,
        "reference": f"training window of version {model.version}, {last.reference_rows} rows",
        "data": model.manifest.data,
        "noise (the window is distorted as much as its last day)": describe_noise(rehearsed),
        "distance per feature": picture(plots.drift_per_feature(last), "distance per feature"),
        "score per day": picture(over_time, "score per day"),
        **_links(report),
    }


def _links(report: PublishedReport | None) -> dict[str, Any]:
    if report is None:
        return {"report": "none drawn, as the run's config asks"}
    return {
        "report (MLflow)": dg.MetadataValue.url(report.url),
        "report (file)": dg.MetadataValue.path(str(report.page)),
    }
