"""The data sources, with the uids of ``grafana/provisioning/datasources``, and queries to them."""

from collections.abc import Mapping
from typing import Any, Final

Target = dict[str, Any]
"""A query of a panel, as Grafana stores it."""

_POSTGRES_PLUGIN: Final = "grafana-postgresql-datasource"

TABLES: Final = {"type": _POSTGRES_PLUGIN, "uid": "road-tables"}
"""The platform's tables, database ``road``."""

DAGSTER: Final = {"type": _POSTGRES_PLUGIN, "uid": "road-dagster"}
"""Dagster's own storage, database ``dagster``: runs, events and check results."""

PROMETHEUS: Final = {"type": "prometheus", "uid": "road-prometheus"}
LOKI: Final = {"type": "loki", "uid": "road-loki"}

READ: Final[dict[str, tuple[str, ...]]] = {
    TABLES["uid"]: (
        "accident_figures",
        "accident_squares",
        "drift_features",
        "drift_scores",
        "gate_verdicts",
        "model_metrics",
        "promotions",
        "quarantine",
        "releases",
        "run_failures",
    ),
    DAGSTER["uid"]: ("asset_check_executions", "asset_keys", "event_logs", "run_tags", "runs"),
}
"""The tables that the role of each source must be allowed to read; none of them tells who people are."""

SOURCES: Final = (TABLES, DAGSTER, PROMETHEUS, LOKI)


def sql(statement: str, source: Mapping[str, str] = TABLES, *, over_time: bool = False) -> Target:
    """A query in SQL.

    Args:
        statement: with Grafana's macros.
        source: ``TABLES`` or ``DAGSTER``.
        over_time: the answer has a column ``time`` and is drawn over it; else it is a table.
    """
    text = " ".join(statement.split())
    return {
        "datasource": dict(source),
        "editorMode": "code",
        "format": "time_series" if over_time else "table",
        "rawQuery": True,
        "rawSql": text,
    }


def promql(expression: str, legend: str = "", *, now: bool = False, table: bool = False) -> Target:
    """A query to Prometheus.

    Args:
        expression: PromQL.
        legend: name of each series, with labels as ``{{path}}``.
        now: only the newest value of each series.
        table: a row per series, its labels as columns.
    """
    return {
        "datasource": dict(PROMETHEUS),
        "editorMode": "code",
        "expr": " ".join(expression.split()),
        "format": "table" if table else "time_series",
        "instant": now,
        "legendFormat": legend,
        "range": not now,
    }


def logql(expression: str) -> Target:
    """A query to Loki that returns lines."""
    return {
        "datasource": dict(LOKI),
        "editorMode": "code",
        "expr": expression,
        "queryType": "range",
    }
