"""The severity model: for each training day a candidate of every family, evaluated on the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pandas as pd
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from road_assets.asset_names import BAAC_RELEASE, FEATURES
from road_assets.assets.common import OWNERS
from road_assets.assets.model_config import TrainingConfig
from road_assets.assets.model_log import figures_of, log_candidate
from road_assets.core.candidate import Candidate, split_rows, train_candidate
from road_assets.core.metrics import DECIDING_METRIC
from road_assets.core.noise import describe_noise, noise_of_days
from road_assets.core.scene_derivation import with_scene
from road_assets.core.windows import EVALUATION_DAYS, TRAINING_DAYS, Windows, windows_as_of
from road_assets.partitions import DAILY, to_day, trailing_days
from road_assets.reporting.metadata import figures_table, picture, preview
from road_assets.resources.model_registry import ModelRegistry

if TYPE_CHECKING:
    from road_assets.resources.configuration import ModelPolicy
    from road_assets.resources.lake import Lake

TRAINING_RESOURCES: Final = {
    "container_config": {
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "8Gi"}},
    }
}
"""Resources of the training Job on Kubernetes with ``k8s_job_executor``; ignored elsewhere."""

POOL: Final = "training"
"""Pool of one slot: a training uses all cores."""

_COMPARED: Final = ("roc_auc", "average_precision", "brier", "calibration_error", "accuracy", "balanced_accuracy")


@dg.asset(
    partitions_def=DAILY,
    deps=[dg.AssetDep(FEATURES, partition_mapping=trailing_days(EVALUATION_DAYS + TRAINING_DAYS))],
    group_name="model",
    owners=OWNERS,
    kinds={"scikitlearn", "mlflow", "onnx"},
    pool=POOL,
    op_tags={"dagster-k8s/config": TRAINING_RESOURCES},
    required_resource_keys={"mlflow", "lake", "registry", "model_policy"},
    description=(
        "Candidates of each family (ROAD_CANDIDATES) trained on what was known as of the day and judged on the real "
        "rows of the last 31 days, which none has seen; each logged to MLflow and registered, with the bundle that the "
        "service would load."
    ),
)
def severity_model(context: dg.AssetExecutionContext, config: TrainingConfig) -> dg.MaterializeResult[None]:
    """Train, evaluate, log and register the candidates."""
    day = to_day(context.partition_key)
    lake: Lake = context.resources.lake
    policy: ModelPolicy = context.resources.model_policy
    windows = windows_as_of(day, lake.stored_days(FEATURES))
    rows = with_scene(lake.read_days(FEATURES, (*windows.training, *windows.evaluation)))
    context.log.info("training on %d days, judging on %d later ones", len(windows.training), len(windows.evaluation))
    noise = describe_noise(noise_of_days(rows))
    mlflow, versions = context.resources.mlflow, _data_versions(context, windows)
    mlflow.set_tags({"noise": noise, "as_of": str(day), "candidates": ",".join(policy.candidates)})
    trained: list[tuple[int, str, Candidate]] = []
    for family in policy.candidates:
        candidate = train_candidate(
            rows,
            windows,
            config.settings_of(family),
            created_at=datetime.now(UTC),
            missed_case_cost=policy.missed_case_cost,
            data_versions=versions,
        )
        context.log.info("%s: %s %.4f", family, DECIDING_METRIC, candidate.facts.metrics[DECIDING_METRIC])
        run_id = log_candidate(mlflow, candidate, split_rows(rows, windows), as_of=str(day), noise=noise)
        trained.append((context.resources.registry.register(run_id, day, family), run_id, candidate))
    mlflow.end_run()
    shown = {"training window": _span(windows.training), "evaluation window": _span(windows.evaluation)}
    return dg.MaterializeResult(
        metadata={**_metadata(context.resources.registry, trained), **shown, "noise (days that are a rehearsal)": noise}
    )


def _metadata(registry: ModelRegistry, trained: Sequence[tuple[int, str, Candidate]]) -> dict[str, Any]:
    """Every candidate in a table, and the best of them in full."""
    version, run_id, best = max(trained, key=lambda known: known[2].facts.metrics[DECIDING_METRIC])
    facts = best.facts
    slices = pd.DataFrame([line.model_dump() for line in facts.slices]).round(4)
    return {
        "model version": dg.MetadataValue.url(registry.version_url(version)),
        "MLflow run": dg.MetadataValue.url(registry.run_url(run_id)),
        "best family": facts.family,
        "candidates": preview(_candidates_table(trained), rows=len(trained)),
        DECIDING_METRIC: facts.metrics[DECIDING_METRIC],
        "accuracy": facts.metrics["accuracy"],
        "accuracy of a constant answer": facts.metrics["constant_accuracy"],
        "figures on later days": figures_table(facts.metrics),
        "figures with the 13 features alone": figures_table(facts.metrics_features_only),
        "figures by group of users": preview(slices, rows=len(slices)),
        "threshold": facts.threshold,
        "training rows": best.training_rows,
        "bundle size (MB)": _megabytes(best),
        "data": facts.data,
        **{name: picture(figure, name) for name, figure in figures_of(best).items()},
    }


def _candidates_table(trained: Sequence[tuple[int, str, Candidate]]) -> pd.DataFrame:
    lines = []
    for version, _, candidate in trained:
        facts = candidate.facts
        low, high = facts.intervals[DECIDING_METRIC]
        lines.append(
            {
                "version": version,
                "family": facts.family,
                **{name: round(facts.metrics[name], 4) for name in _COMPARED},
                "roc_auc 95 %": f"{low:.4f} to {high:.4f}",
                "roc_auc with the 13 features": round(facts.metrics_features_only[DECIDING_METRIC], 4),
                "bundle (MB)": round(_megabytes(candidate), 1),
            }
        )
    return pd.DataFrame(lines)


def _data_versions(context: dg.AssetExecutionContext, windows: Windows) -> dict[str, str]:
    """Content hashes of the releases that cover the windows, from the data versions of ``baac_release``."""
    found = {}
    for year in sorted({day.year for day in (*windows.training, *windows.evaluation)}):
        asked = dg.AssetRecordsFilter(dg.AssetKey(BAAC_RELEASE), asset_partitions=[str(year)])
        records = context.instance.fetch_materializations(asked, limit=1).records
        tags = (records[0].asset_materialization.tags or {}) if records and records[0].asset_materialization else {}
        if DATA_VERSION_TAG in tags:
            found[f"{BAAC_RELEASE} {year}"] = tags[DATA_VERSION_TAG]
    return found


def _megabytes(candidate: Candidate) -> float:
    return sum(map(len, candidate.files.values())) / 1e6


def _span(days: tuple[Any, ...]) -> str:
    return f"{days[0]} to {days[-1]}, {len(days)} days"
