"""The card of the model in production, as an asset."""

from collections.abc import Iterator
from typing import Final

import dagster as dg

from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.assets.common import OWNERS
from road_assets.core.model_card import write_card
from road_assets.core.model_card_labels import CARD_FOLDER, card_file
from road_assets.partitions import DAILY
from road_assets.resources.model_registry import ModelRegistry

PLOTS_FOLDER: Final = "plots"
"""Where ``severity_model`` logs its pictures."""

_PNG: Final = ".png"


@dg.asset(
    partitions_def=DAILY,
    deps=[PRODUCTION_MODEL],
    group_name="model",
    owners=OWNERS,
    kinds={"markdown", "mlflow"},
    output_required=False,
    description=(
        "What the model in production is for, what it reached and where it fails, in French and English; logged beside "
        "the bundle, served at /model."
    ),
)
def model_card(context: dg.AssetExecutionContext, registry: ModelRegistry) -> Iterator[dg.MaterializeResult[None]]:
    """Write the card from the bundle's manifest; writing it again gives the same files."""
    model = registry.production()
    if model is None:
        context.log.info("skipped: nothing was promoted yet")
        return
    plots = {
        name.removesuffix(_PNG): content
        for name, content in registry.run_files(model.run_id, PLOTS_FOLDER).items()
        if name.endswith(_PNG)
    }
    files = write_card(model.manifest, str(model.version), plots)
    registry.log_run_files(model.run_id, CARD_FOLDER, files)
    yield dg.MaterializeResult(
        metadata={
            "model version": dg.MetadataValue.url(registry.version_url(model.version)),
            "card": dg.MetadataValue.url(f"{registry.run_url(model.run_id)}/artifacts/{CARD_FOLDER}"),
            "model card": dg.MetadataValue.md(files[card_file("en", "md")].decode()),
            "fiche du modèle": dg.MetadataValue.md(files[card_file("fr", "md")].decode()),
        }
    )
