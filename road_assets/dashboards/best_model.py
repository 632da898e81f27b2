"""The dashboard of the model in production: its figures beside a constant predictor's, its history, the decisions."""

from typing import Final

from road_assets.core.production_history import FOUND, PROMOTED, REFUSED, ROLLED_BACK
from road_assets.core.vocabulary import OUTCOMES
from road_assets.dashboards.board import Annotation, Dashboard
from road_assets.dashboards.panels import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Levels,
    Panel,
    coloured,
    in_colour,
    in_words,
    lines,
    stat,
    table,
    wide,
)
from road_assets.dashboards.sources import sql
from road_assets.dashboards.sql import data_in_french, moment, name

_FIGURES: Final[tuple[tuple[str, str, str, Levels, int], ...]] = (
    # column, title, description, levels, width
    (
        "roc_auc",
        "ROC-AUC",
        "Chance that somebody severely hurt gets the higher probability of two; 0.5 is guessing. It decides promotion.",
        ((RED, 0), (ORANGE, 0.65), (GREEN, 0.75)),
        8,
    ),
    (
        "precision_macro",
        "Précision macro",
        "Of those estimated to be so, the share that is; mean of both answers.",
        ((RED, 0), (ORANGE, 0.55), (GREEN, 0.65)),
        4,
    ),
    (
        "recall_macro",
        "Rappel macro",
        "Of those who are so, the share that is found; mean of both answers, 0.5 for a constant answer.",
        ((RED, 0), (ORANGE, 0.5), (GREEN, 0.55)),
        4,
    ),
    (
        "f1_macro",
        "F1 macro",
        "Harmonic mean of precision and recall; mean of both answers, about 0.45 for a constant answer.",
        ((RED, 0), (ORANGE, 0.45), (GREEN, 0.55)),
        4,
    ),
    (
        "calibration_error",
        "Erreur de calibration",
        "Mean distance between the probabilities given and the shares that came true; 0 is perfect.",
        ((GREEN, 0), (ORANGE, 0.015), (RED, 0.03)),
        6,
    ),
    (
        "brier",
        "Score de Brier",
        "Mean squared error of the probabilities; 0 is perfect, about 0.17 for a constant answer.",
        ((GREEN, 0), (ORANGE, 0.14), (RED, 0.17)),
        6,
    ),
)

_DECISIONS_IN_FRENCH: Final = {
    PROMOTED: "promu",
    REFUSED: "refusé",
    ROLLED_BACK: "retour en arrière",
    FOUND: "trouvé dans le registre",
}

# Promotions that the service has noticed; the table of decisions holds them all. The window is as long as the interval
# between the points that Grafana asks for, which is hours over months: a fixed window would miss most of them.
_PROMOTED: Final = "road_model_info and on (instance) changes(ml_model_version[$__rate_interval]) > 0"


def dashboard() -> Dashboard:
    """Put the dashboard together."""
    return Dashboard(
        uid="road-best-model",
        title="Meilleur modèle",
        description="The model in production, judged on real users whom it has not seen, beside a constant answer.",
        panels=[
            *_identity(),
            *_accuracy(),
            *_figures(),
            _history(),
            _accuracy_history(),
            _answers(),
            _decisions(),
        ],
        since="now-90d",
        annotations=[Annotation("Promotions", _PROMOTED, BLUE)],
    )


def _of_production(columns: str) -> str:
    return f"SELECT {columns} FROM model_metrics WHERE in_production"


def _identity() -> list[Panel]:
    return [
        stat(
            "Version",
            "Version of the model in production, in the model registry.",
            [sql(_of_production(f"model_version AS {name('Version')}"))],
            unit="none",
        ),
        stat(
            "Année",
            "Year of the last day that the model knew when it was trained.",
            [sql(_of_production(f"extract(year FROM as_of)::int AS {name('Année')}"))],
            unit="none",
            look={"decimals": 0},
        ),
        stat(
            "Jugé sur",
            "Days whose real users the figures come from, and where the data comes from.",
            [
                sql(
                    _of_production(
                        f"to_char(evaluation_first_day, 'DD/MM/YYYY') || ' – ' || to_char(evaluation_last_day, "
                        f"'DD/MM/YYYY') AS {name('Période')}, {data_in_french('data_source')} AS {name('Données')}"
                    )
                )
            ],
            text=True,
            unit="string",
            size=18,
            width=16,
        ),
    ]


