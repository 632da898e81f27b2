"""Ablation: what each part of the model contributes, trained to 30 September 2024, evaluated on real users of October.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.ablation``

All variants use the project's own readers, mix, imputation and families. The first figures are for questions with the
13 features only, the second for questions with every recorded optional field.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import FunctionTransformer

from road_assets.core.bundle import FeatureMatrix, Probabilities
from road_assets.core.calibration import PlattScaling
from road_assets.core.families.boosting import Boosting, BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings, Forest
from road_assets.core.features import impute, modes_of
from road_assets.core.forest_pipeline import IMPUTER, SCALER
from road_assets.core.intervals import figure_intervals
from road_assets.core.metrics import evaluate
from road_assets.core.mixing import CHAIN_COLUMNS, fit_chain, generate_days, labelled_codes, mix_days
from road_assets.core.model_input import feature_matrix, hide_scene, model_matrix
from road_assets.core.scene_fields import FILLED, MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET
from road_assets.core.windows import group_by_history, rows_on
from road_assets.resources.releases.store import ReleaseStore

FIRST_JUDGED = date(2024, 10, 1)
SEED = 1
FEW = 4
FIGURES = ("roc_auc", "average_precision", "brier", "calibration_error")

Predict = Callable[[FeatureMatrix], Probabilities]


@dataclass(frozen=True)
class Rows:
    """Feature rows of both sides.

    Attributes:
        training: real and generated, before October.
        judged: real, of October.
    """

    training: pd.DataFrame
    judged: pd.DataFrame


def make_rows(releases: Path, home: Path) -> Rows:
    """Read the release and make the mix and the features, month by month as the assets do."""
    store = ReleaseStore(home, releases)
    loaded = store.load_release(store.find_release(2024))
    real = labelled_codes(loaded.frame.assign(data_source="official"))
    days = sorted(set(real["day"].dt.date))
    parts = []
    for history, members in group_by_history(days, days).items():
        known, own = rows_on(real, history), rows_on(real, members)
        chain = fit_chain(known[list(CHAIN_COLUMNS)].to_numpy(dtype=np.int8), seed=SEED)
        counts = own["day"].dt.date.value_counts().sort_index().to_dict()
        mix = mix_days(own, [generate_days(chain, counts, seed=SEED, data_source="official")])
        parts.append(impute(mix, modes_of(known))[0])
    rows = pd.concat(parts, ignore_index=True)
    later = rows["day"] >= pd.Timestamp(FIRST_JUDGED)
    return Rows(rows[~later], rows[later & ~rows["synthetic"]])


def print_row(name: str, judged: pd.DataFrame, predict: Predict, started: float) -> None:
    """Print a line of the table."""
    matrix, labels = model_matrix(judged), judged[TARGET].to_numpy()
    cells = []
    for asked in (hide_scene(matrix), matrix):
        figures = evaluate(labels, predict(asked), threshold=0.5)
        cells += [f"{figures[figure]:.4f}" for figure in FIGURES]
    print(f"| {name} | {' | '.join(cells)} | {time.monotonic() - started:.0f} s |", flush=True)


def forests(rows: Rows) -> None:
    """The forest of record, and variants without generated rows, without scaling, and with calibration."""
    settings = CalibratedForestSettings()
    real = rows.training[~rows.training["synthetic"]]
    started = time.monotonic()
    record = settings.fit(rows.training)
    print_row("forest of record: mix, mode, scaled", rows.judged, record.predict, started)
    started = time.monotonic()
    alone = settings.fit(real)
    print_row("… without generated rows", rows.judged, alone.predict, started)
    print_row("… without scaling", rows.judged, _without_scaling(record, rows.training).predict, time.monotonic())
    started = time.monotonic()
    calibrated = replace(settings, calibration_share=0.1).fit(rows.training)
    print_row("… calibrated on a tenth of the accidents", rows.judged, calibrated.predict, started)


def boostings(rows: Rows) -> Boosting:
    """The boosting, from the 13 features with imputed modes to all fields with masking and calibration."""
    settings = BoostingSettings(calibration_share=0.0, hidden_features=0.0, hidden_rows=0.0)
    features = rows.training.drop(columns=list(SCENE_FIELD_NAMES))
    with_mode = features.drop(columns=[FILLED])
    for name, learned, changed in (
        ("boosting, 13 features: mix, mode", with_mode, replace(settings, generated_rows=True)),
        ("… without generated rows, mode", with_mode, settings),
        ("… unknown as a category of its own", features, settings),
    ):
        started = time.monotonic()
        print_row(name, rows.judged, changed.fit(learned).predict, started)
    started = time.monotonic()
    unmasked = replace(settings, masked_copies=0).fit(rows.training).scene
    assert unmasked is not None
    print_row("all fields, one ensemble, no masking", rows.judged, _alone(unmasked.log_odds), started)
    default = BoostingSettings()
    for name, changed in (
        ("before features were hidden", replace(default, hidden_features=0.0, hidden_rows=0.0)),
        ("some features hidden", replace(default, hidden_rows=0.0)),
        ("in some rows any number", default),
    ):
        model = _both_ensembles(rows, name, changed)
    return model


def _both_ensembles(rows: Rows, name: str, settings: BoostingSettings) -> Boosting:
    started = time.monotonic()
    model = settings.fit(rows.training)
    assert model.scene is not None
    plain = Boosting(replace(model.alone, scaling=PlattScaling()), replace(model.scene, scaling=PlattScaling()))
    assert plain.scene is not None
    print_row(f"{name}: all fields, one ensemble, masked", rows.judged, _alone(plain.scene.log_odds), started)
    print_row("… the 13 on their own, a tenth kept", rows.judged, plain.predict, started)
    print_row("… calibrated on that tenth", rows.judged, model.predict, started)
    _print_effect_of_unknowns(model, rows.judged)
    return model


def _print_effect_of_unknowns(model: Boosting, judged: pd.DataFrame) -> None:
    """Print the mean estimate of users if the caller leaves out fields that are known.

    If few fields are left out, only users with these fields known are counted: for others, nothing changes.
    """
    features = list(FEATURE_NAMES)
    for hidden in (["sexe"], ["sexe", "trajet"], ["sexe", "trajet", "col", "catr"], features[1:], features):
        columns = [MODEL_FIELDS.index(name) for name in hidden]
        full = model_matrix(judged)
        known = ~np.isnan(full[:, columns]).any(axis=1) | (len(hidden) > FEW)
        untold, labels = full[known].copy(), judged.loc[known, TARGET].to_numpy()
        untold[:, columns] = np.nan
        means = [model.predict(asked).mean() for asked in (hide_scene(full[known]), hide_scene(untold), untold)]
        words = f"all but {features[0]}" if hidden == features[1:] else "all 13" if hidden == features else str(hidden)
        print(
            f"mean estimate: {means[0]:.3f} with the 13 told, {means[1]:.3f} without {words} and nothing else told, "
            f"{means[2]:.3f} without but with the optional fields; {labels.mean():.3f} were severe",
            flush=True,
        )


def _without_scaling(record: Forest, training: pd.DataFrame) -> Forest:
    from sklearn.base import clone

    pipeline = clone(record.pipeline).set_params(**{SCALER: FunctionTransformer()})
    assert pipeline[IMPUTER] is not None
    return Forest(pipeline.fit(feature_matrix(training), training[TARGET].to_numpy()))


def _alone(log_odds: Predict) -> Predict:
    return lambda matrix: PlattScaling().probabilities(log_odds(matrix))


def show_intervals(model: Boosting, judged: pd.DataFrame) -> None:
    """Print the promoted model's figures with intervals."""
    labels, accidents = judged[TARGET].to_numpy(), judged["num_acc"].to_numpy()
    matrix = model_matrix(judged)
    for name, asked in (("13 features", hide_scene(matrix)), ("all fields", matrix)):
        answers = model.predict(asked)
        figures = evaluate(labels, answers, threshold=0.5)
        ends = figure_intervals(labels, answers, accidents, threshold=0.5)
        told = ", ".join(
            f"{figure} {figures[figure]:.4f} ({low:.4f} to {high:.4f})" for figure, (low, high) in ends.items()
        )
        print(f"{name}: {told}; {figures}", flush=True)


def main() -> int:
    """Print the ablation table of the release that ``ROAD_RELEASES_DIR`` names."""
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        print("ROAD_RELEASES_DIR is not set; it names the folder with the official files of 2024", file=sys.stderr)
        return 1
    import tempfile

    with tempfile.TemporaryDirectory() as home:
        rows = make_rows(Path(named), Path(home))
    print(f"{len(rows.training)} rows to learn from, {len(rows.judged)} to judge on; 13 first, then all")
    print(f"| variant | {' | '.join(FIGURES)} | {' | '.join(FIGURES)} | seconds |")
    show_intervals(boostings(rows), rows.judged)
    forests(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
