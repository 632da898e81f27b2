"""What Prometheus scrapes: what is counted here, and what ``platform_collector`` collects.

One registry per application, so that several can live in one process. Several workers of one service count in files of
a common directory (``PROMETHEUS_MULTIPROC_DIR``), and each shows the sum of all.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, Summary, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

UNMATCHED_PATH: Final = "unmatched"
"""Path label of requests that match no route: callers choose their paths, and each would be another time series."""

OTHER_METHOD: Final = "OTHER"
KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

DURATION_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: one estimate takes about a millisecond, a large file several seconds."""

Series = tuple[Counter, Histogram, Summary, Summary]
"""Of one route and status: requests, durations, sizes of bodies received and sent."""


class Metrics:
    """The metrics of one application.

    Attributes:
        registry: what was counted by this process.
        registry_up: 1 if the model registry answered the last time, else 0; of several workers, the worst.
        swap_failures: versions that were offered and could not be loaded, counted at each try.
        predictions_written: predictions that Postgres took.
        predictions_dropped: predictions that were answered and not logged.
        predictions_queued: predictions that wait to be logged, in all workers.
        predictions_up: 1 if Postgres took predictions the last time, else 0; of several workers, the worst.
    """

    def __init__(self, shared: Path | None = None) -> None:
        """Register all metrics in registries of their own.

        Args:
            shared: directory in which several workers count; it must have been named in the environment before
                prometheus_client was imported.
        """
        self.registry, self._unshared, self._shared = CollectorRegistry(), CollectorRegistry(), shared
        if shared is None:
            ProcessCollector(registry=self._unshared)
        else:
            forget_dead_workers(shared)
        labels = ("method", "path", "status_code")
        self._requests = Counter("http_requests_total", "HTTP requests answered.", labels, registry=self.registry)
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the last byte of the answer, in seconds.",
            ("method", "path"),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )
        # Their mean is what is asked for; buckets would be many more series for every route.
        self._received, self._sent = (
            Summary(
                f"http_{side}_size_bytes",
                f"Size of the bodies of {side}s, in bytes.",
                ("method", "path"),
                registry=self.registry,
            )
            for side in ("request", "response")
        )
        self._series: dict[tuple[str, str | None, int], Series] = {}
        self._version = self._gauge(
            "ml_model_version", "Version of the model that answers, the oldest of all workers'."
        )
        self._loaded = self._gauge("road_model_loaded_timestamp_seconds", "When that model was loaded, Unix time.")
        self.registry_up = self._gauge("road_model_registry_up", "Whether the registry answers.")
        self.swap_failures = Counter(
            "road_model_swap_failures_total", "Tries to load a model that failed.", registry=self.registry
        )
        self.predictions_written = Counter(
            "prediction_log_written_total", "Predictions that Postgres took.", registry=self.registry
        )
        self.predictions_dropped = Counter(
            "prediction_log_dropped_total", "Predictions that were answered and not logged.", registry=self.registry
        )
        self.predictions_queued = Gauge(
            "prediction_log_queued",
            "Predictions that wait to be logged.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.predictions_up = self._gauge("prediction_log_up", "Whether Postgres takes predictions.")

    def register(self, collector: Collector) -> None:
        """Add a collector, whose metrics are not added up over workers."""
        self._unshared.register(collector)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        counted = self.registry
        if self._shared is not None:
            counted = CollectorRegistry()
            MultiProcessCollector(counted, str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self._unshared)

    def close(self) -> None:
        """Take this worker's gauges out of the sum; what it has counted stays."""
        if self._shared is not None:
            mark_process_dead(os.getpid(), str(self._shared))  # type: ignore[no-untyped-call]

    def count_request(  # noqa: PLR0913, PLR0917 - what is known of a request
        self, method: str, path: str | None, status: int, seconds: float, received: int = 0, sent: int = 0
    ) -> None:
        """Count an answered request.

        Args:
            method: HTTP method.
            path: the route's template, None if no route takes the request.
            status: HTTP status.
            seconds: time it took.
            received: bytes of its body that were read.
            sent: bytes of the answer's body.
        """
        series = self._series.get((method, path, status))
        if series is None:
            series = self._name_series(method, path, status)
        requests, durations, sizes_received, sizes_sent = series
        requests.inc()
        durations.observe(seconds)
        sizes_received.observe(received)
        sizes_sent.observe(sent)

    def _name_series(self, method: str, path: str | None, status: int) -> Series:
        """Find the time series of a route once: ``labels()`` would look the label values up at each request."""
        known = method if method in KNOWN_METHODS else OTHER_METHOD
        labels = (known, path or UNMATCHED_PATH)
        sizes = self._received.labels(*labels), self._sent.labels(*labels)
        series = self._requests.labels(*labels, str(status)), self._durations.labels(*labels), *sizes
        if known == method:  # any caller can make up others
            self._series[method, path, status] = series
        return series

    def show_model(self, version: str, loaded_at: float) -> None:
        """Show a model as the one that answers.

        Args:
            version: in the registry, whose versions are numbers.
            loaded_at: Unix time in seconds.
        """
        self._version.set(float(version) if version.isdecimal() else float("nan"))
        self._loaded.set(loaded_at)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode="livemin")


def forget_dead_workers(shared: Path) -> None:
    """Remove the gauges of workers that were killed; called by each worker that starts in their place."""
    for file in shared.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another worker was faster
                mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # a process of somebody else's
