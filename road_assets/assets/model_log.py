"""Logs a candidate to MLflow: a run of its own with parameters, figures, plots, datasets and the bundle."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from road_assets.asset_names import FEATURES
from road_assets.core.candidate import Candidate, Split
from road_assets.core.manifest import Window
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import TARGET
from road_assets.reporting import plots
from road_assets.resources.model_registry import (
    AS_OF_TAG,
    BUNDLE_FOLDER,
    FAMILY_TAG,
    REFERENCE_FOLDER,
    write_model_folder,
    write_reference_folder,
)

_LONGEST_DIGEST: Final = 36


def log_candidate(mlflow: Any, candidate: Candidate, split: Split, *, as_of: str, noise: str) -> str:
    """Log a candidate in a run below the one that dagster-mlflow opened.

    Args:
        mlflow: dagster-mlflow's resource.
        candidate: what to log.
        split: rows it was trained and evaluated on.
        as_of: last day that was known.
        noise: description of the days with noise.

    Returns:
        The run's id.
    """
    facts = candidate.facts
    with mlflow.start_run(run_name=f"{facts.family} as of {as_of}", nested=True) as run:
        mlflow.log_params({**facts.parameters, "threshold": facts.threshold, "training_rows": candidate.training_rows})
        mlflow.log_metrics(
            {
                **facts.metrics,
                **{f"features_only_{name}": figure for name, figure in facts.metrics_features_only.items()},
                **{f"{name}_low": low for name, (low, _) in facts.intervals.items()},
                **{f"{name}_high": high for name, (_, high) in facts.intervals.items()},
            }
        )
        mlflow.set_tags(
            {
                FAMILY_TAG: facts.family,
                AS_OF_TAG: as_of,
                "data": facts.data,
                "features": ",".join(facts.features),
                "noise": noise,
                **{f"data_version {name}": version for name, version in facts.data_versions.items()},
            }
        )
        for context, rows, window in (
            ("training", split.training, facts.training_window),
            ("evaluation", split.evaluation, facts.evaluation_window),
        ):
            mlflow.log_input(_dataset(rows, window), context=context)
        for name, figure in figures_of(candidate).items():
            mlflow.log_figure(figure, f"plots/{name.replace(' ', '_')}.png")
        mlflow.log_table(pd.DataFrame([line.model_dump() for line in facts.slices]), "slices.json")
        with tempfile.TemporaryDirectory() as folder:
            write_model_folder(candidate, Path(folder, BUNDLE_FOLDER))
            write_reference_folder(candidate, Path(folder, REFERENCE_FOLDER))
            mlflow.log_artifacts(folder)
    run_id: str = run.info.run_id
    return run_id


def figures_of(candidate: Candidate) -> dict[str, Figure]:
    """The plots of a candidate, by name."""
    labels, probabilities = candidate.labels, candidate.probabilities
    return {
        "ROC": plots.roc_curve(labels, probabilities),
        "precision and recall": plots.precision_recall_curve(labels, probabilities),
        "calibration": plots.calibration_curve(labels, probabilities),
        "confusion": plots.confusion(labels, probabilities, candidate.facts.threshold),
        "importances": plots.importances(candidate.model.importances()),
    }


def _dataset(rows: pd.DataFrame, window: Window) -> Any:
    """The rows as an MLflow dataset: days, columns, number of rows and a digest."""
    import mlflow.data
    from mlflow.data.code_dataset_source import CodeDatasetSource

    shown = rows[[name for name in (*MODEL_FIELDS, TARGET) if name in rows]]
    digest = hashlib.sha256(pd.util.hash_pandas_object(shown, index=False).to_numpy().tobytes()).hexdigest()
    days = {"asset": FEATURES, "first_day": str(window.first_day), "last_day": str(window.last_day)}
    name = f"features {window.first_day} to {window.last_day}"
    source = CodeDatasetSource(tags=days)
    return mlflow.data.from_pandas(shown, source=source, targets=TARGET, name=name, digest=digest[:_LONGEST_DIGEST])
