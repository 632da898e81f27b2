"""Panels of Dagster's runs: durations, states, reasons, and the messages of those that failed."""

from typing import Final

from road_assets.core.orchestration import PARTITION, RANGE_END, RANGE_START, REASON, TRAINING_JOB
from road_assets.dashboards.panels import BLUE, GREEN, ORANGE, RED, Panel, bars, coloured, in_words, table, wide
from road_assets.dashboards.sources import DAGSTER, sql
from road_assets.dashboards.sql import FRANCE, duration, moment, name, of_dagster, text

_STATES: Final = {
    "SUCCESS": ("réussi", GREEN),
    "SUCCEEDED": ("réussi", GREEN),
    "FAILURE": ("échoué", RED),
    "FAILED": ("échoué", RED),
    "CANCELED": ("annulé", ORANGE),
    "STARTED": ("en cours", BLUE),
    "QUEUED": ("en file", BLUE),
    "PLANNED": ("prévu", BLUE),
}
STATE: Final = {
    "look": {
        "mappings": [
            in_words(
                {state: word for state, (word, _) in _STATES.items()},
                {state: colour for state, (_, colour) in _STATES.items()},
            )
        ]
    },
    "overrides": [coloured("État")],
}
"""How a table shows its column of that name."""

_STATE_AND_REASON: Final = {**STATE, "overrides": [coloured("État"), wide("Motif")]}

_SECONDS: Final = "coalesce(runs.end_time, extract(epoch FROM now())) - runs.start_time"
_TOOK: Final = duration(_SECONDS)
_ASKED: Final = moment(of_dagster("runs.create_timestamp"))


def _tag(key: str) -> str:
    return f"(SELECT max(value) FROM run_tags WHERE run_tags.run_id = runs.run_id AND key = {text(key)})"


_DAYS: Final = f"coalesce({_tag(PARTITION)}, {_tag(RANGE_START)} || ' – ' || {_tag(RANGE_END)}, '')"
_REASON: Final = f"coalesce({_tag(REASON)}, '')"


def durations() -> Panel:
    """How long the newest runs took."""
    started = f"to_timestamp(runs.start_time) AT TIME ZONE {text(FRANCE)}"
    return bars(
        "Durée des runs",
        "How long the newest 20 runs took, hours:minutes:seconds, the newest at the top.",
        [
            sql(
                f"SELECT to_char({started}, 'DD/MM HH24:MI') || ' ' || pipeline_name AS {name('Run')}, "
                f"{_SECONDS} AS {name('Durée')} FROM runs WHERE start_time IS NOT NULL ORDER BY id DESC LIMIT 20",
                DAGSTER,
            )
        ],
        over="Run",
        horizontal=True,
        unit="dthms",
        width=11,
        height=12,
    )


def runs() -> Panel:
    """The newest runs."""
    return table(
        "Runs",
        "The newest hundred runs: what, for which days, why, how it ended and how long it took.",
        [
            sql(
                f"SELECT {_ASKED} AS {name('Demandé le')}, pipeline_name AS {name('Job')}, "
                f"{_DAYS} AS {name('Partition')}, status AS {name('État')}, {_TOOK} AS {name('Durée')}, "
                f"{_REASON} AS {name('Motif')} FROM runs ORDER BY runs.id DESC LIMIT 100",
                DAGSTER,
            )
        ],
        width=24,
        height=10,
        columns=140,
        **_STATE_AND_REASON,
    )


def retraining() -> Panel:
    """The newest requests for training."""
    return table(
        "Réentraînements",
        "The newest fifty requests for training: as of which day, why, and how they ended.",
        [
            sql(
                f"SELECT {_ASKED} AS {name('Demandé le')}, {_DAYS} AS {name('Jour')}, "
                f"status AS {name('État')}, {_TOOK} AS {name('Durée')}, {_REASON} AS {name('Motif')} FROM runs "
                f"WHERE pipeline_name = {text(TRAINING_JOB)} ORDER BY runs.id DESC LIMIT 50",
                DAGSTER,
            )
        ],
        width=24,
        height=7,
        columns=140,
        **_STATE_AND_REASON,
    )


def failures() -> Panel:
    """The newest runs that failed."""
    return table(
        "Échecs",
        "The newest fifty runs that failed, as the platform noted them: what failed, for which day, and what it said.",
        [
            sql(
                f"SELECT {moment('failed_at')} AS {name('Date')}, job AS {name('Job')}, "
                f"partition AS {name('Partition')}, step AS {name('Étape')}, "
                f"left(message, 500) AS {name('Message')}, reason AS {name('Motif')} "
                "FROM run_failures ORDER BY failed_at DESC LIMIT 50"
            )
        ],
        width=24,
        look={"noValue": "Aucun échec"},
        overrides=[wide("Message"), wide("Motif")],
        columns=140,
    )
