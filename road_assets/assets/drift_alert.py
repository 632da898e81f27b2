"""Drift alerts in the lineage: an external asset that the service observes and nothing materializes."""

from typing import Final

import dagster as dg

from road_assets.assets.common import OWNERS
from road_assets.core.drift_alert import DRIFT_ALERT_ASSET
from road_assets.partitions import DAILY

drift_alert: Final = dg.AssetSpec(
    DRIFT_ALERT_ASSET,
    partitions_def=DAILY,
    group_name="drift",
    owners=OWNERS,
    kinds={"prometheus"},
    description="A drift alert of Prometheus, told by Alertmanager's webhook; asks for retraining as the check does.",
)
