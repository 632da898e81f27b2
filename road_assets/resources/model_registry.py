"""MLflow's registry: where candidates are published and where the production pointer is.

MLflow is imported inside the functions: it takes seconds, which nobody should pay who only opens Dagster's pages.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg
import numpy as np
import pandas as pd

from road_assets.core.bundle import BUNDLE_FILES, MANIFEST_FILE, Manifest, read_manifest
from road_assets.core.candidate import Candidate
from road_assets.core.drift import CodeCounts
from road_assets.core.metrics import DECIDING_METRIC
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE_FOLDER: Final = "bundle"
REFERENCE_FOLDER: Final = "reference"
_COUNTS_FILE: Final = "counts.json"
_SAMPLE_FILE: Final = "sample.parquet"
AS_OF_TAG: Final = "as_of"
BEST_MODEL_TAG: Final = "best_model"


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version of the model in the registry.

    Attributes:
        version: its number.
        run_id: MLflow run that trained it and holds its files.
        as_of: last day that was known when it was trained.
        manifest: what it is.
    """

    version: int
    run_id: str
    as_of: date
    manifest: Manifest


class NoModelError(LookupError):
    """The registry holds no such model."""


class ModelRegistry(dg.ConfigurableResource):
    """Reads versions and moves the pointer.

    Attributes:
        tracking_uri: MLflow's address, as seen from here.
        public_url: MLflow's address as a browser reaches it, for links.
    """

    tracking_uri: str
    public_url: str

    def client(self) -> "MlflowClient":
        """MLflow's own client for this registry."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri)

    def register(self, run_id: str, as_of: date) -> int:
        """Make the bundle that a run logged a version of the model.

        Args:
            run_id: MLflow run with the bundle's folder.
            as_of: last day that was known when it was trained.

        Returns:
            The version's number.
        """
        client = self.client()
        if not client.search_registered_models(filter_string=f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME, description="Is a user of this accident severely hurt?")
        tags = {AS_OF_TAG: as_of.isoformat()}
        registered = client.create_model_version(MODEL_NAME, f"runs:/{run_id}/{BUNDLE_FOLDER}", run_id, tags=tags)
        return int(registered.version)

    def production(self) -> RegisteredModel | None:
        """The version that answers, or None before the first promotion."""
        client = self.client()
        found = client.search_registered_models(filter_string=f"name = '{MODEL_NAME}'")
        aliases = client.get_registered_model(MODEL_NAME).aliases if found else {}
        return self.version(int(aliases[PRODUCTION_ALIAS])) if PRODUCTION_ALIAS in aliases else None

    def newest_as_of(self, day: date) -> RegisteredModel:
        """The version trained last as of a day.

        Raises:
            NoModelError: none was.
        """
        versions = self.client().search_model_versions(
            f"name = '{MODEL_NAME}' and tag.{AS_OF_TAG} = '{day.isoformat()}'"
        )
        if not versions:
            raise NoModelError(f"no model was trained as of {day}; materialize severity_model for {day} first")
        return self.version(max(int(found.version) for found in versions))

    def version(self, number: int) -> RegisteredModel:
        """One version with its manifest."""
        found = self.client().get_model_version(MODEL_NAME, str(number))
        files = self._download(found.run_id, BUNDLE_FOLDER, (MANIFEST_FILE,))
        return RegisteredModel(number, found.run_id, date.fromisoformat(found.tags[AS_OF_TAG]), read_manifest(files))

    def bundle_files(self, model: RegisteredModel) -> dict[str, bytes]:
        """The serving bundle of a version."""
        return self._download(model.run_id, BUNDLE_FOLDER, BUNDLE_FILES)

    def reference_counts(self, model: RegisteredModel) -> CodeCounts:
        """What drift is measured against, frozen when the version was trained."""
        content = self._download(model.run_id, REFERENCE_FOLDER, (_COUNTS_FILE,))[_COUNTS_FILE]
        return {name: np.array(counts, dtype=np.int64) for name, counts in json.loads(content).items()}

    def reference_sample(self, model: RegisteredModel) -> pd.DataFrame:
        """Some real training rows of a version, for pictures."""
        with tempfile.TemporaryDirectory() as folder:
            return pd.read_parquet(self._fetch(model.run_id, f"{REFERENCE_FOLDER}/{_SAMPLE_FILE}", folder))

    def promote(self, model: RegisteredModel) -> None:
        """Move the production pointer, then the tag that says by which metric the version won.

        The alias moves in one step; a reader meets the old version or the new one.
        """
        client = self.client()
        client.set_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS, str(model.version))
        for other in client.search_model_versions(f"name = '{MODEL_NAME}'"):
            if BEST_MODEL_TAG in other.tags and int(other.version) != model.version:
                client.delete_model_version_tag(MODEL_NAME, other.version, BEST_MODEL_TAG)
        won_by = f"{DECIDING_METRIC}={model.manifest.metrics[DECIDING_METRIC]:.4f}"
        client.set_model_version_tag(MODEL_NAME, str(model.version), BEST_MODEL_TAG, won_by)

    def run_url(self, run_id: str) -> str:
        """The page of an MLflow run."""
        experiment = self.client().get_run(run_id).info.experiment_id
        return f"{self.public_url}/#/experiments/{experiment}/runs/{run_id}"

    def version_url(self, version: int) -> str:
        """The page of a version."""
        return f"{self.public_url}/#/models/{MODEL_NAME}/versions/{version}"

    def _download(self, run_id: str, folder: str, names: tuple[str, ...]) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as target:
            return {name: self._fetch(run_id, f"{folder}/{name}", target).read_bytes() for name in names}

    def _fetch(self, run_id: str, path: str, folder: str) -> Path:
        from mlflow.artifacts import download_artifacts

        return Path(
            download_artifacts(run_id=run_id, artifact_path=path, dst_path=folder, tracking_uri=self.tracking_uri)
        )


def write_model_folder(candidate: Candidate, folder: Path) -> None:
    """Lay out a candidate's bundle as an MLflow model, so that both the service and MLflow's own tools can load it.

    Args:
        candidate: what to write.
        folder: created here; afterwards it holds the bundle's files, and MLflow's description of the ONNX model with
            its signature.
    """
    import mlflow.onnx
    import onnx
    from mlflow.models import infer_signature

    from road_assets.core.bundle import GRAPH_FILE, GRAPH_OUTPUT
    from road_assets.core.training import known_questions

    example = known_questions(3, seed=0)
    mlflow.onnx.save_model(
        onnx.load_model_from_string(candidate.files[GRAPH_FILE]),
        str(folder),
        signature=infer_signature(example, {GRAPH_OUTPUT: candidate.probabilities[:3]}),
        pip_requirements=["onnxruntime", "numpy"],
        save_as_external_data=False,
    )
    _write_files(folder, candidate.files)


def write_reference_folder(candidate: Candidate, folder: Path) -> None:
    """Write what drift will be measured against while this candidate serves."""
    folder.mkdir(parents=True)
    counts = {name: counted.tolist() for name, counted in candidate.reference.items()}
    _write_files(folder, {_COUNTS_FILE: json.dumps(counts).encode()})
    candidate.reference_sample.to_parquet(folder / _SAMPLE_FILE, index=False)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
