"""Rollback to a former champion, for ``road rollback`` and ``rollback_job``."""

from dataclasses import dataclass

from road_assets.core.production_history import ROLLED_BACK, NoFormerChampionError, former_champion
from road_assets.promotion.pointer import Pointer, hold_pointer
from road_assets.resources import decisions
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision
from road_assets.resources.model_registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class Rollback:
    """Result of a rollback.

    Attributes:
        version: in production now.
        previous: in production before.
        noticed: what had to be corrected before, in sentences.
    """

    version: int
    previous: int | None
    noticed: tuple[str, ...]

    def __str__(self) -> str:
        """Say which version is in production now, and until when."""
        first = "".join(f"{sentence}. " for sentence in self.noticed)
        return (
            f"{first}version {self.version} is in production again, in the place of version {self.previous}. It stays "
            f"until a newly trained version passes the gate, which leaves version {self.previous} alone. The service "
            "takes it over by itself within seconds"
        )


def _done_before(pointer: Pointer) -> tuple[int, int | None] | None:
    """Result of an earlier attempt of the same run: repeated after a kill, it must not go back one more version."""
    run = pointer.author.dagster_run_id
    return None if run is None else decisions.rolled_back_by(pointer.connection, run)


def roll_back(database: Database, registry: ModelRegistry, version: int | None, author: Author) -> Rollback:
    """Bring back a version that was in production before.

    Args:
        database: the platform's tables.
        registry: the model registry.
        version: to bring back; by default the one before the present one.
        author: who decides. A second call in the name of the same run changes nothing.

    Raises:
        NoFormerChampionError: the version was never in production, is there now, or there is none before.
        PointerError: somebody else holds the pointer, or the registry has not followed.
    """
    with hold_pointer(database, registry, author) as pointer:
        noticed = pointer.reconcile()
        if done := _done_before(pointer):
            return Rollback(*done, tuple(noticed))
        history = pointer.history()
        target, previous = former_champion(history, version), pointer.version()
        if not registry.holds(target):
            raise NoFormerChampionError(
                f"version {target} is no longer in the model registry: it was removed as old, or by hand; nothing was "
                "changed. ROAD_RETENTION_FORMER_CHAMPIONS says how many former champions are kept"
            )
        model = registry.version(target)
        asked = "the version before it" if version is None else f"version {version}"
        decision = Decision(
            ROLLED_BACK,
            target,
            previous,
            [f"{author.name} rolled back from version {previous} to {asked}"],
            as_of=model.as_of,
            family=model.family,
            figures=dict(model.manifest.metrics),
            mlflow_run_id=model.run_id,
        )
        pointer.move(decision)
    return Rollback(target, previous, tuple(noticed))
