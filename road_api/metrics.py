"""What Prometheus reads. One registry per application, so that several can live in one process."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

UNMATCHED_PATH: Final = "unmatched"
"""Label for requests that no route takes: their paths are the caller's, and each would be a time series of its own."""

OTHER_METHOD: Final = "OTHER"
KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

DURATION_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: one estimate takes about a millisecond, a large file several seconds."""


class Metrics:
    """The metrics of one application.

    Attributes:
        registry: what ``/metrics`` shows.
        registry_up: 1 if the model registry answered the last time, else 0.
        swap_failures: versions that were offered and could not be loaded, counted at each try.
    """

    def __init__(self) -> None:
        """Register all metrics in a registry of their own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("method", "path", "status_code")
        self._requests = Counter("http_requests_total", "HTTP requests answered.", labels, registry=self.registry)
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the last byte of the answer, in seconds.",
            ("method", "path"),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )
        self._model = Gauge("road_model_info", "The model that answers.", ("version",), registry=self.registry)
        self._loaded = Gauge(
            "road_model_loaded_timestamp_seconds", "When that model was loaded, Unix time.", registry=self.registry
        )
        self.registry_up = Gauge("road_model_registry_up", "Whether the registry answers.", registry=self.registry)
        self.swap_failures = Counter(
            "road_model_swap_failures_total", "Tries to load a model that failed.", registry=self.registry
        )

    def count_request(self, method: str, path: str | None, status: int, seconds: float) -> None:
        """Count an answered request.

        Args:
            method: HTTP method.
            path: the route's template, None if no route takes the request.
            status: HTTP status.
            seconds: time it took.
        """
        method = method if method in KNOWN_METHODS else OTHER_METHOD
        path = path or UNMATCHED_PATH
        self._requests.labels(method, path, str(status)).inc()
        self._durations.labels(method, path).observe(seconds)

    def show_model(self, version: str, loaded_at: float) -> None:
        """Show a model as the one that answers, and no other.

        Args:
            version: in the registry.
            loaded_at: Unix time in seconds.
        """
        self._model.clear()
        self._model.labels(version).set(1)
        self._loaded.set(loaded_at)
