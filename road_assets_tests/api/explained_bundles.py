"""Bundles of small real models, which explain themselves."""

from functools import cache
from typing import Any

from road_assets.core.bundle import pack
from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.families.forest import CalibratedForestSettings
from road_assets.core.model_input import known_scenes
from road_assets_tests.core.core_frames import FIRST_DAY, days_from, make_facts, make_feature_rows

SMALL_BOOSTING = BoostingSettings(max_iter=12, alone_max_iter=8, learning_rate=0.2, min_samples_leaf=10)
SMALL_FOREST = CalibratedForestSettings(n_estimators=8, max_depth=6)


@cache
def make_explained_bundle(family: str = "boosting", *, seed: int = 1) -> dict[str, bytes]:
    """Make a bundle of a model that a seed makes different."""
    settings: Any = SMALL_BOOSTING if family == "boosting" else SMALL_FOREST
    model = settings.fit(make_feature_rows(days_from(FIRST_DAY, 20), 40, seed=seed), threads=1)
    questions = known_scenes(20, seed=1)[:, : len(model.features)]
    facts = make_facts(features=model.features, family=family)
    return pack(model.to_graph(), questions, model.predict(questions), facts, model.to_explanation())
