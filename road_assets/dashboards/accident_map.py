"""The map of accidents."""

from typing import Final

from road_assets.dashboards.panels import BLUE, Panel, out_of_tooltips, without_a_value
from road_assets.dashboards.severity import FEW, SEVERE, SEVERE_LEVELS
from road_assets.dashboards.sources import sql
from road_assets.dashboards.sql import name, squares_in_range

_SQUARES: Final = 4000
"""More than France has squares with accidents in a month; over many years the emptiest ones are left out."""

_PERCENT: Final = "Part grave, %"
_SIZE: Final = "Taille"
_GREY: Final = "#8e8e8e"


def accident_map() -> Panel:
    """A circle for each square of a tenth of a degree."""
    size = {"field": _SIZE, "fixed": 4, "min": 2, "max": 20}
    colour = {"field": _PERCENT, "fixed": BLUE}
    circles = {
        "size": size,
        "color": colour,
        "opacity": 0.7,
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    borders = {"color": {"fixed": _GREY}, "opacity": 0, "lineWidth": 1}
    return Panel(
        kind="geomap",
        title="Carte des accidents",
        description="A circle for each square of a tenth of a degree: its area tells the accidents, its colour the "
        f"share of users severely hurt; grey are those of fewer than {FEW} users. Whole months that the range "
        f"touches; squares overseas are there, too. Of more than {_SQUARES} squares the emptiest are left out.",
        targets=[
            sql(
                "SELECT (lat_tenths + 0.5) / 10 AS latitude, (long_tenths + 0.5) / 10 AS longitude, "
                f"sum(accidents) AS {name('Accidents')}, CASE WHEN sum(users) >= {FEW} THEN "
                f"round(100 * ({SEVERE})::numeric / sum(users), 1) END AS {name(_PERCENT)}, "
                f"sqrt(sum(accidents)) AS {name(_SIZE)} FROM accident_squares WHERE {squares_in_range()} "
                f"GROUP BY lat_tenths, long_tenths ORDER BY 3 DESC LIMIT {_SQUARES}"
            )
        ],
        levels=[(level, 100 * share) for level, share in SEVERE_LEVELS],
        look={"mappings": [without_a_value("trop peu d'usagers", _GREY)]},
        overrides=[out_of_tooltips(column) for column in ("latitude", "longitude", _SIZE)],
        width=24,
        height=16,
        options={
            "view": {"id": "coords", "lat": 46.6, "lon": 2.4, "zoom": 5.6, "allLayers": True},
            "basemap": {"type": "default", "name": "Fond"},
            "controls": {"showZoom": True, "mouseWheelZoom": False, "showAttribution": True, "showScale": True},
            "tooltip": {"mode": "details"},
            "layers": [
                {
                    # Comes with Grafana, so that borders are there without the network, which the base map needs.
                    "type": "geojson",
                    "name": "Frontières",
                    "tooltip": False,
                    "config": {"src": "public/maps/countries.geojson", "style": borders, "rules": []},
                },
                {
                    "type": "markers",
                    "name": _PERCENT,
                    "tooltip": True,
                    "location": {"mode": "coords", "latitude": "latitude", "longitude": "longitude"},
                    "config": {"showLegend": True, "style": circles},
                },
            ],
        },
    )
