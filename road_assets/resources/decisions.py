"""The decisions about production, in Postgres: verdicts of the gate, promotions and rollbacks, and the champion.

Every function takes a connection, so that several of them can be one transaction. ``road_assets.core`` decides;
``road_assets.promotion.pointer`` has the order in which Postgres and the registry are updated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from road_assets.core.metrics import DECIDING_METRIC
from road_assets.core.production_history import PROMOTED, REFUSED, ROLLED_BACK, Kind, ProductionChange
from road_assets.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Author:
    """Who decides.

    Attributes:
        name: a person, or a part of the platform, and through what.
        dagster_run_id: run in which it happens, if it is one.
    """

    name: str
    dagster_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of ``promotions``; the columns' comments say what each is."""

    decision: Kind
    version: int | None
    previous_version: int | None
    reasons: Sequence[str]
    as_of: date | None = None
    family: str | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    lower_bound: float | None = None
    mlflow_run_id: str | None = None
    verdict_id: int | None = None


@dataclass(frozen=True, slots=True)
class Champion:
    """The row of ``champion``.

    Attributes:
        version: in production.
        published: whether the registry's alias was seen to have followed.
        since: when it was decided.
    """

    version: int
    published: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A row of ``gate_verdicts``."""

    id: int
    challenger: int | None
    champion: int | None
    candidates: list[int]
    promote: bool
    figures: dict[str, Any]
    reasons: list[str]


_CHAMPION: Final = "SELECT version, published, since FROM champion"
_HISTORY: Final = """
    SELECT decision AS kind, version, previous_version AS previous FROM promotions WHERE decision <> %s ORDER BY id
"""
_NEWEST_VERDICT: Final = """
    SELECT id, challenger, champion, candidates, promote, figures, reasons FROM gate_verdicts WHERE as_of = %s
    ORDER BY id DESC LIMIT 1
"""
_ADD_VERDICT: Final = """
    INSERT INTO gate_verdicts (as_of, challenger, champion, candidates, promote, figures, reasons, dagster_run_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING id, challenger, champion, candidates, promote, figures, reasons
"""
_ROLLED_BACK_BY: Final = "SELECT version, previous_version FROM promotions WHERE decision = %s AND dagster_run_id = %s"
_PROMOTED_FROM: Final = """
    SELECT 1 FROM promotions WHERE verdict_id = %s AND decision = %s AND dagster_run_id = ANY(%s)
"""
_ADD_DECISION: Final = """
    INSERT INTO promotions (as_of, decision, version, previous_version, family, metric, figures, lower_bound, reasons,
                            decided_by, dagster_run_id, mlflow_run_id, verdict_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_SET_CHAMPION: Final = """
    INSERT INTO champion (version, promotion_id, published) VALUES (%s, %s, false)
    ON CONFLICT (singleton) DO UPDATE
    SET version = excluded.version, promotion_id = excluded.promotion_id, since = excluded.since, published = false
"""
NONE_IN_PRODUCTION: Final = "UPDATE model_metrics SET in_production = false WHERE in_production"
"""Runs in the transaction that sets the new one, so that readers never see two models in production, nor none."""

_IN_PRODUCTION: Final = "UPDATE model_metrics SET in_production = true WHERE model_version = %s"


def read_champion(connection: psycopg.Connection) -> Champion | None:
    """The version that was decided to be in production; None before the first decision."""
    with connection.cursor(row_factory=class_row(Champion)) as cursor:
        return cursor.execute(_CHAMPION).fetchone()


def read_production_history(connection: psycopg.Connection) -> list[ProductionChange]:
    """All that ever changed production, in order of time."""
    with connection.cursor(row_factory=class_row(ProductionChange)) as cursor:
        return cursor.execute(_HISTORY, (REFUSED,)).fetchall()


def newest_verdict(connection: psycopg.Connection, as_of: date) -> StoredVerdict | None:
    """The gate's last verdict on a day's candidates."""
    with connection.cursor(row_factory=class_row(StoredVerdict)) as cursor:
        return cursor.execute(_NEWEST_VERDICT, (as_of,)).fetchone()


def add_verdict(
    connection: psycopg.Connection, as_of: date, found: Sequence[int], verdict: Verdict, author: Author
) -> StoredVerdict:
    """Store a verdict.

    Args:
        connection: to the tables.
        as_of: day of the candidates.
        found: every candidate in the registry, those included that did not stand for promotion.
        verdict: on them.
        author: whose run it is.
    """
    with connection.cursor(row_factory=class_row(StoredVerdict)) as cursor:
        (stored,) = cursor.execute(
            _ADD_VERDICT,
            (
                as_of,
                verdict.challenger,
                verdict.champion,
                sorted(found),
                verdict.promote,
                Jsonb(verdict.grounds()),
                list(verdict.reasons),
                author.dagster_run_id,
            ),
        ).fetchall()
    return stored


def acted_upon(connection: psycopg.Connection, verdict: StoredVerdict) -> bool:
    """Whether a decision was already made from a verdict."""
    found = connection.execute("SELECT 1 FROM promotions WHERE verdict_id = %s", (verdict.id,)).fetchone()
    return found is not None


def promoted_from(connection: psycopg.Connection, verdict: StoredVerdict, dagster_run_ids: Sequence[str]) -> bool:
    """Whether one of some runs, such as the attempts of one, promoted the challenger of a verdict."""
    found = connection.execute(_PROMOTED_FROM, (verdict.id, PROMOTED, list(dagster_run_ids))).fetchone()
    return found is not None


def rolled_back_by(connection: psycopg.Connection, dagster_run_id: str) -> tuple[int, int | None] | None:
    """Version brought back by a run and the one before it; nothing if the run has not rolled back."""
    found = connection.execute(_ROLLED_BACK_BY, (ROLLED_BACK, dagster_run_id)).fetchone()
    return None if found is None else (int(found[0]), found[1])


def add_decision(connection: psycopg.Connection, decision: Decision, author: Author) -> int:
    """Append a decision that leaves production as it is, or the first half of ``set_champion``.

    Returns:
        Its id.
    """
    row = (
        decision.as_of,
        decision.decision,
        decision.version,
        decision.previous_version,
        decision.family,
        DECIDING_METRIC,
        Jsonb(decision.figures),
        decision.lower_bound,
        list(decision.reasons),
        author.name,
        author.dagster_run_id,
        decision.mlflow_run_id,
        decision.verdict_id,
    )
    ((number,),) = connection.execute(_ADD_DECISION, row).fetchall()
    return int(number)


def set_champion(connection: psycopg.Connection, decision: Decision, author: Author) -> None:
    """Append a decision and make its version the champion; the registry is updated afterwards.

    The table ``model_metrics`` follows in the same transaction.
    """
    number = add_decision(connection, decision, author)
    connection.execute(NONE_IN_PRODUCTION)
    if decision.version is None:
        connection.execute("DELETE FROM champion")
        return
    connection.execute(_SET_CHAMPION, (decision.version, number))
    connection.execute(_IN_PRODUCTION, (decision.version,))


def note_published(connection: psycopg.Connection) -> None:
    """Note that the registry's alias points at the champion."""
    connection.execute("UPDATE champion SET published = true")
