"""The accidents themselves: how many, when, where, how severe; and what was set aside, and how fresh it all is.

The queries read the sums of migration 0011, not the users one by one: twenty years are 2.5 million of them.
"""

from typing import Final

from road_assets.core.vocabulary import FEATURE_BY_NAME, GRAVITY, SEVERE_GRAVITIES
from road_assets.dashboards.board import YEARS, Dashboard
from road_assets.dashboards.panels import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Levels,
    Panel,
    bars,
    in_colour,
    lines,
    out_of_tooltips,
    pie,
    stat,
    table,
    without_a_value,
)
from road_assets.dashboards.sources import DAGSTER, sql
from road_assets.dashboards.sql import (
    FRANCE,
    Labelled,
    codes_of,
    data_in_french,
    departments,
    in_range,
    midnight,
    name,
    shortened,
    squares_in_range,
    summed_in_range,
    text,
)

_COUNTED: Final = {2: "killed", 3: "hospitalised", 4: "slightly_hurt"}
"""Columns of the sums by code of ``grav``."""

_SEVERE: Final = " + ".join(f"sum({_COUNTED[code]})" for code in sorted(SEVERE_GRAVITIES))
_SEVERE_SHARE: Final = f"({_SEVERE})::float / sum(users)"
_SEVERE_LEVELS: Final[Levels] = ((GREEN, 0), (ORANGE, 0.15), (RED, 0.3))
_STALE_LEVELS: Final[Levels] = ((GREEN, 0), (ORANGE, 36 * 3600), (RED, 72 * 3600))
_FEW: Final = 30
"""Users of whom no share is told: it would be chance."""

_SQUARES: Final = 4000
"""More than France has squares with accidents in a month; over many years the emptiest ones are left out."""

_PERCENT: Final = "Part grave, %"
_SIZE: Final = "Taille"
_GREY: Final = "#8e8e8e"
_TOTAL: Final = f"FROM accident_figures WHERE dimension = 'total' AND span = 'day' AND {in_range('day')}"


def dashboard() -> Dashboard:
    """Put the dashboard together."""
    return Dashboard(
        uid="road-accidents",
        title="Accidents",
        description="How many accidents there were, when, where and how severe; rows set aside; freshness of the data.",
        panels=[
            *_totals(),
            _by_day(),
            _by_hour(),
            _map(),
            _light(),
            _top_departments(),
            _severity("catr", "road category"),
            _severity("atm", "weather"),
            *_quality(),
        ],
        since=YEARS,
    )


def _totals() -> list[Panel]:
    words = {code.value: code.fr for code in GRAVITY.codes}
    hurt = ", ".join(f"sum({column}) AS {name(words[code])}" for code, column in _COUNTED.items())
    return [
        stat(
            "Totaux",
            "Accidents and their users in the range that is looked at, by injury.",
            [sql(f"SELECT sum(accidents) AS {name('Accidents')}, sum(users) AS {name('Usagers')}, {hurt} {_TOTAL}")],
            unit="locale",
            size=13,
            width=13,
            height=5,
        ),
        stat(
            "Part grave",
            "Share of users killed or hospitalised.",
            [sql(f"SELECT {_SEVERE_SHARE} AS {name('Part grave')} {_TOTAL}")],
            unit="percentunit",
            look={"decimals": 1},
            levels=_SEVERE_LEVELS,
            height=5,
        ),
        stat(
            "Données",
            "Where the newest year comes from, and the last day that is published; days after it repeat others.",
            [
                sql(
                    f"SELECT {data_in_french('data_source')} AS {name('Source')}, "
                    f"to_char(last_day, 'DD/MM/YYYY') AS {name('Dernier jour publié')} "
                    "FROM releases ORDER BY release_year DESC, id DESC LIMIT 1"
                )
            ],
            text=True,
            unit="string",
            size=14,
            width=7,
            height=5,
        ),
    ]


def _by_day() -> Panel:
    return lines(
        "Accidents par jour",
        "Accidents and severely hurt users of each day.",
        [
            sql(
                f"SELECT {midnight('day')}, sum(accidents) AS {name('Accidents')}, "
                f"{_SEVERE} AS {name('Usagers graves')} {_TOTAL} GROUP BY day ORDER BY day",
                over_time=True,
            )
        ],
        unit="locale",
        width=12,
        by_day=True,
        look={"min": 0, "decimals": 0},
        overrides=[in_colour("Usagers graves", RED)],
    )


def _by_hour() -> Panel:
    return bars(
        "Accidents par heure",
        "Accidents by hour of the day, in local time; those without a time are left out.",
        [
            sql(
                f"SELECT hour::text || ' h' AS {name('Heure')}, coalesce(sum(accidents), 0) AS "
                f"{name('Accidents')} FROM generate_series(0, 23) AS hour LEFT JOIN accident_figures "
                f"ON dimension = 'heure' AND code = hour::text AND {summed_in_range()} GROUP BY hour ORDER BY hour"
            )
        ],
        over="Heure",
        look={"decimals": 0},
        unit="locale",
        width=12,
    )


