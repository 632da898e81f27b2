"""The severity model: a candidate per training day, and the pointer to the one that answers."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pandas as pd

from road_assets.assets import plots
from road_assets.assets.common import OWNERS, figures_table, picture, preview
from road_assets.core.bundle import Bundle
from road_assets.core.candidate import Candidate, parameters_of, split_rows, train_candidate
from road_assets.core.gate import Contender, decide
from road_assets.core.history import EVALUATION_DAYS, TRAINING_DAYS, Windows, windows_as_of
from road_assets.core.metrics import DECIDING_METRIC, evaluate
from road_assets.core.noise import describe_noise, noise_of_days
from road_assets.core.training import FOREST, ForestSettings, feature_matrix
from road_assets.core.vocabulary import TARGET
from road_assets.partitions import DAILY, to_day, trailing_days
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import (
    BUNDLE_FOLDER,
    REFERENCE_FOLDER,
    ModelRegistry,
    RegisteredModel,
    write_model_folder,
    write_reference_folder,
)

FEATURES: Final = "features"
POOL: Final = "training"
"""One training at a time: it takes all cores."""


class ForestConfig(dg.Config):
    """Parameters of the forest, under scikit-learn's names; see ``ForestSettings``."""

    n_estimators: int = ForestSettings().n_estimators
    max_depth: int = ForestSettings().max_depth
    min_samples_split: int = ForestSettings().min_samples_split
    min_samples_leaf: int = ForestSettings().min_samples_leaf
    random_state: int = ForestSettings().random_state


@dg.asset(
    partitions_def=DAILY,
    deps=[dg.AssetDep(FEATURES, partition_mapping=trailing_days(EVALUATION_DAYS + TRAINING_DAYS))],
    group_name="model",
    owners=OWNERS,
    kinds={"scikitlearn", "mlflow", "onnx"},
    pool=POOL,
    required_resource_keys={"mlflow", "lake", "registry"},
    description=(
        "A random forest trained on what was known as of the day and judged on the real rows of the last 31 days, "
        "which it has not seen; logged to MLflow and registered, with the bundle that the service would load."
    ),
)
def severity_model(context: dg.AssetExecutionContext, config: ForestConfig) -> dg.MaterializeResult[None]:
    """Train, judge, log, register."""
    day = to_day(context.partition_key)
    lake: Lake = context.resources.lake
    registry: ModelRegistry = context.resources.registry
    windows = windows_as_of(day, lake.stored_days(FEATURES))
    rows = lake.read_days(FEATURES, (*windows.training, *windows.evaluation))
    context.log.info("training on %d days, judging on %d later ones", len(windows.training), len(windows.evaluation))
    settings = ForestSettings(**config.model_dump())
    candidate = train_candidate(rows, windows, settings, created_at=datetime.now(UTC))
    noise = describe_noise(noise_of_days(rows))
    context.resources.mlflow.set_tag("noise", noise)
    run_id = _log(context.resources.mlflow, candidate, settings)
    version = registry.register(run_id, day)
    metrics = candidate.facts.metrics
    return dg.MaterializeResult(
        metadata={
            "model version": dg.MetadataValue.url(registry.version_url(version)),
            "MLflow run": dg.MetadataValue.url(registry.run_url(run_id)),
            DECIDING_METRIC: metrics[DECIDING_METRIC],
            "accuracy": metrics["accuracy"],
            "accuracy of a constant answer": metrics["constant_accuracy"],
            "figures on later days": figures_table(metrics),
            "training window": _span(windows.training),
            "evaluation window": _span(windows.evaluation),
            "noise (days that are a rehearsal)": noise,
            "training rows": candidate.training_rows,
            "bundle size (MB)": sum(map(len, candidate.files.values())) / 1e6,
            "data": candidate.facts.data,
            **{name: picture(figure, name) for name, figure in _figures(candidate).items()},
        }
    )


@dg.asset(
    partitions_def=DAILY,
    deps=[severity_model],
    group_name="model",
    owners=OWNERS,
    kinds={"mlflow"},
    pool=POOL,
    description="The registry's production alias: moved to the day's candidate if it ranks later real rows better.",
)
def production_model(
    context: dg.AssetExecutionContext, lake: Lake, registry: ModelRegistry
) -> dg.MaterializeResult[None]:
    """Compare champion and challenger on the same rows, and promote the better one."""
    challenger, champion = registry.newest_as_of(to_day(context.partition_key)), registry.production()
    stored = lake.stored_days(FEATURES)
    windows = windows_as_of(challenger.as_of, stored)
    rows = split_rows(lake.read_days(FEATURES, windows.evaluation), Windows((), windows.evaluation)).evaluation
    contenders = [_judge(registry, model, rows) for model in (challenger, champion) if model is not None]
    decision = decide(contenders[0], contenders[1] if champion else None)
    if decision.promote:
        registry.promote(challenger)
    context.log.info(decision.reason)
    answering = challenger if decision.promote or champion is None else champion
    comparison = pd.DataFrame({f"version {known.version}": known.figures for known in contenders})
    comparison = comparison.rename_axis("figure").reset_index()
    return dg.MaterializeResult(
        metadata={
            "decision": decision.reason,
            "promoted": decision.promote,
            "model in production": dg.MetadataValue.url(registry.version_url(answering.version)),
            "judged on rows": len(rows),
            "figures by version": preview(comparison.round(4), rows=len(comparison)),
        }
    )


def _judge(registry: ModelRegistry, model: RegisteredModel, rows: pd.DataFrame) -> Contender:
    bundle = Bundle.open(registry.bundle_files(model))
    answers = bundle.predict(feature_matrix(rows))
    figures = evaluate(rows[TARGET].to_numpy(), answers, threshold=bundle.manifest.threshold)
    return Contender(model.version, model.manifest, figures)


def _log(mlflow: Any, candidate: Candidate, settings: ForestSettings) -> str:
    """Log everything to the run that dagster-mlflow opened, and end it."""
    facts = candidate.facts
    mlflow.log_params({**parameters_of(settings), "training_rows": candidate.training_rows})
    mlflow.log_metrics(facts.metrics)
    mlflow.set_tags({"data": facts.data, "features": ",".join(facts.features)})
    for name, figure in _figures(candidate).items():
        mlflow.log_figure(figure, f"plots/{name.replace(' ', '_')}.png")
    with tempfile.TemporaryDirectory() as folder:
        write_model_folder(candidate, Path(folder, BUNDLE_FOLDER))
        write_reference_folder(candidate, Path(folder, REFERENCE_FOLDER))
        mlflow.log_artifacts(folder)
    run_id: str = mlflow.active_run().info.run_id
    mlflow.end_run()
    return run_id


def _figures(candidate: Candidate) -> dict[str, Any]:
    labels, probabilities = candidate.labels, candidate.probabilities
    return {
        "ROC": plots.roc_curve(labels, probabilities),
        "precision and recall": plots.precision_recall_curve(labels, probabilities),
        "calibration": plots.calibration_curve(labels, probabilities),
        "confusion": plots.confusion(labels, probabilities, candidate.facts.threshold),
        "importances": plots.importances(candidate.pipeline[FOREST].feature_importances_),
    }


def _span(days: tuple[Any, ...]) -> str:
    return f"{days[0]} to {days[-1]}, {len(days)} days"
