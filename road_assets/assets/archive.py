"""The archive of promoted models, as an asset; off unless ``ROAD_ARCHIVE_REPOSITORY`` names a repository."""

from collections.abc import Iterator
from typing import Final

import dagster as dg

from road_assets.asset_names import MODEL_ARCHIVE, PRODUCTION_MODEL
from road_assets.assets.common import OWNERS
from road_assets.core.archive import ArchivedModel
from road_assets.partitions import DAILY
from road_assets.reporting.metadata import figures_table
from road_assets.resources.archive.model_archive import Archived, ModelArchive
from road_assets.resources.model_registry import BUNDLE_FOLDER, REFERENCE_FOLDER, ModelRegistry
from road_assets.resources.subprocesses import CommandError
from road_assets.settings import SettingsError

PUSHED: Final = "pushed"

_Result = dg.MaterializeResult[None] | dg.AssetCheckResult


@dg.asset(
    name=MODEL_ARCHIVE,
    partitions_def=DAILY,
    deps=[PRODUCTION_MODEL],
    group_name="model",
    owners=OWNERS,
    kinds={"git", "dvc"},
    output_required=False,
    check_specs=[
        dg.AssetCheckSpec(
            PUSHED,
            asset=MODEL_ARCHIVE,
            description="What is committed has reached the remotes that are set, data included.",
        )
    ],
    description=(
        "The model in production under DVC and git: its bundle and reference data, a commit and a tag that name "
        "version, figures and data. Skipped without ROAD_ARCHIVE_REPOSITORY, and if it is there already. A push that "
        "fails is a warning: the promotion stays, and the next run pushes."
    ),
)
def model_archive(
    context: dg.AssetExecutionContext, registry: ModelRegistry, archive: ModelArchive
) -> Iterator[_Result]:
    """Archive the model in production, unless it is archived already."""
    try:
        if archive.settings().repository is None:
            yield from _skip(context, "the archive is off: ROAD_ARCHIVE_REPOSITORY is not set")
            return
        model = registry.production()
        if model is None:
            yield from _skip(context, "nothing was promoted yet")
            return
        reference = registry.run_files(model.run_id, REFERENCE_FOLDER)
        bundle = registry.bundle_files(model)
        known = ArchivedModel(model.version, model.run_id, bundle=bundle, reference=reference)
        archived = archive.store(known, context.log.info)
    except (SettingsError, CommandError) as error:
        raise dg.Failure(f"not archived: {error}", allow_retries=False) from error
    if not archived.changed:
        yield from _skip(context, f"version {model.version} is in {archived.repository} already: {archived.commit}")
        return
    yield dg.MaterializeResult(
        metadata={
            "model version": dg.MetadataValue.url(registry.version_url(model.version)),
            "repository": str(archived.repository),
            "commit": archived.commit,
            "tag": archived.tag,
            "pushed to": ", ".join(archived.remotes) if archived.remotes and not archived.problem else "nowhere",
            "bytes by folder": figures_table(
                {
                    BUNDLE_FOLDER: float(sum(map(len, bundle.values()))),
                    REFERENCE_FOLDER: float(sum(map(len, reference.values()))),
                }
            ),
            "to have it back": dg.MetadataValue.md(f"`git checkout {archived.tag} && dvc pull`"),
        }
    )
    yield _pushed(archived)


def _skip(context: dg.AssetExecutionContext, reason: str) -> Iterator[_Result]:
    """Yield no materialization, but a passed check with the reason."""
    context.log.info("skipped: %s", reason)
    yield dg.AssetCheckResult(check_name=PUSHED, passed=True, description=reason)


def _pushed(archived: Archived) -> dg.AssetCheckResult:
    if archived.problem:
        said = f"committed, but not pushed: {archived.problem}\nThe next run of {MODEL_ARCHIVE} pushes it."
    elif archived.remotes:
        said = f"pushed to {' and '.join(archived.remotes)}"
    else:
        said = "no remote is set, so the commit and its data are on this machine alone"
    return dg.AssetCheckResult(
        check_name=PUSHED, passed=archived.problem is None, severity=dg.AssetCheckSeverity.WARN, description=said
    )
