"""Tables in Postgres that dashboards read: accidents, and figures of the models."""

from typing import Final

import dagster as dg
import pandas as pd

from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.partitions import DAILY, to_day, to_days
from road_assets.reporting.metadata import figures_table, keep_large_for_last_day, preview, rows_per_day
from road_assets.resources.database import Database
from road_assets.resources.decisions import NONE_IN_PRODUCTION
from road_assets.resources.model_registry import ModelRegistry

_SUM_UP: Final = "SELECT refresh_accident_figures(%s::date[])"
"""Updates the sums that dashboards read; migration 0011 creates the function."""


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    group_name="tables",
    owners=OWNERS,
    kinds={"postgres"},
    description=(
        "Table accidents: real rows only, one per user, columns named as in the codebook, in lower case; and sums of "
        "them for dashboards, accident_figures and accident_squares."
    ),
)
def accidents_table(
    context: dg.AssetExecutionContext, raw_accidents: pd.DataFrame, database: Database
) -> dg.MaterializeResult:
    """Rewrite the window's rows, and the sums that dashboards read, in one transaction."""
    database.replace_days("accidents", raw_accidents, to_days(list(context.partition_keys)), then=_SUM_UP)
    metadata = {
        "dagster/row_count": len(raw_accidents),
        "dagster/table_name": "public.accidents",
        "accidents": int(raw_accidents["num_acc"].nunique()),
        "users per day": rows_per_day(raw_accidents["day"]),
        "preview": preview(raw_accidents),
    }
    return dg.MaterializeResult(metadata=keep_large_for_last_day(context, metadata))


@dg.asset(
    partitions_def=DAILY,
    deps=[PRODUCTION_MODEL],
    group_name="tables",
    owners=OWNERS,
    kinds={"postgres"},
    description="Table model_metrics: every registered model with what it reached, and which one is in production.",
)
def model_metrics_table(
    context: dg.AssetExecutionContext, database: Database, registry: ModelRegistry
) -> dg.MaterializeResult:
    """Write the rows of the day's candidates and of the model in production, whose state may have changed."""
    trained, production = registry.candidates_as_of(to_day(context.partition_key)), registry.production()
    models = {model.version: model for model in (*trained, production) if model is not None}
    rows = pd.DataFrame(
        [
            {
                "model_version": model.version,
                "as_of": model.as_of,
                "mlflow_run_id": model.run_id,
                "in_production": production is not None and model.version == production.version,
                "training_first_day": model.manifest.training_window.first_day,
                "training_last_day": model.manifest.training_window.last_day,
                "evaluation_first_day": model.manifest.evaluation_window.first_day,
                "evaluation_last_day": model.manifest.evaluation_window.last_day,
                **model.manifest.metrics,
                "data_source": model.manifest.data,
                "trained_at": model.manifest.created_at,
            }
            for model in models.values()
        ]
    )
    database.replace_rows("model_metrics", rows, "model_version", first=NONE_IN_PRODUCTION)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "dagster/table_name": "public.model_metrics",
            "figures of the model in production": figures_table((production or trained[-1]).manifest.metrics),
        }
    )
