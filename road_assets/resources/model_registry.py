"""MLflow's model registry: versions of the model, and the alias that points at the one in production.

MLflow is imported inside the functions, since that takes seconds: Dagster's pages are to open quickly.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg
import pandas as pd

from road_assets.core.bundle import MANIFEST_FILE, files_of, read_manifest
from road_assets.core.candidate import Candidate
from road_assets.core.drift import CodeCounts
from road_assets.core.drift_reference import DriftReference, read_counts, read_reference
from road_assets.core.manifest import Manifest
from road_assets.core.metrics import DECIDING_METRIC
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

BUNDLE_FOLDER: Final = "bundle"
REFERENCE_FOLDER: Final = "reference"
_DRIFT_FILE: Final = "drift.json"
_COUNTS_FILE: Final = "counts.json"
"""Instead of the former, in versions trained before accidents became the unit of drift."""

_SAMPLE_FILE: Final = "sample.parquet"
AS_OF_TAG: Final = "as_of"
FAMILY_TAG: Final = "family"
FIRST_FAMILY: Final = "forest"
"""Family of the versions that were registered before there was a tag."""
BEST_MODEL_TAG: Final = "best_model"
_LONGEST_TAG: Final = 5000


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version of the model in the registry.

    Attributes:
        version: its number.
        run_id: MLflow run that trained it and holds its files.
        as_of: last day that was known when it was trained.
        manifest: what it is.
        family: kind of model.
    """

    version: int
    run_id: str
    as_of: date
    manifest: Manifest
    family: str = FIRST_FAMILY


class NoModelError(LookupError):
    """The registry holds no such model."""


class ModelRegistry(dg.ConfigurableResource):
    """Reads versions and moves the production alias.

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

    def register(self, run_id: str, as_of: date, family: str = FIRST_FAMILY) -> int:
        """Make the bundle that a run logged a version of the model.

        Args:
            run_id: MLflow run with the bundle's folder.
            as_of: last day that was known when it was trained.
            family: kind of model.

        Returns:
            The version's number.
        """
        client = self.client()
        if not client.search_registered_models(filter_string=f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME, description="Is a user of this accident severely hurt?")
        tags = {AS_OF_TAG: as_of.isoformat(), FAMILY_TAG: family}
        registered = client.create_model_version(MODEL_NAME, f"runs:/{run_id}/{BUNDLE_FOLDER}", run_id, tags=tags)
        return int(registered.version)

    def production(self) -> RegisteredModel | None:
        """The version that answers, or None before the first promotion."""
        number = self.production_version()
        return None if number is None else self.version(number)

    def production_version(self) -> int | None:
        """Number of the version that the production alias points at."""
        client = self.client()
        found = client.search_registered_models(filter_string=f"name = '{MODEL_NAME}'")
        aliases = client.get_registered_model(MODEL_NAME).aliases if found else {}
        return int(aliases[PRODUCTION_ALIAS]) if PRODUCTION_ALIAS in aliases else None

    def candidates_as_of(self, day: date) -> list[RegisteredModel]:
        """The versions that stand for promotion as of a day: of each family the one trained last, oldest first.

        Raises:
            NoModelError: none was trained.
        """
        versions = self.client().search_model_versions(
            f"name = '{MODEL_NAME}' and tag.{AS_OF_TAG} = '{day.isoformat()}'"
        )
        if not versions:
            raise NoModelError(f"no model was trained as of {day}; materialize severity_model for {day} first")
        in_order = sorted(versions, key=lambda found: int(found.version))
        newest = {_family(found): int(found.version) for found in in_order}
        return [self.version(number) for number in sorted(newest.values())]

    def holds(self, number: int) -> bool:
        """Whether there is such a version."""
        return bool(self.client().search_model_versions(f"name = '{MODEL_NAME}' and version_number = {number}"))

    def version(self, number: int) -> RegisteredModel:
        """One version with its manifest."""
        found = self.client().get_model_version(MODEL_NAME, str(number))
        files = self._download(found.run_id, BUNDLE_FOLDER, (MANIFEST_FILE,))
        as_of = date.fromisoformat(found.tags[AS_OF_TAG])
        return RegisteredModel(number, found.run_id, as_of, read_manifest(files), _family(found))

    def note(self, model: RegisteredModel, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        """Add tags to a version, and metrics to its run.

        Args:
            model: the version.
            tags: of the version; cut where MLflow would refuse them for their length.
            metrics: of the run that trained it.
        """
        client = self.client()
        for name, value in tags.items():
            client.set_model_version_tag(MODEL_NAME, str(model.version), name, value[:_LONGEST_TAG])
        for name, figure in metrics.items():
            client.log_metric(model.run_id, name, figure)

    def bundle_files(self, model: RegisteredModel) -> dict[str, bytes]:
        """The serving bundle of a version."""
        return self._download(model.run_id, BUNDLE_FOLDER, files_of(model.manifest))

    def drift_reference(self, model: RegisteredModel) -> DriftReference:
        """What drift is measured against, frozen when the version was trained."""
        stored = {Path(found.path).name for found in self.client().list_artifacts(model.run_id, REFERENCE_FOLDER)}
        name, read = (_DRIFT_FILE, read_reference) if _DRIFT_FILE in stored else (_COUNTS_FILE, read_counts)
        return read(self._download(model.run_id, REFERENCE_FOLDER, (name,))[name])

    def reference_counts(self, model: RegisteredModel) -> CodeCounts:
        """The real training rows of a version per code of the 13 features."""
        return self.drift_reference(model).codes

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

    def run_files(self, run_id: str, folder: str) -> dict[str, bytes]:
        """Every file that a run logged in a folder, by name; empty if it logged none there."""
        names = [
            file.path.rpartition("/")[2] for file in self.client().list_artifacts(run_id, folder) if not file.is_dir
        ]
        return self._download(run_id, folder, tuple(names))

    def log_run_files(self, run_id: str, folder: str, files: Mapping[str, bytes]) -> None:
        """Log files beside those of a run; files of the same name are replaced."""
        with tempfile.TemporaryDirectory() as source:
            _write_files(Path(source), files)
            self.client().log_artifacts(run_id, source, folder)

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


def _family(version: "ModelVersion") -> str:
    return str(version.tags.get(FAMILY_TAG, FIRST_FAMILY))


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

    from road_assets.core.bundle import GRAPH_FILE, GRAPH_INPUT, GRAPH_OUTPUT
    from road_assets.core.model_input import known_scenes

    example = known_scenes(3, seed=0)[:, : len(candidate.facts.features)]
    mlflow.onnx.save_model(
        onnx.load_model_from_string(candidate.files[GRAPH_FILE]),
        str(folder),
        signature=infer_signature({GRAPH_INPUT: example}, {GRAPH_OUTPUT: candidate.model.predict(example)}),
        input_example={GRAPH_INPUT: example},
        pip_requirements=["onnxruntime", "numpy"],
        save_as_external_data=False,
    )
    _write_files(folder, candidate.files)


def write_reference_folder(candidate: Candidate, folder: Path) -> None:
    """Write what drift will be measured against while this candidate serves."""
    folder.mkdir(parents=True)
    _write_files(folder, {_DRIFT_FILE: candidate.reference.to_json().encode()})
    candidate.reference_sample.to_parquet(folder / _SAMPLE_FILE, index=False)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
