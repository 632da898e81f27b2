"""The drift of each day: scores, tables, and Evidently's report."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

import dagster as dg
import pandas as pd

from road_assets.asset_names import DRIFT_REPORT, FEATURES, PRODUCTION_MODEL, RAW_ACCIDENTS
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.assets.drift_tables import tables_of
from road_assets.checks.drift import drift_check_spec, evaluations_of
from road_assets.core.bundle import Bundle
from road_assets.core.columns import ACCIDENT, DAY
from road_assets.core.drift import DriftDetector, DriftEvaluation, DriftScore
from road_assets.core.model_input import model_matrix
from road_assets.core.noise import NOISE, describe_noise
from road_assets.core.rehearsal import Estimate, evaluate_rehearsed, rows_of_window
from road_assets.core.scene_fields import FILLED, MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import TARGET
from road_assets.core.windows import days_up_to
from road_assets.partitions import DAILY, to_days, trailing_days
from road_assets.reporting import plots
from road_assets.reporting.evidently_report import render_report
from road_assets.reporting.metadata import keep_large_for_last_day, picture, preview
from road_assets.resources.configuration import DriftSettingsResource
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry, NoModelError, RegisteredModel
from road_assets.resources.reports import PublishedReport, Reports
from road_assets.settings import DriftSettings

_OPTIONAL: Final = (NOISE, FILLED, *SCENE_FIELD_NAMES)
_COLUMNS: Final = [DAY, ACCIDENT, "synthetic", TARGET, NOISE, FILLED, *MODEL_FIELDS]
_REPLAYED_FROM: Final = "replayed_from"


class DriftConfig(dg.Config):
    """Which reports to render.

    Attributes:
        draw: days whose report is rendered: ``needed``, the last day and those above the limit; ``every_day``; or
            ``none``, which keeps earlier reports. Scores and tables are written for every day in any case.
    """

    draw: Literal["none", "needed", "every_day"] = "needed"


@dg.asset(
    name=DRIFT_REPORT,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    deps=[
        dg.AssetDep(FEATURES, partition_mapping=trailing_days(DriftSettings().window_days)),
        PRODUCTION_MODEL,
    ],
    group_name="drift",
    owners=OWNERS,
    kinds={"evidently", "postgres"},
    check_specs=[drift_check_spec],
    description=(
        "How far the real rows of the last days are from the training window of the model in production: a score per "
        "day; beside it numeric fields, the model's answers and the share of severe cases; tables for the dashboards, "
        "and Evidently's report."
    ),
)
def drift_report(  # noqa: PLR0913, PLR0917 - Dagster gives each resource by name
    context: dg.AssetExecutionContext,
    config: DriftConfig,
    lake: Lake,
    database: Database,
    registry: ModelRegistry,
    reports: Reports,
    drift_settings: DriftSettingsResource,
) -> Iterator[Any]:
    """Score every day of the run, render the reports, evaluate the check."""
    days, model = to_days(list(context.partition_keys)), _production(registry)
    detector = DriftDetector(registry.drift_reference(model), drift_settings.limits())

    stored = lake.stored_days(FEATURES)
    windows = {day: days_up_to(day, stored, detector.limits.window_days) for day in days}
    needed = {stored_day for window in windows.values() for stored_day in window}
    rows = _real_rows(lake, needed)
    evaluation = evaluate_rehearsed(rows, windows, detector, _estimate(registry, model))
    evaluation = evaluation.with_replays(windows, _replayed(lake, needed))
    database.replace_tables_of_days(tables_of(evaluation, model), days)

    drawn, published = _days_to_draw(config, evaluation), {}
    sample = registry.reference_sample(model) if drawn else pd.DataFrame()
    for number, day in enumerate(drawn, start=1):
        score = evaluation.scores[day]
        current = rows_of_window(rows, windows[day], score.rehearsed_noise)
        report = render_report(sample, current, detector, score, title=_title(windows[day], model, score))
        published[day] = reports.publish(day, report, score)
        context.log.info("report %d of %d drawn: %s", number, len(drawn), day)
    metadata = _metadata(evaluation, model, published.get(days[-1]))
    yield dg.MaterializeResult(metadata=keep_large_for_last_day(context, metadata))
    yield from evaluations_of(evaluation)


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
    """Rows of some days without generated ones, which say nothing about drift."""
    rows = lake.read_days(FEATURES, days, columns=_COLUMNS, optional=_OPTIONAL)
    return rows[~rows["synthetic"]]


def _replayed(lake: Lake, days: set[date]) -> frozenset[date]:
    """Days that replay a published day, among those whose raw rows are stored."""
    stored = days.intersection(lake.stored_days(RAW_ACCIDENTS))
    if not stored:
        return frozenset()
    rows = lake.read_days(RAW_ACCIDENTS, stored, columns=[DAY, _REPLAYED_FROM])
    return frozenset(rows.loc[rows[_REPLAYED_FROM].notna(), DAY].dt.date)


def _estimate(registry: ModelRegistry, model: RegisteredModel) -> Estimate:
    bundle = Bundle.open(registry.bundle_files(model))
    return lambda rows: bundle.predict(model_matrix(rows))


def _title(window: Sequence[date], model: RegisteredModel, score: DriftScore) -> str:
    reference = model.manifest.training_window
    rehearsal = f"Rehearsal, noise {score.rehearsed_noise:g} in every row – " if score.rehearsed_noise else ""
    replays = f", {score.replayed_days} of its days repeat published ones" if score.replayed_days else ""
    return (
        f"{rehearsal}Drift of {window[0]} to {window[-1]}{replays} from what model version {model.version} learned "
        f"({reference.first_day} to {reference.last_day}) – {model.manifest.data}"
    )


def _metadata(evaluation: DriftEvaluation, model: RegisteredModel, report: PublishedReport | None) -> dict[str, Any]:
    last = evaluation.scores[evaluation.last_day]
    days: Sequence[date] = list(evaluation.scores)
    rehearsed = {day: score.rehearsed_noise for day, score in evaluation.scores.items()}
    scores = [score.score for score in evaluation.scores.values()]
    variables = tables_of(DriftEvaluation({evaluation.last_day: last}), model)["drift_features"].drop(columns="day")
    return {
        "drift score of the last day": last.score,
        "drifted features": ", ".join(last.drifted_features) or "none",
        "drifted beside the score": ", ".join(last.drifted_beside) or "none",
        "share of severe cases": _severe(last),
        "days above the limit": ", ".join(map(str, evaluation.days_above_limit)) or "none",
        "highest score": evaluation.highest_score,
        "reference": f"training window of version {model.version}, {last.reference_rows} rows",
        "window": f"{last.current_rows} users of {last.current_accidents} accidents in {last.limits.window_days} days",
        "replayed days in the window": last.replayed_days,
        "data": model.manifest.data,
        "noise (the window is distorted as much as its last day)": describe_noise(rehearsed),
        "distance per feature": picture(plots.drift_per_feature(last), "distance per feature"),
        "score per day": picture(plots.scores_over_time(days, scores, last.limits.retrain_above), "score per day"),
        "every variable of the last day": preview(variables.round(4), rows=len(variables)),
        **_links(report),
    }


def _severe(score: DriftScore) -> str:
    if score.severe is None:
        return "no labels"
    severe = score.severe
    before = "" if severe.reference is None else f", {severe.reference:.3f} in the reference"
    return f"{severe.share:.3f} (95 % interval by accident {severe.low:.3f} to {severe.high:.3f}){before}"


def _links(report: PublishedReport | None) -> Mapping[str, Any]:
    if report is None:
        return {"report": "none drawn, as the run's config asks"}
    return {
        "report (MLflow)": dg.MetadataValue.url(report.url),
        "report (file)": dg.MetadataValue.path(report.page),
    }
