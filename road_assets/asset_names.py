"""Names of the assets that more than one module refers to: as a dependency, as a folder of the lake, in a query.

Neither Dagster nor pandas is imported here, so that the supervisor of ``road up`` can use the names and stay small.
"""

from typing import Final

BAAC_RELEASE: Final = "baac_release"
RELEASE_DAYS: Final = "release_days"
RAW_ACCIDENTS: Final = "raw_accidents"
ACCIDENTS_TABLE: Final = "accidents_table"
SYNTHETIC_MIX: Final = "synthetic_mix"
FEATURES: Final = "features"
SEVERITY_MODEL: Final = "severity_model"
PRODUCTION_MODEL: Final = "production_model"
MODEL_CARD: Final = "model_card"
MODEL_ARCHIVE: Final = "model_archive"
MODEL_METRICS_TABLE: Final = "model_metrics_table"
DRIFT_REPORT: Final = "drift_report"
LIVE_TRAFFIC_DRIFT: Final = "live_traffic_drift"
