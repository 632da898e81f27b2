"""Versions in a real registry that have a manifest and no model: enough for whatever moves the pointer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest

from road_assets.core.bundle import MANIFEST_FILE
from road_assets.core.manifest import Manifest, Window
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, MODEL_NAME
from road_assets.resources import model_registry
from road_assets.resources.model_registry import BUNDLE_FOLDER, ModelRegistry

AS_OF = date(2024, 9, 30)


@contextmanager
def registry_of_its_own(url: str, name: str) -> Iterator[ModelRegistry]:
    """A registered model of its own on a server that others use too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_registry, "MODEL_NAME", name)
        yield ModelRegistry(tracking_uri=url, public_url=url)


def register(registry: ModelRegistry, as_of: date = AS_OF) -> int:
    """Add a version."""
    manifest = Manifest(
        model_name=MODEL_NAME,
        features=FEATURE_NAMES,
        threshold=0.5,
        data=DATA_DEMONSTRATION,
        training_window=Window(first_day=date(2024, 1, 1), last_day=date(2024, 8, 30)),
        evaluation_window=Window(first_day=date(2024, 8, 31), last_day=as_of),
        metrics={"roc_auc": 0.7},
        code_version="0",
        libraries={},
        created_at=datetime(2024, 10, 1, tzinfo=UTC),
        sha256={},
    )
    client = registry.client()
    run = client.create_run("0").info.run_id
    client.log_text(run, manifest.model_dump_json(), f"{BUNDLE_FOLDER}/{MANIFEST_FILE}")
    return registry.register(run, as_of)
