"""Small frames and forests, made by code, for the tests of the core."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import FeatureMatrix
from road_assets.core.forest_pipeline import ForestSettings, fit_forest
from road_assets.core.manifest import Facts, Window
from road_assets.core.mixing import CHAIN_COLUMNS, MIX_COLUMNS, CodeMatrix, labelled_codes
from road_assets.core.noise import NOISE
from road_assets.core.scene_derivation import unknown_scene
from road_assets.core.scene_fields import FILLED
from road_assets.core.vocabulary import (
    DATA_DEMONSTRATION,
    FEATURE_NAMES,
    FEATURES,
    GRAVITY,
    MODEL_NAME,
    TARGET,
    UNKNOWN_CODE,
)

FIRST_DAY = date(2024, 1, 1)


def days_from(first: date, count: int) -> tuple[date, ...]:
    """So many calendar days in a row."""
    return tuple(first + timedelta(days=number) for number in range(count))


def draw_matrix(
    rows: int, *, seed: int, unknown: float = 0.0, only: Mapping[str, Sequence[int]] | None = None
) -> CodeMatrix:
    """Random codes whose label can be learned: pedestrians and users without street lighting are hurt more often.

    Args:
        rows: how many.
        seed: makes them the same each time.
        unknown: share of features that are not recorded.
        only: codes to draw from, for features that shall not take all of theirs.
    """
    rng = np.random.default_rng(seed)
    allowed = {feature.name: sorted(feature.values) for feature in FEATURES} | dict(only or {})
    codes = {name: rng.choice(allowed[name], size=rows) for name in FEATURE_NAMES}
    danger = 0.15 + 0.35 * (codes["catu"] == 3) + 0.3 * (codes["lum"] == 3) + 0.1 * (codes["situ"] > 4)
    severe = rng.random(rows) < danger
    matrix = np.column_stack([severe, *(codes[name] for name in FEATURE_NAMES)]).astype(np.int8)
    features = matrix[:, 1:]
    features[rng.random(features.shape) < unknown] = UNKNOWN_CODE
    return matrix


def draw_codes_frame(rows: int, *, seed: int = 1, **options: Any) -> pd.DataFrame:
    """``draw_matrix`` as a frame with ``CHAIN_COLUMNS``."""
    return pd.DataFrame(draw_matrix(rows, seed=seed, **options), columns=list(CHAIN_COLUMNS))


def make_users(days: Sequence[date], per_day: int, *, seed: int = 1, data: str = DATA_DEMONSTRATION) -> pd.DataFrame:
    """Users as ``raw_accidents`` holds them: nullable codes, two users per accident."""
    rows = len(days) * per_day
    codes = draw_codes_frame(rows, seed=seed, unknown=0.05)
    number = np.arange(rows)
    gravity = np.where(codes[TARGET] == 1, 2 + number % 2, 1 + 3 * (number % 2))
    nullable = {name: codes[name].astype("Int8").mask(codes[name] == UNKNOWN_CODE) for name in FEATURE_NAMES}
    return pd.DataFrame(
        {
            "day": pd.to_datetime(np.repeat(np.array(days, dtype="datetime64[us]"), per_day)).astype("datetime64[us]"),
            "num_acc": pd.array([f"2024{one // 2:08d}" for one in number], dtype="string[pyarrow]"),
            "user_key": pd.array([f"u{one}" for one in number], dtype="string[pyarrow]"),
            "data_source": data,
            **nullable,
            **_scene_sources(rows, seed),
            GRAVITY.name: pd.array(gravity, dtype="Int8"),
        }
    )


def _scene_sources(rows: int, seed: int) -> dict[str, Any]:
    """Official columns that the optional fields are made from; the second user of an accident drove another vehicle."""
    rng, number = np.random.default_rng((seed, rows)), np.arange(rows)
    codes = {
        "an_nais": rng.integers(1930, 2020, rows),
        "catv": rng.choice([7, 33, 1], rows),
        "agg": rng.integers(1, 3, rows),
        "int": rng.integers(1, 10, rows),
        "vma": rng.choice([30, 50, 80], rows),
        "secu1": rng.choice([0, 1, 2], rows),
        "manv": rng.integers(1, 27, rows),
        "obs": rng.integers(0, 18, rows),
        "obsm": rng.choice([0, 1, 2], rows),
        "choc": rng.integers(0, 10, rows),
        "nbv": rng.integers(1, 5, rows),
    }
    return {
        **{name: pd.array(values, dtype="Int16") for name, values in codes.items()},
        **{name: pd.array([None] * rows, dtype="Int16") for name in ("secu", "secu2", "secu3")},
        "hrmn": pd.array([f"{hour:02d}:30" for hour in rng.integers(0, 24, rows)], dtype="string[pyarrow]"),
        "id_vehicule": pd.array([f"{one:09d}" for one in number], dtype="string[pyarrow]"),
        "num_veh": pd.array(["AB"[one % 2] + "01" for one in number], dtype="string[pyarrow]"),
        "dep": pd.array(["75"] * rows, dtype="string[pyarrow]"),
    }


def make_feature_rows(days: Sequence[date], per_day: int, *, seed: int = 1, data: str = "official") -> pd.DataFrame:
    """Rows as ``features`` holds them: every code known, as many marked synthetic as real, no noise."""
    real = labelled_codes(make_users(days, per_day, seed=seed, data=data))
    real[list(CHAIN_COLUMNS)] = draw_matrix(len(real), seed=seed)
    codes = draw_codes_frame(len(real), seed=seed + 1)
    keys = pd.DataFrame(
        {
            "day": real["day"],
            "num_acc": "S" + real["day"].dt.strftime("%Y%m%d"),
            "user_key": [f"s{number:05d}" for number in range(len(real))],
            "synthetic": True,
            "data_source": data,
        }
    )
    generated = pd.concat([keys, codes, unknown_scene(len(codes))], axis=1)[list(MIX_COLUMNS)]
    rows = pd.concat([real, generated], ignore_index=True)
    return rows.assign(**{FILLED: np.int16(0), NOISE: 0.0})


def fit_small(rows: pd.DataFrame, *, trees: int = 5, max_depth: int = 15, seed: int = 42) -> Pipeline:
    """A real forest, but a small one."""
    settings = ForestSettings(n_estimators=trees, max_depth=max_depth, random_state=seed)
    return fit_forest(rows, settings, threads=1)


def ask_pipeline(pipeline: Pipeline, rows: FeatureMatrix) -> npt.NDArray[np.float64]:
    """Probability of a severe injury as scikit-learn gives it."""
    return np.asarray(pipeline.predict_proba(rows)[:, 1], dtype=np.float64)


def make_facts(**changes: Any) -> Facts:
    """What a manifest tells of a small model."""
    known: dict[str, Any] = {
        "model_name": MODEL_NAME,
        "features": FEATURE_NAMES,
        "threshold": 0.5,
        "data": DATA_DEMONSTRATION,
        "training_window": Window(first_day=date(2024, 1, 1), last_day=date(2024, 8, 31)),
        "evaluation_window": Window(first_day=date(2024, 9, 1), last_day=date(2024, 10, 1)),
        "metrics": {"roc_auc": 0.75},
        "code_version": "0.1.0",
        "libraries": {"numpy": "2"},
        "created_at": datetime(2024, 10, 2, 3, 0, tzinfo=UTC),
    }
    return Facts(**(known | changes))
