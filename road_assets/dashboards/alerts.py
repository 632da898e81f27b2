"""The panel of alerts, which shows what Prometheus' rules (``docker/prometheus/rules.yml``) decide."""

from typing import Final

from road_assets.dashboards.panels import GREEN, ORANGE, RED, Panel, coloured, in_words, table, without_a_value
from road_assets.dashboards.sources import promql

NAMES: Final = {
    "HighDataDrift": "Dérive forte",
    "DataDriftWarning": "Dérive",
    "ServiceDown": "Service arrêté",
    "ServiceNotReady": "Service sans modèle",
    "HighErrorRate": "Trop d'erreurs",
    "HighLatency": "Réponses lentes",
    "ModelTooOld": "Modèle trop ancien",
    "ModelRefused": "Modèle refusé par le service",
    "ModelRegistryDown": "MLflow injoignable",
    "StaleData": "Données trop anciennes",
    "RetrainingFailed": "Réentraînement échoué",
    "DailyRunFailed": "Run quotidien échoué",
    "FiguresMissing": "Chiffres illisibles",
    "UsersNotFollowed": "Utilisateurs non suivis",
}
"""The rules in French."""

_WORDS: Final = {"critical": "critique", "warning": "avertissement", "firing": "active", "pending": "en attente"}
_COLOURS: Final = {"critical": RED, "warning": ORANGE, "firing": RED, "pending": ORANGE}


def alerts(width: int, height: int) -> Panel:
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
            # A label that this alert does not have and another has; without this it would read as if there were none.
            "mappings": [in_words({**NAMES, **_WORDS}, _COLOURS), without_a_value("–", nothing="empty")],
        },
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Value": True, "__name__": True, "job": True},
                    "indexByName": {"alertname": 0, "severity": 1, "alertstate": 2},
                    "renameByName": {
                        "alertname": "Alerte",
                        "severity": "Gravité",
                        "alertstate": "État",
                        "instance": "Instance",
                        "asset": "Asset",
                        "source": "Source",
                    },
                },
            }
        ],
        overrides=[coloured("Gravité"), coloured("État")],
    )
