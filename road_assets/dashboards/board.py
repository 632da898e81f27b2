"""A dashboard around its panels: identity, time range, refresh, and the panels set from left to right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from road_assets.dashboards.panels import Panel
from road_assets.dashboards.sources import PROMETHEUS
from road_assets.dashboards.sql import FRANCE

COLUMNS: Final = 24
REFRESH: Final = "5s"
TAG: Final = "road-assets"
SCHEMA_VERSION: Final = 41
"""Of Grafana 11.6."""

YEARS: Final = "now-1095d"
"""Three years, for what is shown by the day of the accident: official releases come out many months after it."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks in every chart over time.

    Attributes:
        name: in French.
        expression: PromQL; marked is each moment for which it has a value.
        colour: of the marks.
    """

    name: str
    expression: str
    colour: str

    def to_json(self) -> dict[str, Any]:
        """The annotation as Grafana stores it."""
        return {
            "name": self.name,
            "datasource": dict(PROMETHEUS),
            "enable": True,
            "hide": False,
            "iconColor": self.colour,
            "expr": self.expression,
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard.

    Attributes:
        uid: its id in addresses, and the name of its file.
        title: in French.
        description: in English.
        panels: in reading order.
        since: beginning of its range of time, when it is opened.
        annotations: marks in its charts.
    """

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    since: str = "now-6h"
    annotations: Sequence[Annotation] = ()

    def to_json(self) -> dict[str, Any]:
        """The dashboard as Grafana stores it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "timezone": FRANCE,
            "editable": False,
            "graphTooltip": 1,
            "schemaVersion": SCHEMA_VERSION,
            "refresh": REFRESH,
            "time": {"from": self.since, "to": "now"},
            "timepicker": {"refresh_intervals": [REFRESH, "30s", "1m", "15m"]},
            "links": [_to_the_others()],
            "templating": {"list": []},
            "annotations": {"list": [annotation.to_json() for annotation in self.annotations]},
            "panels": list(_placed(self.panels)),
        }


def _to_the_others() -> dict[str, Any]:
    return {
        "title": "Tableaux",
        "type": "dashboards",
        "icon": "external link",
        "tooltip": "The other dashboards",
        "tags": [TAG],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": False,
        "keepTime": False,
    }


def _placed(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    left = top = height = 0
    for number, panel in enumerate(panels, start=1):
        if left + panel.width > COLUMNS:
            left, top, height = 0, top + height, 0
        yield panel.to_json(number, left, top)
        left, height = left + panel.width, max(height, panel.height)
