"""Benchmark of training: each family on January to September, evaluated on the real users of October.

Baseline, *common*: what most notebooks on these files do: real rows only, rows with an unknown value dropped, one-hot
encoding, a random forest with scikit-learn's default of 100 trees.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from road_assets.core.families import FAMILIES
from road_assets.core.model_input import feature_matrix, hide_scene, model_matrix
from road_assets.core.vocabulary import TARGET
from road_assets_tests.benchmarks.ablation import make_rows
from road_assets_tests.benchmarks.side_by_side.isolated_process import run_isolated, timed
from road_assets_tests.benchmarks.side_by_side.result_table import Row

LEARNED: Final = "learned.parquet"
JUDGED: Final = "judged.parquet"


def prepare_rows(folder: str, releases: str) -> dict[str, Any]:
    """Write the rows for training and for evaluation."""
    rows = make_rows(Path(releases), Path(folder) / "home")
    rows.training.to_parquet(Path(folder) / LEARNED)
    rows.judged.to_parquet(Path(folder) / JUDGED)
    return {"learned": len(rows.training), "judged": len(rows.judged)}


def fit_family(folder: str, family: str) -> dict[str, Any]:
    """Fit one family with its default settings."""
    learned, judged = _read(folder)
    result: dict[str, Any] = {}
    with timed(result):
        model = FAMILIES[family]().fit(learned)
    matrix, labels = model_matrix(judged), judged[TARGET].to_numpy()
    result["features"] = float(roc_auc_score(labels, model.predict(hide_scene(matrix))))
    result["all"] = float(roc_auc_score(labels, model.predict(matrix)))
    return result


def fit_common(folder: str) -> dict[str, Any]:
    """Fit the baseline."""
    learned, judged = _read(folder)
    matrix, labels = feature_matrix(learned[~learned["synthetic"]]), learned.loc[~learned["synthetic"], TARGET]
    known = ~np.isnan(np.asarray(matrix, dtype=float)).any(axis=1)
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), RandomForestClassifier(n_jobs=-1, random_state=0))
    result: dict[str, Any] = {}
    with timed(result):
        model.fit(np.asarray(matrix)[known], labels.to_numpy()[known])
    answers = model.predict_proba(np.asarray(feature_matrix(judged)))[:, 1]
    result["features"] = float(roc_auc_score(judged[TARGET].to_numpy(), answers))
    return result


def measure(folder: Path, releases: Path) -> Iterator[Row]:
    """The rows of the table."""
    folder.mkdir(parents=True)
    counts = run_isolated(prepare_rows, str(folder), str(releases)).result
    common = run_isolated(fit_common, str(folder))
    baseline = f"common: {common.seconds:.1f} s, ROC-AUC {common.result['features']:.4f}"
    for family in FAMILIES:
        ours = run_isolated(fit_family, str(folder), family)
        auc = f"ROC-AUC {ours.result['features']:.4f} (13), {ours.result['all']:.4f} (all fields)"
        yield Row(
            f"training, {family}, {counts['learned']:,} rows",
            f"{ours.seconds:.1f} s, {auc}",
            baseline,
            common.seconds / ours.seconds,
            ours.memory,
        )


def _read(folder: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.read_parquet(Path(folder) / LEARNED), pd.read_parquet(Path(folder) / JUDGED)
