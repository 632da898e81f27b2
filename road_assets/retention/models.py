"""Removes old versions of the model: first from the registry, then their files, so that no version lacks its files.

What was measured of them stays: the MLflow run with its figures and plots, ``model_metrics``, ``promotions``, the card.
"""

from datetime import UTC, date, datetime
from typing import Final

import psycopg

from road_assets.core.retention import StoredVersion, former_champions, superfluous
from road_assets.promotion.pointer import hold_pointer
from road_assets.resources import model_registry
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author
from road_assets.resources.model_registry import AS_OF_TAG, BUNDLE_FOLDER, REFERENCE_FOLDER, ModelRegistry
from road_assets.retention.removal import Removal

_FILES_TAG: Final = "model_files"
"""Of the MLflow run that trained a version which went."""

_GOING: Final = "going"
_GONE: Final = "gone"

_UNDECIDED: Final = """
    SELECT v.as_of FROM gate_verdicts v LEFT JOIN promotions p ON p.verdict_id = v.id
    WHERE p.id IS NULL AND v.challenger IS NOT NULL
      AND v.id = (SELECT max(id) FROM gate_verdicts WHERE as_of = v.as_of)
"""
"""Days whose newest verdict nobody has acted upon."""


def remove_models(
    database: Database, registry: ModelRegistry, oldest: datetime, former: int, *, dry_run: bool
) -> Removal:
    """Remove versions that were registered before a moment, and their bundles.

    What is in production stays, and what may come back, and candidates of the newest day or that wait for a decision.

    Args:
        database: the platform's tables.
        registry: the model registry.
        oldest: versions registered since then stay.
        former: how many champions before the present one may come back.
        dry_run: only say what would be done.

    Raises:
        PointerError: somebody else is promoting for too long.
    """
    removal = Removal("models")
    with hold_pointer(database, registry, Author("retention_job")) as pointer:  # nobody is promoted meanwhile
        needed = {pointer.version(), registry.production_version(), *former_champions(pointer.history(), former)}
        goes, removal.kept = superfluous(
            _versions(registry), {number for number in needed if number}, _undecided_days(pointer.connection), oldest
        )
        removal.removed = [f"version {number}" for number in goes]
        if not dry_run:
            for number in goes:
                _remove(registry, number)
            _remove_files(registry)
    return removal


def _versions(registry: ModelRegistry) -> list[StoredVersion]:
    found = registry.client().search_model_versions(f"name = '{model_registry.MODEL_NAME}'")
    return [
        StoredVersion(
            int(version.version),
            datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            date.fromisoformat(version.tags[AS_OF_TAG]),
        )
        for version in found
        if AS_OF_TAG in version.tags  # else somebody else has registered it
    ]


def _undecided_days(connection: psycopg.Connection) -> set[date]:
    return {day for (day,) in connection.execute(_UNDECIDED)}


def _remove(registry: ModelRegistry, number: int) -> None:
    """Take a version out of the registry; its files follow, now or, after a kill, the next time."""
    client = registry.client()
    client.set_tag(registry.version(number).run_id, _FILES_TAG, _GOING)
    client.delete_model_version(model_registry.MODEL_NAME, str(number))


def _remove_files(registry: ModelRegistry) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = registry.client()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(experiments, f"tags.{_FILES_TAG} = '{_GOING}'"):
        files = get_artifact_repository(run.info.artifact_uri, tracking_uri=registry.tracking_uri)
        for folder in (BUNDLE_FOLDER, REFERENCE_FOLDER):
            files.delete_artifacts(folder)
        client.set_tag(run.info.run_id, _FILES_TAG, _GONE)
