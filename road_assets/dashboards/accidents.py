"""The dashboard of the accidents: how many, when, where, how severe; rows in quarantine; freshness of the data.

The queries read the sums that migration 0011 added, not single users: twenty years are 2.5 million of them.
"""

from typing import Final

from road_assets.core.vocabulary import FEATURE_BY_NAME, GRAVITY
from road_assets.dashboards.accident_map import accident_map
from road_assets.dashboards.board import YEARS, Dashboard
from road_assets.dashboards.panels import (
    GREEN,
    ORANGE,
    RED,
    Levels,
    Panel,
    bars,
    in_colour,
    lines,
    pie,
    stat,
    table,
)
from road_assets.dashboards.severity import COUNTED, FEW, SEVERE, SEVERE_LEVELS, SEVERE_SHARE
from road_assets.dashboards.sources import DAGSTER, sql
from road_assets.dashboards.sql import (
    FRANCE,
    Labelled,
    codes_of,
    data_in_french,
    departments,
    in_published_range,
    midnight,
    name,
    shortened,
    summed_in_range,
    text,
)

_STALE_LEVELS: Final[Levels] = ((GREEN, 0), (ORANGE, 36 * 3600), (RED, 72 * 3600))
_TOTAL: Final = f"FROM accident_figures WHERE dimension = 'total' AND span = 'day' AND {in_published_range('day')}"


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
            accident_map(),
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
    hurt = ", ".join(f"sum({column}) AS {name(words[code])}" for code, column in COUNTED.items())
    return [
        stat(
            "Totaux",
            "Accidents and their users in the range that is looked at, by injury. Here and below, days after the "
            "newest release are left out, but for the map: they repeat others.",
            [sql(f"SELECT sum(accidents) AS {name('Accidents')}, sum(users) AS {name('Usagers')}, {hurt} {_TOTAL}")],
            unit="locale",
            size=13,
            width=13,
            height=5,
        ),
        stat(
            "Part grave",
            "Share of users killed or hospitalised.",
            [sql(f"SELECT {SEVERE_SHARE} AS {name('Part grave')} {_TOTAL}")],
            unit="percentunit",
            look={"decimals": 1},
            levels=SEVERE_LEVELS,
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
                f"{SEVERE} AS {name('Usagers graves')} {_TOTAL} GROUP BY day ORDER BY day",
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
                f"(SELECT code, sum(accidents) AS accidents, {SEVERE} AS severe FROM accident_figures "
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
        f"Share of users killed or hospitalised, by {word}; codes of fewer than {FEW} users are left out.",
        [
            sql(
                f"SELECT {shortened('label')} AS {name(title)}, share AS {name('Part grave')} FROM "
                f"(SELECT code, {SEVERE_SHARE} AS share FROM accident_figures WHERE dimension = '{column}' "
                f"AND {summed_in_range()} GROUP BY code HAVING sum(users) >= {FEW}) AS counted "
                f"JOIN {codes_of(column)} USING (code) ORDER BY share DESC"
            )
        ],
        over=title,
        horizontal=True,
        unit="percentunit",
        levels=SEVERE_LEVELS,
        width=12,
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
