"""The drift alert: its names, and the text in which the service reports it to Dagster.

Prometheus raises it (``docker/prometheus/rules.yml``), Alertmanager delivers it to the service, and the service records
it and reports it as an observation of the asset ``DRIFT_ALERT_ASSET``, partition: the day whose score is too high.
"""

import re
from dataclasses import dataclass
from typing import Final

DRIFT_ALERT: Final = "HighDataDrift"
"""Name of the alert in Prometheus."""

DRIFT_ALERT_ASSET: Final = "drift_alert"
"""Key of the asset in Dagster: external, nothing materializes it."""

_KEY: Final = re.compile(r"\[fingerprint=(\S+) startsAt=(\S+)\]")


@dataclass(frozen=True, slots=True)
class AlertKey:
    """Identifies a firing of an alert, however often it is delivered.

    Attributes:
        fingerprint: Alertmanager's hash of the labels.
        starts_at: since when it fires, ISO 8601.
    """

    fingerprint: str
    starts_at: str


def describe_alert(key: AlertKey, score: float) -> str:
    """The observation's description, for the reason of the retraining, with the alert's key at its end."""
    return (
        f"alert {DRIFT_ALERT} fires, drift score {score:.2f} [fingerprint={key.fingerprint} startsAt={key.starts_at}]"
    )


def read_alert_key(description: str) -> AlertKey | None:
    """The key in an observation's description, to match it with a delivery of Alertmanager; None without one."""
    found = _KEY.search(description)
    return AlertKey(*found.groups()) if found else None
