"""The pointer to the model in production: the champion in Postgres, and the registry's alias, which the service polls.

Whoever moves the pointer holds an advisory lock meanwhile, so that the second of two promotions sees the result of the
first. A move has three steps: a transaction in Postgres writes the decision and the new champion, marked as not yet
published; then the registry's alias is moved; then the champion is marked as published. So a kill at any moment leaves
one of these states, which the next holder of the pointer tells apart:

- the decision was not written: nothing has happened;
- it was written, but the champion is not marked as published: Postgres is right, and the alias is moved now;
- the champion is marked as published, but the alias points elsewhere: somebody moved it by hand. The service follows
  the alias, so the registry is right, and the table ``promotions`` gets a row that says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from road_assets.core.production_history import FOUND, ProductionChange
from road_assets.resources import decisions, locks
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision
from road_assets.resources.model_registry import ModelRegistry

WAIT_SECONDS: Final = 600
"""An evaluation of the gate, which holds the lock, takes less."""


class PointerError(RuntimeError):
    """The model in production cannot be changed now; the message says what stands and what to do."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The pointer, held exclusively.

    Attributes:
        connection: holds the lock; in autocommit mode outside of a transaction.
        registry: its alias follows.
        author: who holds the pointer.
    """

    connection: psycopg.Connection
    registry: ModelRegistry
    author: Author

    def version(self) -> int | None:
        """The version in production."""
        champion = decisions.read_champion(self.connection)
        return champion.version if champion else None

    def history(self) -> list[ProductionChange]:
        """Every change of the version in production, in order of time."""
        return decisions.read_production_history(self.connection)

    def move(self, decision: Decision) -> None:
        """Make a version the champion: in Postgres, then in the registry.

        Raises:
            PointerError: the registry has not followed; the decision stands, and whoever holds the pointer next makes
                it follow.
        """
        with self.connection.transaction():
            decisions.set_champion(self.connection, decision, self.author)
        if decision.version is not None:
            self._publish(decision.version)

    def _publish(self, version: int) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.registry.promote(self.registry.version(version))
        except (MlflowException, OSError) as error:
            raise PointerError(
                f"it is decided and written that version {version} is in production, but the model registry has not "
                f"followed, and the service goes on with the version before: {error}. Once MLflow answers, materialize "
                "production_model again, or train, or roll back: each makes the registry follow first"
            ) from error
        decisions.note_published(self.connection)

    def reconcile(self) -> list[str]:
        """Make Postgres and the registry agree, whatever happened since the pointer was held last.

        Returns:
            What was corrected, in sentences; usually none.
        """
        champion, shown = decisions.read_champion(self.connection), self.registry.production_version()
        if champion is None:
            return [] if shown is None else [self._accept(shown, None)]
        if champion.published and shown == champion.version:
            return []
        if not self.registry.holds(champion.version) or (champion.published and shown is not None):
            return [self._accept(shown, champion.version)]
        if not champion.published:
            self._publish(champion.version)
            return [f"version {champion.version} was decided upon, and the registry had not followed; it has now"]
        self._publish(champion.version)
        return [f"the registry had lost its production alias; it points at version {champion.version} again"]

    def _accept(self, shown: int | None, expected: int | None) -> str:
        reason = (
            f"the registry's production alias points at {_name(shown)}, where {_name(expected)} was decided upon: it "
            "was moved by hand, or before decisions were written down"
        )
        model = None if shown is None else self.registry.version(shown)
        self.move(
            Decision(
                FOUND,
                shown,
                expected,
                [reason],
                as_of=model.as_of if model else None,
                family=model.family if model else None,
                figures=dict(model.manifest.metrics) if model else {},
                mlflow_run_id=model.run_id if model else None,
            )
        )
        return reason


@contextmanager
def hold_pointer(
    database: Database, registry: ModelRegistry, author: Author, *, wait_seconds: float = WAIT_SECONDS
) -> Iterator[Pointer]:
    """Hold the pointer, and release it in any case.

    Args:
        database: the platform's tables.
        registry: the model registry.
        author: who decides.
        wait_seconds: how long to wait for another holder.

    Raises:
        PointerError: somebody else holds it for too long, or the tables are older than this version of the platform.
    """
    with database.connect() as connection:
        connection.autocommit = True
        try:
            locks.acquire(connection, locks.POINTER, wait_seconds)
        except psycopg.errors.LockNotAvailable as error:
            raise PointerError(
                f"another promotion or rollback has been at work for {wait_seconds:g} s; nothing was changed. Try "
                "again when its run is over"
            ) from error
        try:
            yield Pointer(connection, registry, author)
        except psycopg.errors.UndefinedTable as error:
            raise PointerError(
                f"{error.diag.message_primary}: the tables are older than this version of the platform; start the "
                "platform again, which brings them up to date"
            ) from error


def _name(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