def _light() -> Panel:
    title = FEATURE_BY_NAME["lum"].fr
    return pie(
        title,
        "Accidents by light.",
        [
            sql(
                f"SELECT label AS {name(title)}, accidents AS {name('Accidents')} FROM "
                f"(SELECT code, sum(accidents) AS accidents FROM accident_figures WHERE dimension = 'lum' "
                f"AND {summed_in_range()} GROUP BY code) AS counted "
                f"JOIN {codes_of('lum')} USING (code) ORDER BY 2 DESC"
            )
        ],
        unit="locale",
        width=9,
        height=10,
    )


def _top_departments() -> Panel:
    return bars(
        "Dix départements",
        "The ten départements with most accidents.",
        [
            sql(
                f"SELECT coalesce(label, 'Département') || ' (' || code || ')' AS {name('Département')}, "
                f"accidents AS {name('Accidents')}, severe AS {name('Usagers graves')} FROM "
                f"(SELECT code, sum(accidents) AS accidents, {_SEVERE} AS severe FROM accident_figures "
                f"WHERE dimension = 'dep' AND {summed_in_range()} GROUP BY code ORDER BY 2 DESC LIMIT 10) "
                "AS counted "
                f"LEFT JOIN {departments()} USING (code) ORDER BY accidents DESC"
            )
        ],
        over="Département",
        horizontal=True,
        legend=True,
        look={"decimals": 0},
        unit="locale",
        width=15,
        height=10,
        overrides=[in_colour("Usagers graves", RED)],
    )


def _severity(column: Labelled, word: str) -> Panel:
    title = FEATURE_BY_NAME[column].fr
    return bars(
        f"Part grave selon : {title.lower()}",
        f"Share of users killed or hospitalised, by {word}; codes of fewer than {_FEW} users are left out.",
        [
            sql(
                f"SELECT {shortened('label')} AS {name(title)}, share AS {name('Part grave')} FROM "
                f"(SELECT code, {_SEVERE_SHARE} AS share FROM accident_figures WHERE dimension = '{column}' "
                f"AND {summed_in_range()} GROUP BY code HAVING sum(users) >= {_FEW}) AS counted "
                f"JOIN {codes_of(column)} USING (code) ORDER BY share DESC"
            )
        ],
        over=title,
        horizontal=True,
        unit="percentunit",
        levels=_SEVERE_LEVELS,
        width=12,
    )


def _map() -> Panel:
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
        f"share of users severely hurt; grey are those of fewer than {_FEW} users. Whole months that the range "
        "touches; squares overseas are there, too.",
        targets=[
            sql(
                "SELECT (lat_tenths + 0.5) / 10 AS latitude, (long_tenths + 0.5) / 10 AS longitude, "
                f"sum(accidents) AS {name('Accidents')}, CASE WHEN sum(users) >= {_FEW} THEN "
                f"round(100 * ({_SEVERE})::numeric / sum(users), 1) END AS {name(_PERCENT)}, "
                f"sqrt(sum(accidents)) AS {name(_SIZE)} FROM accident_squares WHERE {squares_in_range()} "
                f"GROUP BY lat_tenths, long_tenths ORDER BY 3 DESC LIMIT {_SQUARES}"
            )
        ],
        levels=[(level, 100 * share) for level, share in _SEVERE_LEVELS],
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


def _quality() -> list[Panel]:
    age = "extract(epoch FROM now() AT TIME ZONE 'UTC' - last_materialization_timestamp)"
    return [
        stat(
            "Fraîcheur",
            "Time since days were last written to the tables; the schedule does it each night.",
            [
                sql(
                    f"SELECT {age} AS {name('Depuis la dernière écriture')} FROM asset_keys "
                    "WHERE asset_key = '[\"accidents_table\"]'",
                    DAGSTER,
                )
            ],
            unit="dtdhms",
            levels=_STALE_LEVELS,
            height=8,
        ),
        table(
            "Publications",
            "The newest reading of each year's official files: days covered, users kept and set aside.",
            [
                sql(
                    f"SELECT DISTINCT ON (release_year) release_year::text AS {name('Année')}, "
                    f"to_char(read_at AT TIME ZONE {text(FRANCE)}, 'DD/MM/YYYY') AS {name('Lue le')}, "
                    f"to_char(first_day, 'DD/MM/YYYY') AS {name('Premier jour')}, "
                    f"to_char(last_day, 'DD/MM/YYYY') AS {name('Dernier jour')}, accidents AS {name('Accidents')}, "
                    f"users AS {name('Usagers')}, users_quarantined AS {name('Usagers écartés')} "
                    "FROM releases ORDER BY release_year DESC, id DESC"
                )
            ],
            width=20,
        ),
        table(
            "Lignes écartées",
            "Rows of the official files that broke a rule and were set aside, by table and rule.",
            [
                sql(
                    f"SELECT release_year::text AS {name('Année')}, source_table AS {name('Table')}, "
                    f"coalesce(\"column\", '') AS {name('Colonne')}, rule AS {name('Règle')}, "
                    f"count(*) AS {name('Lignes')} FROM quarantine GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 100"
                )
            ],
            width=24,
            look={"noValue": "Aucune ligne écartée"},
        ),
    ]
