"""Tag, record and commit message of an archived model; ``resources.archive`` stores it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from road_assets.core.bundle import MANIFEST_FILE, read_manifest
from road_assets.core.manifest import Manifest

RECORD_FILE: Final = "model.json"
"""File in git beside DVC's pointer files: the facts about the model, readable without fetching data."""

_FIGURES: Final = (
    "roc_auc",
    "average_precision",
    "brier",
    "calibration_error",
    "balanced_accuracy",
    "accuracy",
    "constant_accuracy",
)


@dataclass(frozen=True, slots=True)
class ArchivedModel:
    """A version of the model with all files to archive.

    Attributes:
        version: in the registry.
        run_id: MLflow run that trained it.
        bundle: files of its bundle.
        reference: files of its drift reference.
    """

    version: int
    run_id: str
    bundle: Mapping[str, bytes]
    reference: Mapping[str, bytes]

    @property
    def manifest(self) -> Manifest:
        """Facts about the model."""
        return read_manifest(self.bundle)

    @property
    def tag(self) -> str:
        """Name of this content. It has a hash, since a new registry counts its versions from 1 again."""
        digest = hashlib.sha256(self.bundle[MANIFEST_FILE]).hexdigest()
        return f"{self.manifest.model_name}-v{self.version}-{digest[:8]}"

    def record(self) -> bytes:
        """Content of the record file; the same model gives the same bytes."""
        files = {
            f"{folder}/{name}": hashlib.sha256(content).hexdigest()
            for folder, contents in (("bundle", self.bundle), ("reference", self.reference))
            for name, content in sorted(contents.items())
        }
        told = self.manifest.model_dump(
            mode="json",
            include={
                "model_name",
                "family",
                "data",
                "data_versions",
                "training_window",
                "evaluation_window",
                "metrics",
            },
        )
        content = {"version": self.version, "run_id": self.run_id, "tag": self.tag, **told, "sha256": files}
        return (json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()

    def message(self) -> str:
        """Message of commit and tag: version, figures and data, with trailers for programs."""
        manifest = self.manifest
        judged, trained = manifest.evaluation_window, manifest.training_window
        figures = [f"- {name}: {manifest.metrics[name]:.4f}" for name in _FIGURES if name in manifest.metrics]
        return "\n".join(
            [
                f"Archive {manifest.model_name} version {self.version}",
                "",
                f"Reached on the real users of {judged.first_day} to {judged.last_day}, which it has not seen:",
                "",
                *figures,
                "",
                f"Model-Version: {self.version}",
                f"Model-Family: {manifest.family}",
                f"MLflow-Run: {self.run_id}",
                f"Trained-On: {trained.first_day} to {trained.last_day}",
                f"Data: {manifest.data}",
                *(f"Data-Version: {name} {version}" for name, version in sorted(manifest.data_versions.items())),
                "",
            ]
        )
