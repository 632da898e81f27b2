"""Panels of the kinds in use, as Grafana stores them.

Only fields are set that differ from Grafana's defaults, or that must not change with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from road_assets.dashboards.sources import Target

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"

Levels = Sequence[tuple[str, float]]
"""Colours, each with the value from which it applies; the first one applies below its value, too."""

_LETTERS: Final = "ABCDEFGHIJ"

_A_GAP: Final = 8 * 24 * 3600 * 1000
"""Milliseconds without a day: more than a week, which one point may stand for."""

_TICK_PIXELS: Final = 50
"""Room for each label below upright bars; those that have none are left out."""

_NARROWEST_COLUMN: Final = 60
"""Pixels; Grafana's own 150 pushes the last columns out of sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: Grafana's name of its type.
        title: in French.
        description: what it shows, in English.
        targets: queries.
        unit: Grafana's name of the unit; ``short`` for counts.
        width: of 24 columns.
        height: in rows of 30 pixels.
        options: of the type.
        look: further fields of the field configuration, such as ``min`` or ``mappings``.
        custom: of the type, in the field configuration.
        levels: colours by value.
        overrides: the field configuration of single fields.
        transformations: of the answers.
    """

    kind: str
    title: str
    description: str
    targets: Sequence[Target]
    unit: str = "short"
    width: int = 8
    height: int = 8
    options: Mapping[str, Any] = field(default_factory=dict)
    look: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    levels: Levels = ()
    overrides: Sequence[dict[str, Any]] = ()
    transformations: Sequence[dict[str, Any]] = ()

    def to_json(self, number: int, left: int, top: int) -> dict[str, Any]:
        """The panel as Grafana stores it.

        Args:
            number: its id in the dashboard.
            left: column.
            top: row.
        """
        defaults: dict[str, Any] = {"unit": self.unit, **self.look}
        if self.levels:
            defaults["thresholds"] = _steps(self.levels)
            defaults.setdefault("color", {"mode": "thresholds"})
        if self.custom:
            defaults["custom"] = dict(self.custom)
        targets = [{"refId": letter, **target} for letter, target in zip(_LETTERS, self.targets, strict=False)]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": targets[0]["datasource"],
            "gridPos": {"h": self.height, "w": self.width, "x": left, "y": top},
            "fieldConfig": {"defaults": defaults, "overrides": list(self.overrides)},
            "options": dict(self.options),
            "targets": targets,
            "transformations": list(self.transformations),
        }


def _steps(levels: Levels) -> dict[str, Any]:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for colour, value in levels]}


def stat(
    title: str, description: str, targets: Sequence[Target], *, text: bool = False, size: int = 0, **more: Any
) -> Panel:
    """Large figures; ``text`` shows words, and needs no reduction to a number; ``size`` of words in pixels."""
    reduce = {"calcs": ["lastNotNull"], "fields": "/.*/" if text else "", "values": False}
    options = {
        "reduceOptions": reduce,
        "colorMode": "value" if text or not more.get("levels") else "background",
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": "auto",
        "orientation": "auto",
        **({"text": {"titleSize": size, "valueSize": size if text else 2 * size}} if size else {}),
    }
    colour = {} if more.get("levels") else {"color": {"mode": "fixed", "fixedColor": BLUE}}
    look = {**colour, **more.pop("look", {})}
    return Panel(
        kind="stat",
        title=title,
        description=description,
        targets=targets,
        options=options,
        look=look,
        **{"width": 4, "height": 4, **more},
    )


def gauge(title: str, description: str, targets: Sequence[Target], **more: Any) -> Panel:
    """A figure between its bounds."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showThresholdMarkers": True,
        "showThresholdLabels": True,
    }
    return Panel(kind="gauge", title=title, description=description, targets=targets, options=options, **more)


