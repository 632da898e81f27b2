"""Shared by the tests of the core."""

import pytest
from hypothesis import settings
from sklearn.pipeline import Pipeline

from road_assets.core.bundle import pack
from road_assets.core.onnx_forest import to_graph
from road_assets_tests.core.altered_bundles import QUESTIONS, Files
from road_assets_tests.core.core_frames import ask_pipeline, draw_codes_frame, fit_small, make_facts

settings.register_profile("busy_machine", deadline=None)  # how long an example takes says nothing about the code
settings.load_profile("busy_machine")


@pytest.fixture(scope="session")
def small_pipeline() -> Pipeline:
    return fit_small(draw_codes_frame(500))


@pytest.fixture(scope="session")
def packed(small_pipeline: Pipeline) -> Files:
    return pack(to_graph(small_pipeline), QUESTIONS, ask_pipeline(small_pipeline, QUESTIONS), make_facts())


@pytest.fixture
def files(packed: Files) -> Files:
    """A good bundle of that pipeline."""
    return dict(packed)
