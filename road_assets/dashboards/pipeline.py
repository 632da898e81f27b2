"""The dashboard of the pipeline: materialized partitions, runs, checks, drift per feature, retraining."""

from typing import Final

from road_assets.core.drift_limits import DEFAULT_LIMITS
from road_assets.core.vocabulary import FEATURES
from road_assets.dashboards.alerts import alerts
from road_assets.dashboards.api import DRIFT_LEVELS
from road_assets.dashboards.board import YEARS, Dashboard
from road_assets.dashboards.panels import GREEN, RED, Panel, coloured, lines, stat, table, wide
from road_assets.dashboards.runs import STATE, durations, failures, retraining, runs
from road_assets.dashboards.sources import DAGSTER, sql
from road_assets.dashboards.sql import coarse_day, ends_of_range, in_range, midnight, moment, name, of_dagster, text

_NAMES_PIXELS: Final = 190
"""Room for the features' names beside the heat map."""

_ASSET: Final = "asset_key::jsonb ->> -1"
_MATERIALIZED: Final = "dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key IS NOT NULL"


def dashboard() -> Dashboard:
    """Put the dashboard together."""
    return Dashboard(
        uid="road-pipeline",
        title="Chaîne de traitement",
        description="What is materialized, how runs and checks went, drift per feature, and retraining.",
        panels=[
            *_now(),
            alerts(width=14, height=6),
            _drift_score(),
            _drift_per_feature(),
            runs(),
            durations(),
            _partitions(),
            retraining(),
            _checks(),
            _verdicts(),
            failures(),
        ],
        since=YEARS,
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Runs en cours",
            "Runs that are queued or under way.",
            [
                sql(
                    f"SELECT count(*) FILTER (WHERE status = 'STARTED') AS {name('en cours')}, count(*) FILTER (WHERE "
                    f"status IN ('QUEUED', 'NOT_STARTED', 'STARTING')) AS {name('en file')} FROM runs "
                    "WHERE status IN ('QUEUED', 'NOT_STARTED', 'STARTING', 'STARTED')",
                    DAGSTER,
                )
            ],
            width=5,
            height=6,
        ),
        stat(
            "Runs sur 24 h",
            "Runs that ended within a day, by how.",
            [
                sql(
                    f"SELECT count(*) FILTER (WHERE status = 'SUCCESS') AS {name('réussis')}, "
                    f"count(*) FILTER (WHERE status = 'FAILURE') AS {name('échoués')} FROM runs "
                    "WHERE end_time > extract(epoch FROM now()) - 86400",
                    DAGSTER,
                )
            ],
            width=5,
            height=6,
            overrides=[coloured("échoués", ((GREEN, 0), (RED, 1)))],
        ),
    ]


def _drift_score() -> Panel:
    return lines(
        "Dérive par jour",
        "Share of the 13 features that drifted, for the trailing window that ends on the day; beside it the noise that "
        "was put in on purpose, above 0 in a rehearsal.",
        [
            sql(
                f"SELECT {midnight('day')}, score AS {name('Dérive')}, noise AS {name('Bruit ajouté')} "
                f"FROM drift_scores WHERE {in_range('day')} ORDER BY day",
                over_time=True,
            )
        ],
        unit="percentunit",
        levels=DRIFT_LEVELS,
        marked=True,
        by_day=True,
        width=10,
        height=11,
        look={"min": 0, "max": 1},
    )