def lines(
    title: str, description: str, targets: Sequence[Target], *, stacked: bool = False, marked: bool = False, **more: Any
) -> Panel:
    """Curves over time; ``marked`` draws the levels as lines across.

    Further: ``few`` moments, which are then seen one by one; ``legend_at`` the ``right``, where a dozen names leave
    room for the curves; ``at_least``, how far the axis goes where all values are smaller; and ``by_day``, where no
    line is drawn over the days between two years that are there.
    """
    few = more.pop("few", False)
    custom: dict[str, Any] = {
        "lineWidth": 1,
        "fillOpacity": 20 if stacked else 5,
        "showPoints": "always" if few else "auto",
        "pointSize": 8 if few else 5,
        "spanNulls": False,
    }
    if stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    if marked:
        custom["thresholdsStyle"] = {"mode": "dashed"}
    if more.pop("by_day", False):
        custom["insertNulls"] = _A_GAP
    if "at_least" in more:
        custom["axisSoftMax"] = more.pop("at_least")
    options = {
        "legend": {
            "displayMode": "list",
            "placement": more.pop("legend_at", "bottom"),
            "showLegend": True,
            "calcs": [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    look = {"color": {"mode": "palette-classic"}, **more.pop("look", {})}
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        targets=targets,
        options=options,
        custom=custom,
        look=look,
        **more,
    )


def bars(
    title: str, description: str, targets: Sequence[Target], *, over: str, horizontal: bool = False, **more: Any
) -> Panel:
    """Bars over the texts of the column ``over``; more than one for each text need a ``legend``."""
    options = {
        "xField": over,
        "orientation": "horizontal" if horizontal else "vertical",
        "showValue": "auto" if horizontal else "never",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": more.pop("legend", False), "calcs": []},
        "text": {"valueSize": 11},
        "tooltip": {"mode": "multi", "sort": "none"},
        "xTickLabelSpacing": 0 if horizontal else _TICK_PIXELS,
    }
    custom = {"fillOpacity": 80, "axisGridShow": True}
    colour = {} if more.get("levels") else {"color": {"mode": "palette-classic"}}
    look = {**colour, "min": 0, **more.pop("look", {})}
    return Panel(
        kind="barchart",
        title=title,
        description=description,
        targets=targets,
        options=options,
        custom=custom,
        look=look,
        **more,
    )


def pie(title: str, description: str, targets: Sequence[Target], **more: Any) -> Panel:
    """Shares of a whole, a row for each."""
    options = {
        "pieType": "donut",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": True},
        "displayLabels": [],
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "values": ["percent"]},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    look = {"color": {"mode": "palette-classic"}}
    return Panel(
        kind="piechart", title=title, description=description, targets=targets, options=options, look=look, **more
    )


def table(title: str, description: str, targets: Sequence[Target], **more: Any) -> Panel:
    """Rows as they are; ``columns`` is the width of each in pixels, but for those that are ``wide``.

    The unit holds for texts, too, where they look like a number: a table with any other shows the year 2024 as 2.02 K.
    """
    options = {"cellHeight": "sm", "showHeader": True, "footer": {"show": False, "reducer": ["sum"], "fields": ""}}
    custom = {"minWidth": _NARROWEST_COLUMN}
    if "columns" in more:
        custom["width"] = more.pop("columns")
    return Panel(
        kind="table",
        title=title,
        description=description,
        targets=targets,
        options=options,
        custom=custom,
        **{"unit": "none", **more},
    )


def override(column: str, properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Field configuration of one column. Grafana's schema allows objects only; units and words are set for all."""
    return {
        "matcher": {"id": "byNames", "options": {"mode": "include", "names": [column], "readOnly": False}},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def coloured(column: str, levels: Levels = ()) -> dict[str, Any]:
    """A column whose cells take the colour of their value, by its level or by its word."""
    properties: dict[str, dict[str, Any]] = {"custom.cellOptions": {"type": "color-background"}}
    if levels:
        properties |= {"thresholds": _steps(levels), "color": {"mode": "thresholds"}}
    return override(column, properties)


def in_colour(column: str, colour: str) -> dict[str, Any]:
    """A series of a colour of its own."""
    return override(column, {"color": {"mode": "fixed", "fixedColor": colour}})


def out_of_tooltips(column: str) -> dict[str, Any]:
    """A column that is drawn by, and says nothing itself."""
    return override(column, {"custom.hideFrom": {"tooltip": True, "viz": False, "legend": False}})


def without_a_value(word: str, colour: str = "", nothing: Literal["null", "empty"] = "null") -> dict[str, Any]:
    """What stands for nothing: for null, or for an ``empty`` text."""
    result = {"text": word, "index": 0, **({"color": colour} if colour else {})}
    return {"type": "special", "options": {"match": nothing, "result": result}}


def wide(column: str) -> dict[str, Any]:
    """A column of long texts: it has the room that others leave, and goes on in the next line."""
    found = override(column, {"custom.cellOptions": {"type": "auto", "wrapText": True}})
    # A property without a value takes the table's away.
    return {**found, "properties": [{"id": "custom.width"}, *found["properties"]]}


def in_words(words: Mapping[str, str], colours: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A value mapping: texts to show instead of others, and their colours."""
    options = {
        code: {"text": word, "index": number, **({"color": colours[code]} if colours and code in colours else {})}
        for number, (code, word) in enumerate(words.items())
    }
    return {"type": "value", "options": options}
