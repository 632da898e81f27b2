"""The sensors: what runs because something happened."""

from road_assets.sensors.drift_retraining import drift_retraining
from road_assets.sensors.release_changes import release_changes
from road_assets.sensors.run_failures import run_failures

ALL_SENSORS = (drift_retraining, release_changes, run_failures)