def _drift_per_feature() -> Panel:
    columns = ", ".join(
        f"max(distance) FILTER (WHERE feature = {text(feature.name)}) AS {name(feature.fr)}" for feature in FEATURES
    )
    found = f"FROM drift_features WHERE kind = 'feature' AND {in_range('day')}"
    return Panel(
        kind="heatmap",
        title="Dérive par variable",
        description="Total-variation distance of each feature from what the model learned. The middle of the colours "
        "is the threshold, which a feature has to pass, with its noise, to count as drifted. Over more than two years, "
        "a column is the worst day of a week.",
        targets=[
            sql(
                # Summed up by week first, so that the thirteen conditions are asked of fewer rows. Where there are
                # none, two days without values: of an answer without rows Grafana's heat map shows a TypeError.
                f"SELECT {midnight('day')}, {columns} FROM (SELECT {coarse_day('day')} AS day, feature, "
                f"max(distance) AS distance {found} GROUP BY 1, feature UNION ALL SELECT day, NULL, NULL "
                f"FROM {ends_of_range()} WHERE NOT EXISTS (SELECT {found})) AS scored GROUP BY day ORDER BY day",
                over_time=True,
            )
        ],
        unit="percentunit",
        width=14,
        height=11,
        options={
            "calculate": False,
            "cellGap": 0,
            "cellValues": {"unit": "percentunit", "decimals": 1},
            "color": {
                "mode": "scheme",
                "scheme": "RdYlGn",
                "reverse": False,
                "fill": "dark-orange",
                "scale": "linear",
                "exponent": 0.5,
                "steps": 64,
                "min": 0,
                "max": 2 * DEFAULT_LIMITS.distance_threshold,
            },
            "filterValues": {"le": -1},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "axisWidth": _NAMES_PIXELS, "reverse": True},
        },
    )


def _partitions() -> Panel:
    written = moment(of_dagster("last_materialization_timestamp"))
    return table(
        "Partitions matérialisées",
        "For each asset, how many of its days or years are there, the newest of them, and when it was last written.",
        [
            sql(
                f"SELECT counted.{_ASSET} AS {name('Asset')}, partitions AS {name('Partitions')}, newest AS "
                f"{name('Dernière partition')}, {written} AS {name('Écrite le')} FROM "
                f"(SELECT asset_key, count(*) AS partitions, max(partition) AS newest FROM "
                f"(SELECT DISTINCT asset_key, partition FROM event_logs WHERE {_MATERIALIZED} "
                "AND partition IS NOT NULL) AS found GROUP BY asset_key) AS counted "
                "JOIN asset_keys USING (asset_key) ORDER BY 1",
                DAGSTER,
            )
        ],
        width=13,
        height=12,
    )


def _checks() -> Panel:
    looked_at = "$__timeFilter(create_timestamp)"
    evaluated = moment(of_dagster("evaluation_event_timestamp"))
    return table(
        "Contrôles",
        "For each check, its last result, and how often it passed and failed in the range that is looked at. Drift "
        "that fails asks for retraining; the other checks stop what breaks their contract.",
        [
            sql(
                f"SELECT {_ASSET} AS {name('Asset')}, check_name AS {name('Contrôle')}, "
                f"execution_status AS {name('État')}, passed AS {name('Réussis')}, failed AS {name('Échoués')}, "
                f"{evaluated} AS {name('Évalué le')} FROM (SELECT "
                # Of a range of days Dagster plans a check for each, and then makes one.
                "max(id) FILTER (WHERE execution_status <> 'PLANNED') AS id, "
                f"count(*) FILTER (WHERE execution_status = 'SUCCEEDED' AND {looked_at}) AS passed, "
                f"count(*) FILTER (WHERE execution_status = 'FAILED' AND {looked_at}) AS failed "
                "FROM asset_check_executions GROUP BY asset_key, check_name) AS counted "
                "JOIN asset_check_executions USING (id) ORDER BY 1, 2",
                DAGSTER,
            )
        ],
        width=24,
        height=9,
        **STATE,
    )


def _verdicts() -> Panel:
    return table(
        "Validation des candidats",
        "What the gate said of the newest fifty candidates: against whom, whether it takes over, and why.",
        [
            sql(
                f"SELECT {moment('judged_at')} AS {name('Jugé le')}, "
                f"challenger || ' contre ' || coalesce(champion::text, 'aucun') AS {name('Candidat')}, "
                f"CASE WHEN promote THEN 'oui' ELSE 'non' END AS {name('Promu')}, array_to_string(reasons, '; ') AS "
                f"{name('Motifs')} FROM gate_verdicts ORDER BY id DESC LIMIT 50"
            )
        ],
        width=24,
        height=10,
        overrides=[wide("Motifs")],
        columns=140,
    )
