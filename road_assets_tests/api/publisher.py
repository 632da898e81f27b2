"""Bundles published to a real MLflow as the platform does it, for whoever moves the production pointer in tests."""

import tempfile
from pathlib import Path
from typing import Final

import mlflow

from road_api.services.model_registry import BUNDLE_FOLDER
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS


class Publisher:
    """Adds versions to a registry and points production at them."""

    def __init__(self, uri: str) -> None:
        """Use the server of an address."""
        self.client: Final = mlflow.MlflowClient(uri)

    def add(self, bundle: dict[str, bytes]) -> str:
        """Register a version, and return its number."""
        run_id = self.client.create_run("0").info.run_id
        with tempfile.TemporaryDirectory() as folder:
            for name, content in bundle.items():
                Path(folder, name).write_bytes(content)
            self.client.log_artifacts(run_id, folder, BUNDLE_FOLDER)
        if not self.client.search_registered_models(f"name='{MODEL_NAME}'"):
            self.client.create_registered_model(MODEL_NAME)
        version = self.client.create_model_version(MODEL_NAME, f"runs:/{run_id}/{BUNDLE_FOLDER}", run_id).version
        return str(version)

    def promote(self, version: str) -> None:
        """Point production at a version."""
        self.client.set_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS, version)
