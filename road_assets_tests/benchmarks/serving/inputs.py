"""Inputs of the benchmark of the service, the same for each server: trained models, and questions about real users.

They are made from the release that ``ROAD_RELEASES_DIR`` names, else from a generated one, and can be kept for the next
run.
"""

import os
import pickle
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from road_api.services.bundle_cache import BundleCache
from road_api.services.model_store import ModelRef
from road_assets.core.bundle import Bundle, FeatureMatrix
from road_assets.core.candidate import train_candidate
from road_assets.core.demonstration import generate_release
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.forest_pipeline import ForestSettings, fit_forest
from road_assets.core.model_input import model_matrix
from road_assets.core.windows import Windows

FOREST_FILE: Final = "forest.pickle"
QUESTIONS_FILE: Final = "questions.npy"
BUNDLE_DIR: Final = "bundle"
REF: Final = ModelRef("1", "benchmark")

YEAR: Final = 2024


@dataclass(frozen=True)
class Scale:
    """Size of data and models; the defaults are those of the platform.

    Attributes:
        accidents: of a generated release.
        last_day: of a generated release.
        boosting: the model of the service.
        forest: the model of *common*.
    """

    accidents: int = 54_000
    last_day: date = date(YEAR, 12, 31)
    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    forest: ForestSettings = field(default_factory=ForestSettings)


@dataclass(frozen=True)
class Inputs:
    """Inputs that were prepared in a folder.

    Attributes:
        folder: that holds them.
        questions: shape (users, 27), NaN where unknown; the users of the release, shuffled.
    """

    folder: Path
    questions: FeatureMatrix

    @property
    def bundle_dir(self) -> Path:
        """State directory of a service that has loaded the bundle before."""
        return self.folder / BUNDLE_DIR

    def open_bundle(self) -> Bundle:
        """Open the bundle, to know the right answers."""
        kept = BundleCache(self.bundle_dir).load()
        assert kept is not None
        return Bundle.open(kept[1])


def load_forest(folder: Path) -> Any:
    """Load the scikit-learn pipeline of *common*, which ``prepare`` wrote."""
    return pickle.loads((folder / FOREST_FILE).read_bytes())  # noqa: S301 - written below


def prepare(folder: Path, scale: Scale | None = None) -> Inputs:
    """Make the inputs, or reuse those of an earlier run."""
    if not (folder / QUESTIONS_FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(folder, scale or Scale())
    return Inputs(folder, np.load(folder / QUESTIONS_FILE))


def _make(folder: Path, scale: Scale) -> None:
    from road_assets_tests.benchmarks.ablation import make_rows

    named = os.environ.get("ROAD_RELEASES_DIR")
    releases = Path(named) if named else _generate(folder / "releases", scale)
    print(f"training on {'the release in ROAD_RELEASES_DIR' if named else 'a generated release'}", file=sys.stderr)
    rows = make_rows(releases, folder / "home")
    everything, real = rows.training, rows.judged
    days = sorted(set(everything["day"].dt.date))
    judged = sorted(set(real["day"].dt.date))
    windows = Windows(tuple(days), tuple(judged))
    candidate = train_candidate(pd.concat([everything, real]), windows, scale.boosting, created_at=datetime.now(UTC))
    BundleCache(folder / BUNDLE_DIR).save(REF, candidate.files)
    forest = fit_forest(everything, scale.forest)
    forest.set_params(forest__n_jobs=1)
    (folder / FOREST_FILE).write_bytes(pickle.dumps(forest))
    users = pd.concat([everything[~everything["synthetic"]], real])
    matrix = model_matrix(users)
    np.save(folder / QUESTIONS_FILE, matrix[np.random.default_rng(1).permutation(len(matrix))])


def _generate(folder: Path, scale: Scale) -> Path:
    """Write a generated release."""
    folder.mkdir(parents=True)
    for name, content in generate_release(YEAR, accidents=scale.accidents, seed=1, last_day=scale.last_day).items():
        (folder / name).write_bytes(content)
    return folder
