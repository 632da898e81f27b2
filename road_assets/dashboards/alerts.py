"""The panel of alerts, which shows what Prometheus' rules (``docker/prometheus/rules.yml``) decide."""

from typing import Final

from road_assets.dashboards.panels import GREEN, ORANGE, RED, Panel, coloured, in_words, table
from road_assets.dashboards.sources import promql

_WORDS: Final = {"critical": "critique", "warning": "avertissement", "firing": "active", "pending": "en attente"}
_COLOURS: Final = {"critical": RED, "warning": ORANGE, "firing": RED, "pending": ORANGE}


def alerts(width: int = 12, height: int = 8) -> Panel:
    """What fires or is about to, with its severity."""
    return table(
        "Alertes",
        "Alerts that fire or are pending: drift, latency, 5xx, stale data, failed retraining, service not ready and "
        "the other rules of Prometheus. Empty if all is well. Silences are set in Alertmanager, which Grafana knows.",
        [promql("ALERTS", now=True, table=True)],
        width=width,
        height=height,
        look={
            "noValue": "Aucune alerte",
            "color": {"mode": "fixed", "fixedColor": GREEN},
            "mappings": [in_words(_WORDS, _COLOURS)],
        },
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Value": True, "__name__": True, "job": True},
                    "indexByName": {"alertname": 0, "severity": 1, "alertstate": 2},
                    "renameByName": {"alertname": "Alerte", "severity": "Gravité", "alertstate": "État"},
                },
            }
        ],
        overrides=[coloured("Gravité"), coloured("État")],
    )
