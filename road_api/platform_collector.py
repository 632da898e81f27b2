"""A Prometheus collector for the state of model and platform: what is known now, the same in each worker.

The metrics are made at each scrape, so that a model that was replaced and a value that expired disappear. What is
counted over time stands in ``metrics``.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from zoneinfo import ZoneInfo

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from road_api.services.dagster_client import DagsterFigures
from road_api.services.database import DriftFigures
from road_api.services.model_store import ModelStore
from road_api.services.polled_source import PolledSource

FRANCE: Final = ZoneInfo("Europe/Paris")


class PlatformCollector(Collector):
    """Collects the state of the model in use, of drift, and of Dagster's runs."""

    def __init__(
        self,
        store: ModelStore,
        drift: PolledSource[DriftFigures | None],
        dagster: PolledSource[DagsterFigures],
        others: tuple[PolledSource[Any], ...] = (),
    ) -> None:
        """Collect from a store, from two polled sources, and the state (up or down) of others."""
        self._store = store
        self._drift = drift
        self._dagster = dagster
        self._others = others

    def collect(self) -> Iterable[Metric]:
        """Make the metrics as of now."""
        yield from self._model()
        yield from self._drift_figures(self._drift.value)
        yield from self._dagster_figures(self._dagster.value)
        yield from self._sources()

    def _model(self) -> Iterator[Metric]:
        model = self._store.current
        if model is None:
            return
        info = GaugeMetricFamily("road_model_info", "The model that answers.", labels=("version",))
        info.add_metric([model.ref.version], 1)
        yield info
        age = datetime.now(UTC) - model.bundle.manifest.created_at
        yield _gauge("ml_model_age_seconds", "Since the model that answers was trained.", age.total_seconds())

    def _drift_figures(self, drift: DriftFigures | None) -> Iterator[Metric]:
        if drift is None:
            return
        yield _gauge("ml_data_drift_score", "Share of the features that drifted, newest scored day.", drift.score)
        midnight = datetime.combine(drift.day, time_of_day(), FRANCE)
        end = midnight + timedelta(days=1)
        yield _gauge("ml_data_drift_day_timestamp_seconds", "End of that day, Unix time.", end.timestamp())
        distances = GaugeMetricFamily(
            "ml_feature_drift_score", "Distance of a feature from what the model learned, 0 to 1.", labels=("feature",)
        )
        for feature, distance in drift.distances.items():
            distances.add_metric([feature], distance)
        yield distances

    def _dagster_figures(self, work: DagsterFigures | None) -> Iterator[Metric]:
        if work is None:
            return
        ages = GaugeMetricFamily(
            "road_last_materialization_age_seconds", "Since an asset was last materialized.", labels=("asset",)
        )
        now = time.time()
        for asset, moment in work.materialized_at.items():
            ages.add_metric([asset], max(0.0, now - moment))
        # Not "job", which Prometheus itself puts on every series.
        failed = GaugeMetricFamily("road_last_run_failed", "Whether a job's last run failed.", labels=("dagster_job",))
        for job, did in work.failed.items():
            failed.add_metric([job], did)
        yield ages
        yield failed

    def _sources(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("road_figures_up", "Whether the source of figures answers.", labels=("source",))
        sources: tuple[PolledSource[Any], ...] = (self._drift, self._dagster, *self._others)
        for source in sources:
            if source.up is not None:
                up.add_metric([source.name], source.up)
        yield up


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
