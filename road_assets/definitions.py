"""The code location: assets, checks, jobs, schedules, sensors and their resources."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from road_assets.assets.archive import model_archive
from road_assets.assets.drift import drift_report
from road_assets.assets.drift_alert import drift_alert
from road_assets.assets.features import features
from road_assets.assets.live_traffic import live_traffic_drift, predictions
from road_assets.assets.model import severity_model
from road_assets.assets.model_card import model_card
from road_assets.assets.production import production_model
from road_assets.assets.raw import raw_accidents
from road_assets.assets.release import baac_release, release_days
from road_assets.assets.synthetic import synthetic_mix
from road_assets.assets.tables import accidents_table, model_metrics_table
from road_assets.checks.gate import gate
from road_assets.io_managers import ParquetIOManager
from road_assets.jobs import ALL_JOBS
from road_assets.resources.archive.model_archive import ModelArchive
from road_assets.resources.configuration import (
    DriftSettingsResource,
    GateMargins,
    ModelPolicy,
    QualityLimits,
    RetrainingSettings,
)
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.mlflow_run import mlflow_run
from road_assets.resources.model_registry import ModelRegistry
from road_assets.resources.releases.resource import ReleasesResource
from road_assets.resources.reports import Reports
from road_assets.retention.job import retention_schedule
from road_assets.retention.resource import RetentionLimits
from road_assets.retention.settings import RetentionSettings
from road_assets.schedules import daily_schedule
from road_assets.sensors import ALL_SENSORS
from road_assets.settings import DriftSettings, GateSettings, ModelSettings, PlatformSettings

MLFLOW_DEFAULT_URL = "http://127.0.0.1:5000"
DATABASE_PATIENCE_SECONDS = 30.0
"""How long queries wait for Postgres; a restarted server is back before."""

ASSETS = (
    baac_release,
    release_days,
    raw_accidents,
    synthetic_mix,
    features,
    accidents_table,
    severity_model,
    production_model,
    model_card,
    model_archive,
    model_metrics_table,
    drift_report,
    predictions,
    live_traffic_drift,
    drift_alert,
)


def build_resources(settings: PlatformSettings) -> dict[str, Any]:
    """The resources of a platform whose state is under ``settings.home``, its files under ``settings.storage``.

    Secrets stay in the environment until a run needs them.
    """
    lake = Lake(root=f"{settings.storage}/lake")
    limits, models = GateSettings(), ModelSettings()
    mlflow_uri = dg.EnvVar("MLFLOW_TRACKING_URI")
    served = (settings.mlflow_tracking_uri or "").startswith("http")  # a SQLite file has no pages
    mlflow_pages = (
        settings.mlflow_public_url or (settings.mlflow_tracking_uri if served else None) or MLFLOW_DEFAULT_URL
    )
    return {
        "lake": lake,
        "parquet": ParquetIOManager(lake=lake),
        "releases": ReleasesResource(
            home=str(settings.home),
            releases_dir=str(settings.releases_dir) if settings.releases_dir else None,
            data_gouv_url=settings.data_gouv_url,
        ),
        "quality": QualityLimits(max_bad_rows_share=settings.max_bad_rows_share),
        "retraining": RetrainingSettings(
            cooldown_minutes=settings.retraining_cooldown_minutes, attempts=settings.retraining_attempts
        ),
        "retention": RetentionLimits(**RetentionSettings().model_dump()),
        "drift_settings": DriftSettingsResource(**DriftSettings().model_dump()),
        "model_policy": ModelPolicy(candidates=list(models.candidates), missed_case_cost=models.missed_case_cost),
        "gate_margins": GateMargins(
            promotion=limits.gate_margin, calibration=limits.gate_calibration_margin, slices=limits.gate_slice_margin
        ),
        "database": Database(url=dg.EnvVar("ROAD_DATABASE_URL"), patience_seconds=DATABASE_PATIENCE_SECONDS),
        "registry": ModelRegistry(tracking_uri=mlflow_uri, public_url=mlflow_pages),
        "archive": ModelArchive(folder=str(settings.home / "archive")),
        "reports": Reports(
            folder=f"{settings.storage}/reports/drift", tracking_uri=mlflow_uri, public_url=mlflow_pages
        ),
        "mlflow": mlflow_run.configured({"tracking_uri": {"env": "MLFLOW_TRACKING_URI"}}),
    }


def build_definitions(settings: PlatformSettings | None = None, **resource_overrides: Any) -> dg.Definitions:
    """Assemble the real code location; tests replace resources by name.

    Args:
        settings: read from the environment by default.
        resource_overrides: resources to put in the place of the default ones.
    """
    resources: Mapping[str, Any] = {**build_resources(settings or PlatformSettings()), **resource_overrides}
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=[gate],
        jobs=ALL_JOBS,
        schedules=[daily_schedule, retention_schedule],
        sensors=ALL_SENSORS,
        resources=resources,
        executor=dg.in_process_executor,
    )


defs = build_definitions()