def _accuracy() -> list[Panel]:
    return [
        stat(
            "Exactitude et réponse constante",
            "Share of right answers, beside that of always answering with the more frequent one.",
            [
                sql(
                    _of_production(
                        f"accuracy AS {name('Modèle')}, constant_accuracy AS {name(f'Toujours « {OUTCOMES[0].fr} »')}"
                    )
                )
            ],
            unit="percentunit",
            look={"decimals": 2},
            width=8,
        ),
        stat(
            "Gain sur la réponse constante",
            "Accuracy above the constant answer's; few of a hundred users are severely hurt, so it is small.",
            [sql(_of_production(f"accuracy - constant_accuracy AS {name('Gain')}"))],
            unit="percentunit",
            levels=((RED, -1), (ORANGE, 0), (GREEN, 0.005)),
            look={"decimals": 2},
            width=8,
        ),
    ]


def _figures() -> list[Panel]:
    return [
        stat(
            title,
            description,
            [sql(_of_production(f"{column} AS {name(title)}"))],
            unit="none",
            levels=levels,
            look={"decimals": 4},
            width=width,
        )
        for column, title, description, levels, width in _FIGURES
    ]


def _history() -> Panel:
    columns = ", ".join(
        f"{column} AS {name(title)}" for column, title, *_ in _FIGURES if column not in {"calibration_error", "brier"}
    )
    return lines(
        "Historique",
        "Every model that was trained, by the time of its training; beside them, those that were promoted.",
        [
            sql(
                f"SELECT trained_at AS time, {columns} FROM model_metrics WHERE $__timeFilter(trained_at) "
                "ORDER BY trained_at",
                over_time=True,
            ),
            sql(
                f"SELECT p.decided_at AS time, m.roc_auc AS {name('ROC-AUC, mis en production')} FROM promotions AS p "
                "JOIN model_metrics AS m ON m.model_version = p.version "
                f"WHERE p.decision <> '{REFUSED}' AND $__timeFilter(p.decided_at) ORDER BY p.decided_at",
                over_time=True,
            ),
        ],
        unit="none",
        few=True,
        look={"min": 0.4, "max": 1, "decimals": 2},
        overrides=[in_colour("ROC-AUC, mis en production", BLUE)],
    )


def _accuracy_history() -> Panel:
    return lines(
        "Exactitude, historique",
        "Accuracy of every model that was trained, beside that of a constant answer on the same users.",
        [
            sql(
                f"SELECT trained_at AS time, accuracy AS {name('Modèle')}, "
                f"constant_accuracy AS {name(f'Toujours « {OUTCOMES[0].fr} »')} FROM model_metrics "
                "WHERE $__timeFilter(trained_at) ORDER BY trained_at",
                over_time=True,
            )
        ],
        unit="percentunit",
        few=True,
        look={"decimals": 1},
    )


def _answers() -> Panel:
    mild, severe = OUTCOMES[0].fr, OUTCOMES[1].fr
    return table(
        "Réponses et réalité",
        "Users by what the model in production answered (columns) and what was so (rows), with the share of each row "
        "that was found. Those severely hurt whom it misses are below on the left.",
        [
            sql(
                f"SELECT reality AS {name('Réalité')}, mild AS {name(mild)}, severe AS {name(severe)}, "
                f"round(100.0 * found / nullif(mild + severe, 0)) || ' %' AS {name('Reconnus')} FROM model_metrics, "
                f"LATERAL (VALUES ('{mild}', true_negatives, false_positives, true_negatives), "
                f"('{severe}', false_negatives, true_positives, true_positives)) "
                "AS answers (reality, mild, severe, found) WHERE in_production"
            )
        ],
        unit="locale",
    )


def _decisions() -> Panel:
    return table(
        "Décisions",
        "The newest hundred decisions about production: promotions, refusals, rollbacks, with the least gain in "
        "ROC-AUC (one-sided 95 %) and the reasons.",
        [
            sql(
                f"SELECT {moment('decided_at')} AS {name('Date')}, decision AS {name('Décision')}, "
                f"version || coalesce(' (' || family || ')', '') AS {name('Version')}, "
                f"round(lower_bound::numeric, 4) AS {name('Gain minimal')}, "
                f"array_to_string(reasons, '; ') AS {name('Motifs')}, decided_by AS {name('Par')} "
                "FROM promotions ORDER BY id DESC LIMIT 100"
            )
        ],
        width=24,
        height=12,
        look={"mappings": [in_words(_DECISIONS_IN_FRENCH)]},
        overrides=[coloured("Gain minimal", ((RED, -1), (GREEN, 0))), wide("Motifs")],
        columns=135,
    )
