"""The op and job of a rollback, which people request; it materializes no asset."""

import getpass

import dagster as dg
from pydantic import Field

from road_assets import run_tags
from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.promotion.rollback import roll_back
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author
from road_assets.resources.model_registry import ModelRegistry
from road_assets.step_retries import retry_on_connection_loss


class RollbackConfig(dg.Config):
    """Which version to bring back, and who decides it."""

    version: int | None = Field(default=None, description="Former champion; by default the one before the present one.")
    decided_by: str = Field(
        default="", description="Who decides, and through what; by default the user who runs Dagster."
    )


@dg.op(description="Brings back a former champion, in one step: in the table promotions and in the model registry.")
def rollback(
    context: dg.OpExecutionContext, config: RollbackConfig, database: Database, registry: ModelRegistry
) -> None:
    """Roll back, and show it on the page of ``production_model``."""
    repeated = run_tags.RETRY_NUMBER in context.run.tags
    first_attempt = (context.run.root_run_id if repeated else None) or context.run_id
    author = Author(config.decided_by or f"{getpass.getuser()} (rollback_job)", first_attempt)
    with retry_on_connection_loss():
        done = roll_back(database, registry, config.version, author)
    context.log.info(str(done))
    metadata = {
        "decision": str(done),
        "decided by": author.name,
        "model in production": dg.MetadataValue.url(registry.version_url(done.version)),
    }
    context.log_event(dg.AssetObservation(dg.AssetKey(PRODUCTION_MODEL), description=str(done), metadata=metadata))
    context.add_output_metadata(metadata)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Brings back a former champion; it stays until a better model passes the gate.",
)
def rollback_job() -> None:
    """One step; its config names the version and who decides."""
    rollback()
