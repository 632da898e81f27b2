"""The platform on the official files of 2024, where they are at hand: its whole graph has run, with every family."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from road_assets.assets import model
from road_assets.core.candidate import Candidate, train_candidate
from road_assets_tests.conftest import Platform, serve_mlflow

FIRST, LAST = date(2024, 1, 1), date(2024, 10, 31)
FAMILIES: Final = ("forest", "boosting")


@dataclass(frozen=True)
class Real:
    """The platform, and what only the process that trained knows.

    Attributes:
        platform: after all of its jobs.
        candidates: as they were fitted, with scikit-learn's own objects, by family.
    """

    platform: Platform
    candidates: dict[str, Candidate] = field(default_factory=dict)


@pytest.fixture(scope="session")
def trained(make_platform: Callable[..., Platform], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """Run everything once; the candidates are kept on their way to MLflow."""
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        pytest.skip("ROAD_RELEASES_DIR is not set; it names the official files of 2024")
    with (
        serve_mlflow(tmp_path_factory.mktemp("mlflow-real")) as mlflow,  # a registry with no other models
        pytest.MonkeyPatch.context() as patch,
    ):
        real = Real(make_platform(releases=Path(named), mlflow=mlflow, candidates=FAMILIES))

        def train_and_keep(*given: Any, **options: Any) -> Candidate:
            candidate = train_candidate(*given, **options)
            real.candidates[candidate.facts.family] = candidate
            return candidate

        patch.setattr(model, "train_candidate", train_and_keep)
        runs = (
            real.platform.run("release_job", "2024"),
            real.platform.run("ingest_job", FIRST, LAST),
            real.platform.run("training_job", LAST),
            real.platform.run("drift_job", FIRST, LAST),
        )
        assert [run.success for run in runs] == [True] * len(runs)
        yield real


@pytest.fixture(scope="session")
def real(trained: Real) -> Platform:
    """The platform alone."""
    return trained.platform
