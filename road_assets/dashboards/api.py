"""The dashboard of the service: availability, latency, traffic, errors, resources and logs."""

from typing import Final

from road_assets.core.drift_limits import DEFAULT_LIMITS
from road_assets.dashboards.alerts import alerts
from road_assets.dashboards.board import Dashboard
from road_assets.dashboards.panels import GREEN, ORANGE, RED, Levels, Panel, gauge, in_words, lines, stat
from road_assets.dashboards.sources import logql, promql

JOB: Final = 'job="road-api"'
"""The service in ``docker/prometheus/prometheus.yml``."""

CONTAINER: Final = 'container_label_com_docker_compose_service="api"'
"""The service as cAdvisor sees it: with several workers it does not export its own processor time and memory."""

_SIDES: Final = (("request", "requête"), ("response", "réponse"))

LOGS: Final = '{service_name="api"}'

_OF_READINESS: Final = 'path!="/health/ready"'
"""A service that is not ready says so with 503, which is no error of it."""

DRIFT_LEVELS: Final[Levels] = (
    (GREEN, 0),
    (ORANGE, DEFAULT_LIMITS.warn_above),
    (RED, DEFAULT_LIMITS.retrain_above),
)


def dashboard() -> Dashboard:
    """Put the dashboard together."""
    return Dashboard(
        uid="road-api",
        title="Service d'estimation (API)",
        description="Whether the service answers, how fast and how much, and how far the world has drifted.",
        panels=[*_state(), alerts(width=12, height=8), *_traffic(), *_resources(), _logs()],
        since="now-1h",
    )


def _state() -> list[Panel]:
    return [
        stat(
            "En marche depuis",
            "Time since the service was started.",
            [
                promql(
                    f"time() - max(process_start_time_seconds{{{JOB}}} or container_start_time_seconds{{{CONTAINER}}})"
                )
            ],
            unit="dtdhms",
            height=6,
            width=6,
        ),
        stat(
            "Disponibilité",
            "Share of Prometheus' visits that the service answered, in the range that is looked at.",
            [promql(f"avg(avg_over_time(up{{{JOB}}}[$__range]))", now=True)],
            unit="percentunit",
            levels=((RED, 0), (ORANGE, 0.99), (GREEN, 0.999)),
            look={"decimals": 2},
            height=6,
            width=6,
        ),
        stat(
            "Modèle",
            "Version of the model that answers.",
            [promql("max(ml_model_version)")],
            unit="none",
            look={"mappings": [in_words({"0": "aucun"})]},
            height=6,
            width=6,
        ),
        gauge(
            "Dérive",
            "Share of the 13 features that drifted, on the newest day that was scored; above the red mark the model is "
            "trained again.",
            [promql("max(ml_data_drift_score)")],
            unit="percentunit",
            levels=DRIFT_LEVELS,
            look={"min": 0, "max": 1, "decimals": 0, "noValue": "pas encore"},
            height=6,
            width=6,
        ),
    ]


def _rate(metric: str, matching: str = "", by: str = "") -> str:
    """The rate of a counter of the service, summed up."""
    labels = ", ".join(filter(None, (JOB, matching)))
    return f"sum {f'by ({by}) ' if by else ''}(rate({metric}{{{labels}}}[$__rate_interval]))"


def _mean(metric: str) -> str:
    return f"{_rate(f'{metric}_sum')} / {_rate(f'{metric}_count')}"


def _traffic() -> list[Panel]:
    requests, duration = "http_requests_total", "http_request_duration_seconds"
    failed = _rate(requests, f'status_code=~"5..", {_OF_READINESS}')
    slow = f"histogram_quantile(0.95, {_rate(f'{duration}_bucket', by='le')})"
    return [
        lines(
            "Erreurs du service (5xx)",
            "Share of requests that end in an error of the service; questions after its readiness are left out.",
            [promql(f"({failed} or vector(0)) / {_rate(requests, _OF_READINESS)}", "5xx")],
            unit="percentunit",
            levels=((GREEN, 0), (ORANGE, 0.01), (RED, 0.05)),
            marked=True,
            at_least=0.1,
            width=12,
            look={"min": 0},
        ),
        lines(
            "Requêtes par seconde",
            "Requests answered per second, by route.",
            [promql(_rate(requests, by="path"), "{{path}}")],
            unit="reqps",
            stacked=True,
            look={"min": 0},
        ),
        lines(
            "Latence",
            "Time from the request's head to the last byte of the answer: 95 of 100 requests are faster than p95.",
            [promql(slow, "p95"), promql(_mean(duration), "moyenne")],
            unit="s",
            look={"min": 0},
        ),
        lines(
            "Codes de réponse",
            "Requests answered per second, by HTTP status.",
            [promql(_rate(requests, by="status_code"), "{{status_code}}")],
            unit="reqps",
            stacked=True,
            look={"min": 0},
        ),
        lines(
            "Taille des messages",
            "Mean size of the bodies of requests and answers.",
            [promql(_mean(f"http_{side}_size_bytes"), word) for side, word in _SIDES],
            unit="bytes",
            width=6,
            look={"min": 0},
        ),
        lines(
            "Journal des estimations",
            "Predictions that wait to be logged, and those that were dropped, which should be none.",
            [
                promql(f"sum(prediction_log_queued{{{JOB}}})", "en attente"),
                promql(f"sum(increase(prediction_log_dropped_total{{{JOB}}}[$__rate_interval]))", "perdues"),
            ],
            at_least=10,
            width=6,
            look={"min": 0},
        ),
    ]


def _resources() -> list[Panel]:
    own = _rate("process_cpu_seconds_total")
    seen = f"sum(rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[$__rate_interval]))"
    memory = f"sum(process_resident_memory_bytes{{{JOB}}}) or sum(container_memory_working_set_bytes{{{CONTAINER}}})"
    return [
        lines(
            "Processeur",
            "Processor time per second, where 100 % is one core.",
            [promql(f"{own} or {seen}", "processeur")],
            unit="percentunit",
            width=6,
            look={"min": 0},
        ),
        lines(
            "Mémoire",
            "Memory of the service.",
            [promql(memory, "mémoire")],
            unit="bytes",
            width=6,
            look={"min": 0},
        ),
    ]


def _logs() -> Panel:
    return Panel(
        kind="logs",
        title="Journal en direct",
        description="What the service writes, newest first. It holds no tokens, passwords or personal data.",
        targets=[logql(LOGS)],
        width=24,
        height=10,
        options={
            "showTime": True,
            "wrapLogMessage": True,
            "sortOrder": "Descending",
            "enableLogDetails": True,
            "prettifyLogMessage": False,
            "dedupStrategy": "none",
        },
    )
